//! `POST /api/v1/sql`: what is answered, and what is refused.

use crate::harness::{Server, ServerOptions, answer};
use reqwest::StatusCode;
use serde_json::{Value, json};

pub const PATH: &str = "/api/v1/sql";

/// An answer that is an error, as status, code and field.
async fn refusal(server: &Server, request: &Value) -> (u16, String, String) {
    let response = server.post(PATH).json(request).send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    let envelope: Value =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{request}: {error}: {text}"));
    let said = |name: &str| envelope["error"][name].as_str().unwrap_or_default().to_owned();
    assert!(status < 400 || !said("message").is_empty(), "{request}: {text}");
    assert!(!said("message").contains("version 2"), "{text}");
    (status, said("code"), said("field"))
}

async fn rows(server: &Server, request: Value) -> Value {
    let response = server.post(PATH).json(&request).send().await.unwrap();
    answer(response, StatusCode::OK).await
}

#[tokio::test]
async fn json_has_columns_and_rows() {
    let server = Server::start().await;
    let mut found = rows(
        &server,
        json!({
            "query": "SELECT {a:Array(String)} AS a, {s:String} AS s, {n:Nullable(UInt8)} AS n, {b:Bool} AS b, \
                {f:Float64} AS f, {d:DateTime64(3, 'UTC')} AS d, 18446744073709551615 AS big, nan AS nan",
            "parameters": {
                "a": ["it's\n\\", "ö\t\"; DROP TABLE event_store --"], "s": "\\N{}\u{0}'", "n": null, "b": true, "f": -1.5e30,
                "d": "2026-01-30 10:30:00.125",
            },
        }),
    )
    .await;
    assert!(found["elapsed_ms"].take().is_u64());
    let column = |name: &str, r#type: &str| json!({"name": name, "type": r#type});
    assert_eq!(
        found,
        json!({
            "columns": [
                column("a", "Array(String)"), column("s", "String"), column("n", "Nullable(UInt8)"), column("b", "Bool"),
                column("f", "Float64"), column("d", "DateTime64(3, 'UTC')"), column("big", "UInt64"), column("nan", "Float64"),
            ],
            "rows": [[
                ["it's\n\\", "ö\t\"; DROP TABLE event_store --"], "\\N{}\u{0}'", null, true, -1.5e30,
                "2026-01-30T10:30:00.125Z", 18_446_744_073_709_551_615_u64, null,
            ]],
            "row_count": 1,
            "truncated": false,
            "elapsed_ms": null,
        })
    );
    // No row still has columns, and every kind of statement that reads is answered.
    for (query, columns, at_least) in [
        ("SELECT number AS a, 'x' AS b FROM numbers(0)", 2, 0),
        ("SELECT count() FROM events;", 1, 1),
        ("WITH 1 AS x SELECT x, x", 2, 1),
        ("FROM issues SELECT count()", 1, 1),
        ("SHOW TABLES", 1, 7),
        ("DESCRIBE TABLE events", 7, 20),
        ("EXPLAIN SELECT * FROM events", 1, 1),
        ("EXISTS TABLE events", 1, 1),
        (
            "SELECT `settings`.1 AS `settings` FROM (SELECT (1, 2) AS `settings`) -- file(); SETTINGS a = 1",
            1,
            1,
        ),
        ("SELECT 'INSERT INTO t FORMAT x; SETTINGS a = 1' AS \"a b\"", 1, 1),
    ] {
        let found = rows(&server, json!({"query": query})).await;
        assert_eq!(found["columns"].as_array().unwrap().len(), columns, "{query}: {found}");
        assert!(found["rows"].as_array().unwrap().len() >= at_least, "{query}: {found}");
    }
}

#[tokio::test]
async fn rows_beyond_the_limit_are_said_to_be_there() {
    let server = Server::start().await;
    for (query, max_rows, count, truncated) in [
        ("SELECT number FROM numbers(100)", 10, 10, true),
        ("SELECT number FROM numbers(10)", 10, 10, false),
        ("SELECT number FROM numbers(100) LIMIT 10", 10, 10, false),
        ("SELECT number FROM numbers(8) UNION ALL SELECT number FROM numbers(8)", 10, 10, true),
        ("SELECT count() FROM numbers(1000)", 10, 1, false),
        ("SELECT number FROM numbers(200000)", 150_000, 150_000, true),
        ("SHOW TABLES", 3, 3, true),
    ] {
        let found = rows(&server, json!({"query": query, "max_rows": max_rows})).await;
        let rows = found["rows"].as_array().unwrap();
        assert_eq!((rows.len(), &found["row_count"]), (count, &json!(count)), "{query}");
        assert_eq!(found["truncated"], truncated, "{query}");
    }
    assert_eq!(
        rows(&server, json!({"query": "SELECT number FROM numbers(20000)"})).await["row_count"],
        10_000
    );
}

