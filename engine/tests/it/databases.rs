//! Databases that are not for readers: neither read nor seen, by whatever way one names them.

use crate::process::Engine;

async fn engine() -> Engine {
    let engine = Engine::start_with(&["--reader-databases", "ours,more"]);
    for name in ["ours", "more", "theirs"] {
        engine.ask(&format!("CREATE DATABASE {name}")).await;
        engine
            .ask(&format!(
                "CREATE TABLE {name}.t_of_{name} (a UInt64, b String) ENGINE = MergeTree ORDER BY a"
            ))
            .await;
        engine.ask(&format!("INSERT INTO {name}.t_of_{name} VALUES (1, 'row of {name}')")).await;
    }
    engine.ask("CREATE VIEW theirs.v_of_theirs AS SELECT * FROM theirs.t_of_theirs").await;
    engine
}

#[tokio::test]
async fn the_others_are_not_read() {
    let engine = engine().await;
    for sql in [
        "SELECT * FROM theirs.t_of_theirs",
        "SELECT * FROM `theirs`.`t_of_theirs` AS t",
        "SELECT * FROM theirs.v_of_theirs",
        "SELECT * FROM ours.t_of_ours, theirs.t_of_theirs",
        "SELECT * FROM ours.t_of_ours AS o JOIN theirs.t_of_theirs AS t ON o.a = t.a",
        "SELECT (SELECT b FROM theirs.t_of_theirs)",
        "WITH x AS (SELECT * FROM theirs.t_of_theirs) SELECT * FROM x",
        "SELECT 1 UNION ALL SELECT a FROM theirs.t_of_theirs",
        "SELECT * FROM view(SELECT * FROM theirs.t_of_theirs)",
        "SELECT (1, 'row of theirs') IN theirs.t_of_theirs",
        "SELECT (1, 'row of theirs') IN (theirs.t_of_theirs)",
        "SELECT in((1, 'row of theirs'), theirs.t_of_theirs)",
        "SELECT globalNotNullIn((1, 'row of theirs'), theirs.t_of_theirs)",
        "SELECT theirs.a IN theirs.t_of_theirs FROM ours.t_of_ours AS theirs",
        "EXPLAIN SELECT * FROM theirs.t_of_theirs",
        "DESCRIBE theirs.t_of_theirs",
        "DESCRIBE (SELECT * FROM theirs.t_of_theirs)",
        "EXISTS theirs.t_of_theirs",
        "EXISTS VIEW theirs.t_of_theirs",
        "EXISTS DATABASE theirs",
        "EXISTS DATABASE theirs FORMAT TSV",
        "SHOW CREATE theirs.t_of_theirs",
        "SHOW CREATE TABLE theirs.t_of_theirs FORMAT TSVRaw",
        "SHOW CREATE DATABASE theirs",
        "SELECT * FROM t_of_theirs",
        "SELECT * FROM ours.t_of_ours SETTINGS additional_table_filters = {'t': '1 IN (SELECT a FROM theirs.t_of_theirs)'}",
        "FROM theirs.t_of_theirs SELECT *",
        "WITH theirs.t_of_theirs AS x SELECT * FROM x",
        "SELECT (1, '') IN x, theirs.t_of_theirs AS x",
    ] {
        let (status, text) = engine.post("user=reader", sql).await;
        assert!(status >= 400 && !text.contains("row of theirs"), "{sql}: {status} {text}");
    }
    for query in [
        "database=theirs",
        "param_t=theirs.t_of_theirs",
        "param_d=theirs&param_t=t_of_theirs",
        "database=default&param_t=theirs.t_of_theirs",
    ] {
        for sql in [
            "SELECT * FROM {t:Identifier}",
            "SELECT * FROM {d:Identifier}.{t:Identifier}",
            "SELECT (1, '') IN {t:Identifier}",
            "SELECT 1",
        ] {
            let (status, text) = engine.post(&format!("user=reader&{query}"), sql).await;
            assert!(!text.contains("row of"), "{query} {sql}: {status} {text}");
            assert!(
                status >= 400 || sql == "SELECT 1" && query != "database=theirs",
                "{query} {sql}: {status} {text}"
            );
        }
    }
}

