//! The user `reader`.

use crate::process::{Engine, plain_client};

async fn engine() -> Engine {
    let engine = Engine::start_with(&[
        "--reader-max-execution-seconds",
        "2",
        "--reader-max-result-rows",
        "1000",
        "--reader-max-memory-bytes",
        "100000000",
    ]);
    engine.ask("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a").await;
    engine.ask("INSERT INTO t SELECT number FROM numbers(100)").await;
    engine
}

#[tokio::test]
async fn reads_and_nothing_else() {
    let engine = engine().await;
    assert_eq!(engine.post("user=reader", "SELECT count() FROM t").await, (200, "100\n".to_owned()));
    for sql in [
        "INSERT INTO t VALUES (1)",
        "INSERT INTO t SELECT 1",
        "CREATE TABLE u (a UInt64) ENGINE = Memory",
        "CREATE TEMPORARY TABLE u (a UInt64)",
        "DROP TABLE t",
        "ALTER TABLE t DELETE WHERE 1",
        "OPTIMIZE TABLE t FINAL",
        "TRUNCATE TABLE t",
        "SET max_execution_time = 100",
        "SET readonly = 0",
        "SELECT 1 SETTINGS readonly = 0",
        "SELECT 1 SETTINGS max_execution_time = 100",
        "SYSTEM DROP MARK CACHE",
        "KILL QUERY WHERE 1",
    ] {
        let (status, text) = engine.post("user=reader", sql).await;
        assert!(status >= 400, "{sql}: {status} {text}");
    }
    assert_eq!(engine.ask("SELECT count() FROM t").await, "100");
}