#[tokio::test]
async fn formats_are_what_they_say() {
    let server = Server::start().await;
    let query = "SELECT number AS n, concat('a,\"', toString(number)) AS s FROM numbers(3)";
    let magic = |bytes: &[u8]| (bytes[..4].to_vec(), bytes[bytes.len() - 4..].to_vec());
    for (format, accept, content_type) in [
        ("csv", "*/*", "text/csv; charset=utf-8; header=present"),
        ("", "text/html, text/csv;q=0.9, application/json", "text/csv; charset=utf-8; header=present"),
        ("parquet", "*/*", "application/vnd.apache.parquet"),
        ("", "application/vnd.apache.parquet", "application/vnd.apache.parquet"),
        ("arrow", "text/csv", "application/vnd.apache.arrow.stream"),
        ("", "text/html", "application/json"),
        ("json", "text/csv", "application/json"),
    ] {
        let mut request = json!({"query": query});
        if !format.is_empty() {
            request["format"] = format.into();
        }
        let response = server.post(PATH).header("accept", accept).json(&request).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], content_type);
        let body = response.bytes().await.unwrap();
        match content_type.split(';').next().unwrap() {
            "text/csv" => assert_eq!(body, "\"n\",\"s\"\n0,\"a,\"\"0\"\n1,\"a,\"\"1\"\n2,\"a,\"\"2\"\n"),
            "application/vnd.apache.parquet" => {
                assert_eq!(magic(&body), (b"PAR1".to_vec(), b"PAR1".to_vec()))
            }
            "application/vnd.apache.arrow.stream" => assert_eq!(body[..4], [0xFF; 4]),
            _ => assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["row_count"], 3),
        }
    }
    for format in ["csv", "parquet", "arrow"] {
        let request = json!({"query": "SELECT number FROM numbers(11)", "max_rows": 10, "format": format});
        assert_eq!(
            refusal(&server, &request).await,
            (422, "rows_limit".into(), "max_rows".into()),
            "{format}"
        );
        let request = json!({"query": "SELECT number FROM numbers(10)", "max_rows": 10, "format": format});
        assert_eq!(refusal_status(&server, &request).await, 200, "{format}");
    }
}

