//! Headers, errors and methods as clients of ClickHouse know them.

use std::io::{Read as _, Write as _};

use crate::process::{Engine, plain_client, stranger};

fn raw(engine: &Engine, request: &str) -> String {
    let mut connection = engine.connect();
    connection.set_read_timeout(Some(crate::process::PATIENCE)).expect("timeout");
    connection.write_all(request.as_bytes()).expect("write");
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).expect("a whole answer");
    String::from_utf8(answer).expect("text")
}

#[test]
fn what_is_no_request_is_told_so() {
    let engine = Engine::start();
    let long = "x".repeat(70_000);
    let header = format!("X: {}\r\n", "x".repeat(8_000)).repeat(100);
    let cases = [
        ("nonsense\r\n\r\n".to_owned(), "400", "Code: 36."),
        ("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n".to_owned(), "400", "Code: 36."),
        (format!("GET /?query={long} HTTP/1.1\r\nHost: localhost\r\n\r\n"), "414", "Code: 229."),
        (format!("GET / HTTP/1.1\r\nHost: localhost\r\n{header}\r\n"), "431", "Code: 229."),
        // Comes after the time of a head.
        ("GET / HTTP/1.1\r\nHost: loc".to_owned(), "408", "Code: 209."),
    ];
    for (request, status, text) in cases {
        let answer = raw(&engine, &request);
        let start: String = request.chars().take(40).collect();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{start}: {answer}");
        assert!(answer.contains(&format!("\r\n\r\n{text}")), "{start}: {answer}");
        assert!(answer.contains("\r\nX-ClickHouse-Exception-Code: "), "{start}: {answer}");
    }
}

#[tokio::test]
async fn the_second_request_of_a_connection_is_told_so_too() {
    let engine = Engine::start();
    let request = format!(
        "GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\nGET /?query={} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "x".repeat(70_000)
    );
    let answer = raw(&engine, &request);
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("HTTP/1.1 414 "), "{answer}");
    assert!(answer.contains("the URL is longer"), "{answer}");
}

#[tokio::test]
async fn options_opens_nothing() {
    let engine = Engine::start();
    for path in ["", "?query=SELECT+1", "ping"] {
        let request = stranger().request(reqwest::Method::OPTIONS, format!("{}{path}", engine.url()));
        let answer = request.header("Access-Control-Request-Method", "POST").send().await.expect("answer");
        assert_eq!(answer.status(), 204, "{path}");
        assert_eq!(answer.headers()["allow"], "GET, HEAD, POST, OPTIONS");
        assert!(!answer.headers().keys().any(|name| name.as_str().starts_with("access-control")), "{path}");
    }
}

#[tokio::test]
async fn headers_say_what_clients_look_for() {
    let engine = Engine::start();
    let ask = async |query: &str, sql: &str| {
        let url = format!("{}?{query}", engine.url());
        stranger().post(url).body(sql.to_owned()).send().await.expect("answer")
    };
    let answer =
        ask("send_progress_in_http_headers=1&query_id=q", "SELECT number FROM numbers(10) FORMAT JSON").await;
    let headers = answer.headers();
    for name in ["x-clickhouse-progress", "x-clickhouse-summary"] {
        let value = headers[name].to_str().expect("text");
        let value: serde_json::Value = serde_json::from_str(value).expect("JSON");
        assert_eq!(value["read_rows"], "10", "{name}");
    }
    assert_eq!(headers["x-clickhouse-query-id"], "q");
    assert_eq!(headers["x-clickhouse-format"], "JSON");
    assert!(headers.contains_key("x-clickhouse-timezone"));
    assert!(headers.contains_key("x-clickhouse-server-display-name"));
    assert!(!ask("", "SELECT 1").await.headers().contains_key("x-clickhouse-progress"));
}

#[tokio::test]
async fn an_error_may_be_in_the_format() {
    let engine = Engine::start();
    let formats = [
        "JSON",
        "JSONCompact",
        "JSONStrings",
        "JSONColumnsWithMetadata",
        "JSONColumns",
        "JSONObjectEachRow",
        "JSONEachRow",
        "JSONCompactEachRow",
        "JSONStringsEachRow",
    ];
    for format in formats {
        for (query, clause) in [
            (String::new(), format!("FORMAT {format}")),
            (format!("&default_format={format}"), String::new()),
        ] {
            let query = format!("http_write_exception_in_output_format=1{query}");
            let url = format!("{}?{query}", engine.url());
            let sql = format!("SELECT throwIf(number = 3, 'a \"word\"') FROM numbers(10) {clause}");
            let answer = stranger().post(&url).body(sql.clone()).send().await.expect("answer");
            assert_eq!(answer.status(), 500, "{format}");
            assert_eq!(answer.headers()["x-clickhouse-exception-code"], "395");
            assert!(answer.headers()["content-type"].to_str().expect("type").contains("json"), "{format}");
            let text = answer.text().await.expect("text");
            let value: serde_json::Value =
                serde_json::from_str(&text).unwrap_or_else(|_| panic!("{format}: {text}"));
            assert!(value["exception"].as_str().expect("text").starts_with("Code: 395."), "{format}: {text}");
            let plain = url.replace("output_format=1", "output_format=0");
            let text =
                stranger().post(plain).body(sql).send().await.expect("answer").text().await.expect("text");
            assert!(text.starts_with("Code: 395."), "{format}: {text}");
        }
    }
    // Behind rows that are out already, it is the last line of an answer that ends well.
    let sql = "SELECT number, throwIf(number = 900000) FROM numbers(1000000) FORMAT JSONEachRow";
    let (status, text) = engine.post("http_write_exception_in_output_format=1", sql).await;
    assert_eq!(status, 200);
    let last = text.lines().last().expect("a line");
    assert!(last.starts_with("{\"exception\": \"Code: 395."), "{last}");
    let (_, xml) = engine.post("http_write_exception_in_output_format=1", "SELECT a FORMAT XML").await;
    assert!(xml.starts_with("<?xml") && xml.contains("<exception>Code: 47."), "{xml}");
}

#[tokio::test]
async fn an_error_is_said_once() {
    let engine = Engine::start();
    for format in ["CapnProto", "Template", "Protobuf", "ProtobufList", "JSON", "XML", "Parquet", "Pretty"] {
        let sql = format!("SELECT throwIf(number = 900000) FROM numbers(1000000) FORMAT {format}");
        let answer = plain_client().post(engine.url()).body(sql).send().await.expect("answer");
        let status = answer.status().as_u16();
        let code = answer.headers()["x-clickhouse-exception-code"].to_str().expect("text").to_owned();
        let text = answer.text().await.expect("text");
        assert!(text.starts_with(&format!("Code: {code}. DB::")), "{format}: {text}");
        assert_eq!(text.matches("Code: ").count(), 1, "{format}: {text}");
        assert_eq!(text.matches("(version ").count(), 1, "{format}: {text}");
        assert!(status != 503, "{format}: {status} {text}");
        if format.starts_with("Protobuf") {
            assert_eq!((status, code.as_str()), (400, "36"), "{text}");
        }
    }
}