#[tokio::test]
async fn the_others_are_not_seen() {
    let engine = engine().await;
    for sql in [
        "SHOW DATABASES",
        "SHOW TABLES FROM theirs",
        "SHOW TABLES FROM theirs FORMAT JSON",
        "SHOW FULL TABLES FROM theirs",
        "SHOW COLUMNS FROM t_of_theirs FROM theirs",
        "SHOW INDEXES FROM theirs.t_of_theirs",
        "SELECT * FROM system.databases",
        "SELECT * FROM system.tables",
        "SELECT * FROM system.columns",
        "SELECT * FROM system.parts",
        "SELECT * FROM system.parts_columns",
        "SELECT * FROM system.tables AS t JOIN system.columns AS c ON t.name = c.table",
        "WITH d AS (SELECT * FROM system.databases) SELECT * FROM d",
        "SELECT * FROM system.databases AS d",
        "SELECT * FROM information_schema.tables",
        "SELECT * FROM information_schema.columns",
        "SELECT * FROM INFORMATION_SCHEMA.SCHEMATA",
        "SELECT * FROM information_schema.schemata SETTINGS additional_table_filters = {'system.databases': '1'}",
        "SELECT * FROM system.databases SETTINGS additional_table_filters = {'x': '1'}",
        "SELECT * FROM tables SETTINGS additional_table_filters = {'x': '1'}",
        "SELECT * FROM (SELECT * FROM system.tables SETTINGS additional_table_filters = {'x': '1'})",
        "SHOW DATABASES SETTINGS additional_table_filters = {'x': '1'}",
        "SELECT * FROM system.completions",
        "SELECT * FROM system.errors",
        "SELECT * FROM t_of_their",
    ] {
        for query in [
            "",
            "database=information_schema",
            "additional_table_filters={}",
            "additional_table_filters={'d':'1'}",
        ] {
            let (_, text) = engine.post(&format!("user=reader&{query}"), sql).await;
            assert!(!text.contains("_of_theirs") && !text.contains("theirs\n"), "{query} {sql}: {text}");
        }
    }
    let (status, text) =
        engine.post("user=reader&additional_table_filters={'system.databases':'1'}", "SHOW DATABASES").await;
    assert!(status >= 400, "{status} {text}");
}

/// What a reader needs of his own databases goes on.
#[tokio::test]
async fn ones_own_are() {
    let engine = engine().await;
    for (query, sql, expected) in [
        ("", "SELECT b FROM t_of_ours", "row of ours\n"),
        ("database=default", "SELECT b FROM t_of_ours", "row of ours\n"),
        ("", "SELECT currentDatabase()", "ours\n"),
        ("database=more", "SELECT t.b FROM t_of_more AS t", "row of more\n"),
        ("", "SELECT theirs.b FROM more.t_of_more AS theirs", "row of more\n"),
        ("", "SELECT (1, 'row of more') IN more.t_of_more", "1\n"),
        ("", "SHOW TABLES", "t_of_ours\n"),
        ("", "SHOW TABLES FORMAT TSV", "t_of_ours\n"),
        ("", "SHOW TABLES FROM more", "t_of_more\n"),
        ("", "SELECT name FROM system.tables WHERE database = 'more'", "t_of_more\n"),
        ("", "EXISTS t_of_ours FORMAT TSV", "1\n"),
        ("", "EXISTS ours.t_of_ours", "1\n"),
        ("", "EXISTS DATABASE more FORMAT TSV", "1\n"),
        ("", "SELECT count() FROM system.one", "1\n"),
        ("additional_table_filters={'ours.t_of_ours':'a = 2'}", "SELECT count() FROM t_of_ours", "0\n"),
        (
            "",
            "SELECT count() FROM t_of_ours SETTINGS additional_table_filters = {'t_of_ours': 'a = 2'}",
            "0\n",
        ),
        ("param_d=more&param_t=t_of_more", "SELECT b FROM {d:Identifier}.{t:Identifier}", "row of more\n"),
    ] {
        let answer = engine.post(&format!("user=reader&{query}"), sql).await;
        assert_eq!(answer, (200, expected.to_owned()), "{query} {sql}");
    }
    let (status, text) = engine.post("user=reader", "SHOW CREATE TABLE t_of_ours FORMAT TSVRaw").await;
    assert!(status == 200 && text.starts_with("CREATE TABLE ours.t_of_ours"), "{status} {text}");
}

/// Clients believe what `system.settings` says of a setting.
#[tokio::test]
async fn settings_look_changeable() {
    let engine = engine().await;
    let sql = "SELECT readonly FROM system.settings WHERE name IN ('max_threads', 'max_block_size')";
    assert_eq!(engine.post("user=reader", sql).await, (200, "0\n0\n".to_owned()));
    for (query, expected) in [
        ("max_threads=3", 200),
        ("async_insert=0&wait_for_async_insert=1", 200),
        ("max_partitions_per_insert_block=100", 500),
        ("format_schema=x", 500),
        ("additional_table_filters={'t':'file(1)'}", 403),
        ("additional_table_filters={'t':1}", 500),
    ] {
        let (status, text) = engine.post(&format!("user=reader&{query}"), "SELECT 1").await;
        assert_eq!(status, expected, "{query}: {text}");
    }
}