#[tokio::test]
async fn what_readonly_lets_through_is_refused() {
    let engine = engine().await;
    for (sql, code) in [
        // Invisible characters are blanks to ClickHouse.
        ("SELECT 1 INTO\u{200B}OUTFILE 'metadata/x.sql'", 497),
        ("SELECT 1 INTO\u{FEFF}OUTFILE 'metadata/x.sql'", 497),
        ("SELECT 1 INTO\u{2060}OUTFILE 'metadata/x.sql'", 497),
        ("SELECT 1\u{A0}INTO OUTFILE 'metadata/x.sql'", 497),
        ("SELECT\u{1}1", 497),
        ("SELECT 1 SETTINGS 1x=0, readonly=0", 164),
        ("SELECT * FROM (SELECT 1 SETTINGS 1x=0, readonly=0)", 164),
        ("SELECT 1 FORMAT Protobuf", 36),
        ("SELECT 1 FORMAT Protobuf SETTINGS output_format_schema='metadata/x.sql'", 36),
        ("SELECT 1 SETTINGS output_format_schema='metadata/x.sql'", 164),
        // What another statement does, and what the configuration says.
        ("SELECT * FROM system.processes", 497),
        ("SELECT * FROM `system`.\"server_settings\"", 497),
        ("SELECT 1 IN (system.processes)", 497),
        ("SHOW PROCESSLIST", 164),
        ("SHOW CLUSTERS", 497),
        ("SHOW CLUSTER 'x'", 497),
        ("SHOW FILESYSTEM CACHES", 497),
        ("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", 164),
        ("EXPLAIN SYNTAX INSERT INTO t SELECT 1", 164),
        ("SELECT 1 PARALLEL WITH DROP TABLE t", 164),
        ("EXECUTE AS default SELECT 1", 164),
        ("SELECT * APPLY(x -> (SELECT * FROM url('http://127.0.0.1:1/'))) FROM t", 497),
        ("SELECT * FROM merge('system', 'processes')", 497),
        ("SHOW TABLES WHERE file('engine.xml') = ''", 497),
        ("SELECT a FROM t SETTINGS additional_table_filters = {'t': 'file(\\'x\\') = 1'}", 497),
        (
            "SELECT a FROM t SETTINGS additional_table_filters = {'t': 'a IN (SELECT 1 SETTINGS readonly = 0)'}",
            164,
        ),
        // ClickHouse itself takes these from a subquery, `readonly` included.
        ("SELECT * FROM (SELECT 1 SETTINGS readonly = 0)", 164),
        ("SELECT * FROM (SELECT 1 SETTINGS max_execution_time = 100)", 164),
        ("SELECT * FROM (SELECT 1 settings`max_threads`=1000)", 164),
        ("SELECT * FROM (SELECT 1 SETTINGS use_uncompressed_cache, readonly = 0)", 164),
        (
            "SELECT * FROM (SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString') SETTINGS readonly = 0)",
            497,
        ),
        ("SELECT * FROM (SELECT /* /* */ ' */ * SETTINGS/**/readonly=0) -- '", 164),
        ("SELECT \u{2018}'\u{2019}, * FROM (SELECT 1 SETTINGS readonly = 0), \u{2018}'\u{2019}", 497),
        ("SELECT file('engine.xml')", 497),
        ("SELECT FILE ('engine.xml')", 497),
        ("SELECT `file`('engine.xml')", 497),
        ("SELECT \"fi\\x6ce\"('engine.xml')", 497),
        ("SELECT arrayMap(file, ['engine.xml'])", 497),
        ("SELECT * APPLY file FROM (SELECT 'engine.xml')", 497),
        ("SELECT * APPLY(x -> file(x)) FROM (SELECT 'engine.xml')", 497),
        ("DESCRIBE file('engine.xml')", 497),
        ("DESC TABLE url('http://127.0.0.1:1/')", 497),
        ("DESCRIBE (SELECT * FROM file('engine.xml'))", 497),
        ("(DESCRIBE s3('http://127.0.0.1:1/a/b'))", 62),
        ("SELECT 1 INTO OUTFILE 'x'", 358),
        ("SELECT 1; SELECT 2", 62),
        // Strings that ClickHouse parses and computes, and states that it trusts.
        ("SELECT CAST(unhex('ff'), 'AggregateFunction(uniq, UInt64)')", 497),
        ("SELECT [unhex('ff')]::Array(AggregateFunction(uniq, UInt64))", 497),
        ("SELECT CAST(unhex('ff'), 'Aggregate' || 'Function(uniq, UInt64)')", 497),
        ("SELECT {x:AggregateFunction(uniq, UInt64)}", 497),
        ("SELECT b FROM generateRandom('a UInt8, b String ALIAS file(\\'engine.xml\\')') LIMIT 1", 36),
        ("SELECT * FROM generateRandom('a String DEFAULT file(\\'engine.xml\\')') LIMIT 1", 36),
        ("SELECT * FROM generateRandom(concat('a String DEFAULT ', 'file(1)')) LIMIT 1", 497),
        ("WITH 'a String DEFAULT 1' AS s SELECT * FROM generateRandom(s) LIMIT 1", 497),
        ("SELECT * FROM null('a String ALIAS file(\\'engine.xml\\')')", 497),
        ("SELECT structureToProtobufSchema('a String DEFAULT file(\\'engine.xml\\')')", 497),
        ("SELECT arrayReduce('quantile(file(\\'engine.xml\\'))', [1])", 497),
        ("SELECT arrayReduce(concat('groupFor', 'mat(\\'Protobuf\\')'), [1])", 497),
        ("SELECT arrayReduceInRanges('groupFormat(\\'CSV\\')', [(1, 1)], [1])", 497),
        ("SELECT initializeAggregation('quantile(length(file(\\'engine.xml\\')))', 1)", 497),
        (
            "SELECT number AS n, 1 AS v FROM numbers(3) ORDER BY n WITH FILL TO 5 \
             INTERPOLATE (v AS arrayReduce('quantile(file(\\'engine.xml\\'))', [1]))",
            497,
        ),
        (
            "SELECT number AS n, 1 AS v FROM numbers(3) ORDER BY n WITH FILL TO 5 INTERPOLATE (v AS made(1))",
            46,
        ),
        ("SELECT arrayMap(arrayReduce, ['quantile(file(\\'engine.xml\\'))'], [[1]])", 497),
    ] {
        let (status, text) = engine.post("user=reader", sql).await;
        assert!(status >= 400 && text.contains(&format!("Code: {code}.")), "{sql}: {status} {text}");
    }
    for sql in [
        "SELECT 1 AS `settings`",
        "SELECT 'it''s in a file (settings a = 1); DROP TABLE t'",
        "SELECT 1 /* a; /* nested */ ; file() */ -- SETTINGS a = 1",
        "DESCRIBE t",
        "DESCRIBE TABLE t",
        "DESCRIBE (SELECT count() FROM t)",
        "EXPLAIN SELECT * FROM t",
        "SHOW TABLES",
        "EXISTS TABLE t",
        "WITH 1 AS x SELECT x;",
        "FROM t SELECT count()",
        "(SELECT 1)",
        "SELECT 'ä \u{200B}' AS \"ö\" -- ü",
        "SELECT name, value, readonly AS readonly FROM system.settings LIMIT 10",
        "SELECT name, value, changed FROM system.settings WHERE name = 'max_threads'",
        "SELECT name FROM system.settings AS settings ORDER BY settings.name LIMIT 1",
        "SELECT count() FROM system.tables AS tables, system.columns AS columns WHERE 0",
        "SELECT a FROM t SETTINGS additional_table_filters = {'t': 'a > 5 -- all'}, max_threads = 1",
        "SELECT * FROM (SELECT 1 SETTINGS max_threads = 1, max_execution_time = 1)",
        "SELECT 1 FORMAT Null",
        "SELECT '1'::UInt8, CAST([1] AS Array(Nullable(String))), CAST(1, 'SimpleAggregateFunction(sum, UInt64)')",
        "SELECT arrayReduce('quantile(0.9)', [1, 2]), initializeAggregation('sumState', 1)",
        "SELECT * FROM generateRandom('a UInt8, b Array(Nullable(String))', 1) LIMIT 1",
        "SELECT 1 AS a SETTINGS max_threads = 2 FORMAT JSONCompact",
    ] {
        let (status, text) = engine.post("user=reader", sql).await;
        assert_eq!(status, 200, "{sql}: {text}");
    }
    let modes = "user=reader&result_overflow_mode=throw&timeout_overflow_mode=throw";
    assert_eq!(engine.post(modes, "SELECT 1").await, (200, "1\n".to_owned()));
}