async fn refusal_status(server: &Server, request: &Value) -> u16 {
    server.post(PATH).json(request).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn every_bad_request_is_named() {
    let server = Server::start().await;
    let select = "SELECT 1";
    for (request, status, code, field) in [
        (json!([]), 422, "wrong_type", ""),
        (json!({}), 422, "missing_field", "query"),
        (json!({"query": null}), 422, "missing_field", "query"),
        (json!({"query": 5}), 422, "wrong_type", "query"),
        (json!({"query": ""}), 422, "invalid_value", "query"),
        (json!({"query": " ; -- nothing"}), 422, "invalid_value", "query"),
        (json!({"query": select, "sql": 1}), 422, "invalid_value", "sql"),
        (json!({"query": select, "format": "xml"}), 422, "invalid_value", "format"),
        (json!({"query": select, "format": 1}), 422, "wrong_type", "format"),
        (json!({"query": select, "max_rows": 0}), 422, "invalid_value", "max_rows"),
        (json!({"query": select, "max_rows": 1_000_001}), 422, "invalid_value", "max_rows"),
        (json!({"query": select, "max_rows": 1.5}), 422, "invalid_value", "max_rows"),
        (json!({"query": select, "max_rows": "9"}), 422, "wrong_type", "max_rows"),
        (json!({"query": select, "timeout_seconds": 61}), 422, "invalid_value", "timeout_seconds"),
        (json!({"query": select, "timeout_seconds": -1}), 422, "invalid_value", "timeout_seconds"),
        (json!({"query": select, "parameters": []}), 422, "wrong_type", "parameters"),
        (json!({"query": select, "parameters": {"a": {}}}), 422, "wrong_type", "parameters.a"),
        (json!({"query": select, "parameters": {"a": [{}]}}), 422, "wrong_type", "parameters.a"),
        (json!({"query": select, "parameters": {"": 1}}), 422, "invalid_value", "parameters."),
        (
            json!({"query": select, "parameters": {"a\"; x=\"": 1}}),
            422,
            "invalid_value",
            "parameters.a\"; x=\"",
        ),
        (json!({"query": "SELECT {p:UInt8}"}), 400, "bad_statement", "query"),
        (json!({"query": "SELECT {p:UInt8}", "parameters": {"p": "x"}}), 400, "bad_statement", "query"),
        (json!({"query": "SELECT FROM WHERE"}), 400, "bad_statement", "query"),
        (json!({"query": "SELECT 'open"}), 400, "bad_statement", "query"),
        (json!({"query": "SELECT nothing FROM events"}), 400, "bad_statement", "query"),
        (json!({"query": "SELECT * FROM nothing"}), 400, "bad_statement", "query"),
        (json!({"query": "SELECT nosuch(1)"}), 400, "bad_statement", "query"),
        (json!({"query": "SELECT throwIf(1, 'so it is')"}), 400, "bad_statement", "query"),
        (json!({"query": "SELECT intDiv(1, 0)"}), 400, "bad_statement", "query"),
        (
            json!({"query": format!("SELECT {}1{}", "(".repeat(5000), ")".repeat(5000))}),
            400,
            "bad_statement",
            "query",
        ),
        (json!({"query": "SELECT 1 FORMAT CSV"}), 422, "not_allowed", "query"),
        (json!({"query": "SELECT \u{0}"}), 422, "not_allowed", "query"),
    ] {
        let expected = (status, code.to_owned(), field.to_owned());
        assert_eq!(refusal(&server, &request).await, expected, "{request}");
    }
    let deep = format!(
        "{{\"query\": \"SELECT 1\", \"parameters\": {{\"a\": {}}}}}",
        "[".repeat(1000) + &"]".repeat(1000)
    );
    for (body, content_type, status, code) in [
        ("{\"query\": ", "application/json", 400, "malformed_json"),
        ("SELECT 1", "application/json", 400, "malformed_json"),
        (&deep, "application/json", 400, "malformed_json"),
        ("SELECT 1", "text/plain", 415, "unsupported_media_type"),
        (&" ".repeat(300 << 10), "application/json", 413, "too_large"),
    ] {
        let request = server.post(PATH).header("content-type", content_type).body(body.to_owned());
        let refused = answer(request.send().await.unwrap(), StatusCode::from_u16(status).unwrap()).await;
        assert_eq!(refused["error"]["code"], code, "{body:.40}");
    }
    let message =
        server.post(PATH).json(&json!({"query": "SELECT throwIf(1, 'so it is')"})).send().await.unwrap();
    let message =
        answer(message, StatusCode::BAD_REQUEST).await["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("so it is"), "{message}");
    let log = server.log();
    assert!(!log.contains("panicked") && !log.contains("ERROR"), "{log}");
}

/// Statements that would do more than read. `{secret}` is a file, `{port}` a port on which somebody listens.
const ESCAPES: [&str; 60] = [
    // Writing.
    "INSERT INTO probe VALUES ('x')",
    "INSERT INTO probe SELECT 'x'",
    "WITH x AS (SELECT 'x') INSERT INTO probe SELECT * FROM x",
    "/* SELECT */ INSERT INTO probe SELECT 'x'",
    "-- SELECT\nINSERT INTO probe SELECT 'x'",
    "SELECT 1; INSERT INTO probe SELECT 'x'",
    "SELECT 1;;DROP TABLE probe",
    "SELECT 'a\\'; DROP TABLE probe; --'; DROP TABLE probe",
    "CREATE TABLE made (a String) ENGINE = Memory",
    "CREATE TEMPORARY TABLE made (a String)",
    "CREATE FUNCTION made AS (x) -> x",
    "CREATE DICTIONARY made (a UInt64) PRIMARY KEY a SOURCE(HTTP(URL 'http://127.0.0.1:{port}/' FORMAT 'CSV')) LAYOUT(FLAT()) LIFETIME(0)",
    "CREATE VIEW made AS SELECT 1",
    "CREATE USER made",
    "GRANT ALL ON *.* TO reader",
    "ALTER TABLE probe DELETE WHERE 1",
    "ALTER TABLE probe MODIFY COMMENT 'x'",
    "DROP TABLE probe",
    "TRUNCATE TABLE probe",
    "DETACH TABLE probe",
    "RENAME TABLE probe TO made",
    "OPTIMIZE TABLE probe FINAL",
    "DELETE FROM probe WHERE 1",
    "UPDATE probe SET a = 'x' WHERE 1",
    "BACKUP TABLE probe TO File('/tmp/log-center-escape')",
    "SYSTEM STOP MERGES",
    "SYSTEM RELOAD DICTIONARIES",
    "SYSTEM SHUTDOWN",
    "KILL QUERY WHERE 1",
    "(KILL QUERY WHERE 1)",
    "USE system",
    "EXPLAIN PIPELINE INSERT INTO FUNCTION file('/tmp/log-center-escape', 'CSV', 'a String') SELECT 'x'",
    "INSERT INTO FUNCTION url('http://127.0.0.1:{port}/', 'CSV', 'a UInt8') SELECT 1",
    "SELECT 1 INTO OUTFILE '/tmp/log-center-escape'",
    "SELECT 1 INTO/**/OUTFILE '/tmp/log-center-escape' FORMAT CSV",
    // Lifting limits.
    "SET max_execution_time = 0",
    "SELECT 1 SETTINGS max_execution_time = 0",
    "SELECT 1 SETTINGS readonly = 0",
    "SELECT * FROM (SELECT 1 SETTINGS readonly = 0)",
    "SELECT * FROM (SELECT 1 settings`readonly`=0)",
    "SELECT * FROM (SELECT 1 SETTINGS use_uncompressed_cache, readonly = 0)",
    "SELECT * FROM (SELECT * FROM url('http://127.0.0.1:{port}/', 'LineAsString') SETTINGS readonly = 0)",
    "SELECT * FROM (SELECT /* /* */ ' */ * FROM url('http://127.0.0.1:{port}/', 'LineAsString') SETTINGS readonly=0) -- '",
    "SELECT ‘'’, * FROM (SELECT * FROM url('http://127.0.0.1:{port}/', 'LineAsString') SETTINGS readonly = 0), ‘'’",
    // Files.
    "SELECT file('{secret}')",
    "SELECT \"fi\\x6ce\"('{secret}')",
    "SELECT arrayMap(file, ['{secret}'])",
    "SELECT * APPLY file FROM (SELECT '{secret}')",
    "SELECT * FROM file('{secret}', 'LineAsString')",
    "SELECT * FROM `{secret}`",
    "DESCRIBE file('{secret}', 'CSVWithNames')",
    "DESCRIBE TABLE fileCluster('x', '{secret}', 'CSVWithNames')",
    // The network.
    "SELECT * FROM url('http://127.0.0.1:{port}/', 'LineAsString')",
    "SELECT * FROM remote('127.0.0.1:{port}', 'system', 'one')",
    "SELECT * FROM s3('http://127.0.0.1:{port}/bucket/key', 'CSV', 'a String')",
    "SELECT * FROM mysql('127.0.0.1:{port}', 'd', 't', 'u', 'p')",
    "SELECT * FROM executable('id', 'TSV', 'a String')",
    "DESCRIBE url('http://127.0.0.1:{port}/')",
    "DESCRIBE (SELECT * FROM url('http://127.0.0.1:{port}/'))",
    "SELECT getClientHTTPHeader('Authorization')",
];

const SECRET: &str = "the-secret-of-this-test";

async fn cannot_escape(server: &Server) {
    server.sql("CREATE TABLE probe (a String) ENGINE = MergeTree ORDER BY a").await;
    server.sql("INSERT INTO probe VALUES ('kept')").await;
    let before = server.sql("SELECT count() FROM system.tables WHERE database = currentDatabase()").await;
    let directory = tempfile::tempdir().unwrap();
    let secret = directory.path().join("secret");
    std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    for template in ESCAPES {
        let query =
            template.replace("{secret}", &secret.display().to_string()).replace("{port}", &port.to_string());
        let response =
            server.post(PATH).json(&json!({"query": query, "timeout_seconds": 10})).send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        assert!(matches!(status, 400 | 422) && !text.contains(SECRET), "{query}: {status} {text}");
    }
    assert!(listener.accept().is_err(), "something connected");
    assert!(!std::path::Path::new("/tmp/log-center-escape").exists());
    assert_eq!(server.sql("SELECT a FROM probe").await, "kept");
    assert_eq!(
        server.sql("SELECT count() FROM system.tables WHERE database = currentDatabase()").await,
        before
    );
    assert_eq!(rows(server, json!({"query": "SELECT a FROM probe"})).await["rows"], json!([["kept"]]));
}

#[tokio::test]
async fn nothing_but_reading_is_possible() {
    cannot_escape(&Server::start().await).await;
}

/// With a ClickHouse that somebody else runs, asked as the user who also writes, and as one who can only read.
#[tokio::test]
async fn nothing_but_reading_is_possible_elsewhere() {
    let elsewhere = Server::start().await;
    for reader in [None, Some("reader")] {
        let mut options =
            ServerOptions::new().env("LOG_CENTER_CLICKHOUSE_URL", elsewhere.clickhouse_for_writers());
        if let Some(reader) = reader {
            // A reader there may read the database of that server only.
            options = options.env("LOG_CENTER_CLICKHOUSE_READER_USER", reader);
            options = options.database_of(&elsewhere).env("LOG_CENTER_SERVER_ID", 1);
        }
        let server = options.start().await;
        assert_eq!(server.engine_pid, None);
        cannot_escape(&server).await;
    }
}

/// Times as this API writes them can be compared with, cast and passed as parameters; so can NULL.
#[tokio::test]
async fn times_of_answers_can_be_asked_with() {
    let server = Server::start().await;
    server.report(&crate::harness::a_report(1)).await;
    server.sql_becomes("SELECT count() FROM events", "1").await;
    let event = server.json("/api/v1/events").await["items"][0].clone();
    let time = event["time"].as_str().unwrap();
    let old = "2026-01-02T03:04:05Z";
    for (query, expected) in [
        (format!("SELECT count() FROM events WHERE time = '{time}'"), 1),
        (format!("SELECT count() FROM events WHERE time > '{old}' AND time < '2199-01-01T00:00:00.000Z'"), 1),
        (format!("SELECT count() FROM events WHERE time BETWEEN '{old}' AND '{time}'"), 1),
        (format!("SELECT count() FROM events WHERE time IN ('{time}', '{old}')"), 1),
        ("SELECT count() FROM events WHERE time < '2026-01-02T03:04:05+01:00'".to_owned(), 0),
        (format!("SELECT count() FROM event_counts WHERE quarter >= '{old}'"), 1),
        ("SELECT count() FROM event_counts WHERE quarter >= '2026-01-02T03:04:05.678Z'".to_owned(), 1),
        (format!("SELECT count() FROM events WHERE time = CAST('{time}' AS DateTime64(3, 'UTC'))"), 1),
        (format!("SELECT count() FROM events WHERE time = toDateTime64('{time}', 3, 'UTC')"), 1),
        // A text stays a text.
        (format!("SELECT '{time}' = '{time}'"), 1),
        (format!("SELECT length('{old}') = 20 AND now() > '{old}'"), 1),
    ] {
        assert_eq!(rows(&server, json!({"query": query})).await["rows"], json!([[expected]]), "{query}");
    }
    for (r#type, value, expected) in [
        ("DateTime64(3)", json!(time), json!(time)),
        ("DateTime64(3, 'Asia/Tokyo')", json!("2026-01-02T03:04:05.678Z"), json!("2026-01-02T03:04:05.678Z")),
        ("DateTime64(3, 'UTC')", json!("2026-01-02T04:04:05.678+01:00"), json!("2026-01-02T03:04:05.678Z")),
        ("DateTime", json!("2026-01-02T03:04:05.678Z"), json!("2026-01-02T03:04:05Z")),
        ("Nullable(DateTime)", json!(old), json!(old)),
        ("Nullable(DateTime64(3))", Value::Null, Value::Null),
        ("Array(DateTime64(3))", json!([time, old]), json!([time, "2026-01-02T03:04:05.000Z"])),
        ("DateTime64(3, 'UTC')", json!("2026-01-02 03:04:05.678"), json!("2026-01-02T03:04:05.678Z")),
        ("String", json!(time), json!(time)),
        ("Nullable(String)", Value::Null, Value::Null),
        ("Nullable(Int64)", Value::Null, Value::Null),
        ("Array(Nullable(String))", json!([null, "a"]), json!([null, "a"])),
    ] {
        let ask = json!({"query": format!("SELECT {{p:{type}}} AS p"), "parameters": {"p": value}});
        assert_eq!(rows(&server, ask).await["rows"], json!([[expected]]), "{type} {value}");
    }
    for text in ["2026-01-02T99:00:00Z", "yesterday", "2026-01-02T03:04:05Z' OR '1"] {
        let query = format!("SELECT count() FROM events WHERE time > '{}'", text.replace('\'', "''"));
        assert_eq!(refusal(&server, &json!({"query": query})).await.1, "bad_statement", "{text}");
    }
    let many: Vec<_> = (0..20).map(|second| format!("time > '2026-01-02T03:04:{second:02}Z'")).collect();
    let query = format!("SELECT count() FROM events WHERE {}", many.join(" OR "));
    assert_eq!(refusal(&server, &json!({"query": query})).await.1, "bad_statement");
}

/// What pandas takes for a missing number.
#[tokio::test]
async fn nothing_is_an_empty_field_of_csv() {
    let server = Server::start().await;
    let query = "SELECT NULL AS a, 1 AS b, CAST(NULL, 'Nullable(Float64)') AS c, '' AS d, CAST(NULL, 'Nullable(DateTime)') AS e, '\\\\N' AS f";
    let response = server.post(PATH).json(&json!({"query": query, "format": "csv"})).send().await.unwrap();
    assert_eq!(response.text().await.unwrap(), "\"a\",\"b\",\"c\",\"d\",\"e\",\"f\"\n,1,,\"\",,\"\\N\"\n");
}

/// The types in the schema of an Arrow stream: for each column the number of its type in the format, and the unit of a timestamp.
fn arrow_types(stream: &[u8]) -> Vec<(u8, i16)> {
    let number = |at: usize| u32::from_le_bytes(stream[at..at + 4].try_into().unwrap()) as usize;
    let short = |at: usize| i16::from_le_bytes(stream[at..at + 2].try_into().unwrap());
    // A table begins with how far before it the places of its fields are.
    let field = |table: usize, index: usize| {
        let places = table.wrapping_sub(number(table) as i32 as usize);
        let is_there = 4 + 2 * index < short(places) as usize;
        is_there.then(|| short(places + 4 + 2 * index) as usize).filter(|at| *at != 0).map(|at| table + at)
    };
    let follow = |at: usize| at + number(at);
    let message = follow(8);
    let schema = follow(field(message, 2).unwrap());
    let columns = follow(field(schema, 1).unwrap());
    let column = |index: usize| {
        let column = follow(columns + 4 + 4 * index);
        let unit = field(column, 3).map(follow).and_then(|of_type| field(of_type, 0)).map_or(0, short);
        (stream[field(column, 2).unwrap()], unit)
    };
    (0..number(columns)).map(column).collect()
}

#[tokio::test]
async fn a_time_is_a_timestamp_in_arrow() {
    const TIMESTAMP: u8 = 10;
    let server = Server::start().await;
    let columns = "toDateTime(5, 'UTC') AS a, CAST(NULL, 'Nullable(DateTime)') AS b, now() AS `c``d`, toDateTime64(5, 3, 'UTC') AS e, \
        toDate('2026-01-30') AS f, 7 AS g";
    for query in [
        format!("SELECT {columns}"),
        format!("SELECT {columns} FROM numbers(10) ORDER BY number DESC; "),
        format!("WITH 1 AS one SELECT {columns} -- the end"),
        format!("SELECT {columns} UNION ALL SELECT {columns}"),
    ] {
        let response =
            server.post(PATH).json(&json!({"query": query, "format": "arrow"})).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{query}");
        let types = arrow_types(&response.bytes().await.unwrap());
        // In seconds, and in milliseconds.
        assert_eq!(types[..4], [(TIMESTAMP, 0), (TIMESTAMP, 0), (TIMESTAMP, 0), (TIMESTAMP, 1)], "{query}");
        assert_eq!((types[4].0, types[5].0), (8, 2), "{query}");
    }
    // Views of ours, parameters, and what is no SELECT.
    for (query, parameters) in [
        (
            "SELECT quarter, count FROM event_counts WHERE quarter > {t:DateTime}",
            json!({"t": "2026-01-02T03:04:05Z"}),
        ),
        ("SELECT minute FROM requests_by_minute WHERE minute > '2026-01-02T03:04:05.000Z'", json!({})),
        ("SHOW TABLES", json!({})),
        ("SELECT now(), now()", json!({})),
    ] {
        let ask = json!({"query": query, "parameters": parameters, "format": "arrow"});
        assert_eq!(server.post(PATH).json(&ask).send().await.unwrap().status(), StatusCode::OK, "{query}");
    }
    let ask = json!({"query": "SELECT nothing", "format": "arrow"});
    assert_eq!(refusal(&server, &ask).await.1, "bad_statement");
}