#[tokio::test]
async fn is_known_by_url_header_or_basic_auth() {
    let engine = engine().await;
    let post = || plain_client().post(engine.url()).body("CREATE TABLE u (a UInt64) ENGINE = Memory");
    for request in [
        post().header("X-ClickHouse-User", "reader"),
        post().header("Authorization", "Basic cmVhZGVyOg=="),
        post().query_pair(&engine, "user=reader"),
    ] {
        let answer = request.send().await.expect("answer");
        assert_eq!(answer.headers()["x-clickhouse-exception-code"], "164");
    }
    for request in [
        post().header("X-ClickHouse-User", "reader").header("X-ClickHouse-Key", "guess"),
        post().header("X-ClickHouse-User", "admin"),
        post().header("Authorization", "Basic !"),
        post().header("Authorization", "Bearer x"),
    ] {
        let answer = request.send().await.expect("answer");
        assert_eq!(answer.status(), 403);
        assert_eq!(answer.headers()["x-clickhouse-exception-code"], "516");
    }
}

/// Replaces the URL of a request; reqwest's own `query` needs another feature.
trait QueryPair {
    fn query_pair(self, engine: &Engine, pair: &str) -> Self;
}

impl QueryPair for reqwest::RequestBuilder {
    fn query_pair(self, engine: &Engine, pair: &str) -> Self {
        let (client, request) = self.build_split();
        let mut request = request.expect("request");
        *request.url_mut() = format!("{}?{pair}", engine.url()).parse().expect("url");
        Self::from_parts(client, request)
    }
}

#[tokio::test]
async fn has_limits_that_it_can_only_lower() {
    let engine = engine().await;
    #[track_caller]
    fn check((status, text): (u16, String), code: u32) {
        if code == 0 {
            assert_eq!(status, 200, "{text}");
        } else {
            assert!(status >= 400 && text.contains(&format!("Code: {code}.")), "{status} {text}");
        }
    }
    let rows = "SELECT number FROM numbers(2000)";
    let endless = "SELECT count() FROM numbers(100000000000)";
    let hungry = "SELECT length(groupArray(number)) FROM numbers(100000000)";
    check(engine.post("user=reader", rows).await, 396);
    check(engine.post("user=reader", endless).await, 159);
    check(engine.post("user=reader", hungry).await, 241);
    check(engine.post("user=reader&max_result_rows=5000", rows).await, 164);
    check(engine.post("user=reader&max_result_rows=0", rows).await, 164);
    check(engine.post("user=reader&result_overflow_mode=break", rows).await, 164);
    check(engine.post("user=reader&max_execution_time=100", "SELECT 1").await, 164);
    check(engine.post("user=reader&max_execution_time=-1", "SELECT 1").await, 36);
    check(engine.post("user=reader&max_execution_time=nan", "SELECT 1").await, 36);
    check(engine.post("user=reader&max_memory_usage=100000001", "SELECT 1").await, 164);
    check(engine.post("user=reader&allow_ddl=1", "SELECT 1").await, 164);
    for named in ["output_format_schema=x", "format_schema=x", "format_template_row=x", "max_threads=100000"]
    {
        check(engine.post(&format!("user=reader&{named}"), "SELECT 1").await, 164);
    }
    for format in ["Protobuf", "ProtobufList", "Template", "AvroConfluent", "MySQLWire"] {
        check(engine.post(&format!("user=reader&default_format={format}"), "SELECT 1").await, 36);
    }
    check(engine.post("user=reader&database=system", "SELECT * FROM processes").await, 497);
    check(engine.post("user=reader&param_t=system.processes", "SELECT * FROM {t:Identifier}").await, 497);
    check(engine.post("user=reader&param_t=file", "SELECT arrayMap({t:Identifier}, ['x'])").await, 497);
    check(engine.post("user=reader&param_t=t", "SELECT count() FROM {t:Identifier}").await, 0);
    let lowered = "user=reader&max_execution_time=1";
    check(engine.post(lowered, "SELECT 1 SETTINGS max_execution_time = 2").await, 164);
    // A limit on rows must not cut what the statement is judged by.
    for cut in ["limit=1", "offset=1", "max_result_rows=1"] {
        check(
            engine.post(&format!("user=reader&{cut}"), "SELECT * FROM url('http://127.0.0.1:1/')").await,
            497,
        );
    }
    check(engine.post("user=reader&max_result_rows=10", "SELECT number FROM numbers(11)").await, 396);
    check(engine.post("user=reader&max_result_rows=10", "SELECT number FROM numbers(9)").await, 0);
    check(
        engine.post("user=reader&max_threads=1&output_format_json_quote_64bit_integers=1", "SELECT 1").await,
        0,
    );
    check(engine.post("user=reader&readonly=0", "INSERT INTO t VALUES (1)").await, 164);
    check(engine.post("user=reader&session_id=s", "SELECT 1").await, 0);
    check(engine.post("user=reader&param_x=1", "SELECT {x:UInt8}").await, 0);
}

#[tokio::test]
async fn get_changes_nothing() {
    let engine = engine().await;
    for query in ["", "&readonly=0", "&session_id=s"] {
        let url = format!("{}?query=INSERT%20INTO%20t%20VALUES%20(1){query}", engine.url());
        let answer = reqwest::get(url).await.expect("answer");
        assert_eq!(answer.headers()["x-clickhouse-exception-code"], "164", "{query}");
    }
    let url = format!("{}?query=SELECT%20count()%20FROM%20t&max_threads=1", engine.url());
    assert_eq!(reqwest::get(url).await.expect("answer").text().await.expect("text"), "100\n");
}

/// Long texts that keep a parser busy. No time is measured: each took many seconds, or for ever, when it was not bounded.
#[tokio::test]
async fn long_statements_are_bounded() {
    let engine = engine().await;
    let many = |piece: &str, count: usize| piece.repeat(count);
    let marks: String = (0..40_000).map(|number| format!("${number}$ ")).collect();
    for (sql, code) in [
        (format!("SELECT {marks}"), 36),
        (marks, 36),
        (format!("SELECT '{}'", many("$a$ ", 50_000)), 36),
        (format!("SELECT {}", many("(", 100_000)), 306),
        (format!("SELECT {}", many("[", 50_000)), 306),
        (format!("SELECT 1{}", many(",1", 100_000)), 168),
        (format!("SELECT 1{}", many("+1", 20_000)), 167),
        (format!("SELECT {}", many("a.", 200_000)), 718),
        (format!("SELECT {}1", many("/*", 100_000)), 62),
        (many("SELECT 1;", 30_000), 62),
        (format!("SELECT '{}'", many("x", 2 << 20)), 229),
    ] {
        let (status, text) = engine.post("user=reader", sql.clone()).await;
        assert!(status >= 400 && text.contains(&format!("Code: {code}.")), "{sql:.60}: {status} {text:.200}");
    }
    // No limit on time ends a function that parses, unless it has the form that is asked for and a bounded text.
    let marks =
        "SELECT formatQuery(arrayStringConcat(arrayMap(x -> concat('$', toString(x), '$ '), range(100000))))";
    let (_, text) = engine.post("user=reader", marks).await;
    assert!(text.contains("Code: 497."), "{text}");
    let ask = "SELECT formatQuery({statement:String})";
    assert_eq!(engine.post("user=reader&param_statement=select%201", ask).await.0, 200);
    let numbers: Vec<String> = (0..5_000).map(|number| number.to_string()).collect();
    let long = format!("SELECT 7 IN ({})", numbers.join(", "));
    assert_eq!(engine.post("user=reader", long).await, (200, "1\n".to_owned()));
}
