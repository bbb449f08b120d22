//! What clients get wrong, and what they are told.

use std::io::{Read as _, Write as _};

use crate::process::{Engine, plain_client};

/// Sends raw bytes and returns all that comes back before the engine closes.
fn raw(engine: &Engine, request: &str) -> String {
    let mut connection = engine.connect();
    connection.set_read_timeout(Some(crate::process::PATIENCE)).expect("timeout");
    connection.write_all(request.as_bytes()).expect("write");
    let mut answer = Vec::new();
    drop(connection.read_to_end(&mut answer));
    String::from_utf8_lossy(&answer).into_owned()
}

const NEWER: &str = "client_protocol_version=54460&default_format=Native";

#[tokio::test]
async fn a_table_of_bad_requests() {
    let engine = Engine::start();
    engine.ask("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a").await;
    let long = format!("SELECT '{}'", "x".repeat(2 << 20));
    // Name of the case, URL, body, expected status and code.
    let cases: &[(&str, &str, &str, u16, u32)] = &[
        ("empty", "", "", 400, 62),
        ("blanks only", "", "  \n -- nothing\n", 400, 62),
        ("semicolons only", "", ";;", 400, 62),
        ("two statements", "", "SELECT 1; DROP TABLE t", 400, 62),
        ("two statements, no SELECT", "", "CREATE TABLE u (a UInt8) ENGINE = Memory; DROP TABLE t", 400, 62),
        ("no SQL", "", "hello", 400, 62),
        ("lone word is not SELECT word", "", "now()", 400, 62),
        ("unclosed string", "", "SELECT 'a", 400, 62),
        ("too long", "", &long, 413, 229),
        ("too long for ClickHouse's parser", "", &long[..400_000], 400, 62),
        ("unknown table", "", "SELECT * FROM u", 404, 60),
        ("unknown column", "", "SELECT b FROM t", 404, 47),
        ("unknown function", "", "SELECT nope(1)", 404, 46),
        ("unknown format", "", "SELECT 1 FORMAT Nope", 404, 73),
        ("unknown default format", "default_format=Nope", "SELECT 1", 404, 73),
        ("unknown database", "database=nope", "SELECT 1", 404, 81),
        ("database with a quote", "database=a`b", "SELECT 1", 404, 81),
        ("unknown setting", "nope=1", "SELECT 1", 404, 115),
        ("bad setting", "max_threads=abc", "SELECT 1", 400, 27),
        ("setting with a zero byte", "max_threads=1%00", "SELECT 1", 400, 36),
        ("bad flag", "compress=maybe", "SELECT 1", 400, 36),
        ("bad number", "buffer_size=-1", "SELECT 1", 400, 36),
        ("newer protocol, too rich a type", NEWER, "SELECT sumState(1)", 501, 48),
        ("protocol of no number", "client_protocol_version=new", "SELECT 1", 400, 36),
        ("nameless parameter", "param_=1", "SELECT 1", 400, 36),
        ("missing parameter", "", "SELECT {x:UInt8}", 500, 456),
        ("parameter of a wrong type", "param_x=abc", "SELECT {x:UInt8}", 400, 457),
        ("query id not printable", "query_id=%0a", "SELECT 1", 400, 36),
        ("insert into nothing", "query=INSERT+INTO+u+FORMAT+CSV", "1", 404, 60),
        ("insert in no format", "query=INSERT+INTO+t+FORMAT+Nope", "1", 404, 73),
        ("insert with no data clause", "query=INSERT+INTO+t", "", 400, 62),
        ("bad data", "query=INSERT+INTO+t+FORMAT+CSV", "abc", 400, 117),
        ("bad JSON data", "query=INSERT+INTO+t+FORMAT+JSONEachRow", "{\"a\":", 500, 0),
        ("cut binary data", "query=INSERT+INTO+t+FORMAT+RowBinary", "abc", 500, 33),
        ("outfile", "", "SELECT 1 INTO OUTFILE 'x'", 500, 358),
        ("division of a string", "", "SELECT 'a' / 2", 400, 43),
    ];
    for (name, query, body, status, code) in cases {
        let answer = plain_client()
            .post(format!("{}?{query}", engine.url()))
            .body((*body).to_owned())
            .send()
            .await
            .expect("answer");
        let got = answer.status().as_u16();
        let header = answer
            .headers()
            .get("x-clickhouse-exception-code")
            .map(|value| value.to_str().expect("code").to_owned());
        let text = answer.text().await.expect("text");
        let text: String = text.chars().take(300).collect();
        assert!(text.starts_with("Code: ") && text.contains("Exception"), "{name}: {text}");
        assert_eq!(header.as_deref(), text["Code: ".len()..].split('.').next(), "{name}");
        if *code != 0 {
            assert_eq!(header, Some(code.to_string()), "{name}: {text}");
        }
        // The parameters' own codes have no place in ClickHouse's table of statuses.
        if !matches!(code, 0 | 43 | 456 | 457) {
            assert_eq!(got, *status, "{name}: {text}");
        }
        assert!(got >= 400, "{name}");
    }
    assert_eq!(engine.ask("SELECT count() FROM t").await, "0");
    assert_eq!(engine.ask("SHOW TABLES").await, "t");
}

#[tokio::test]
async fn headers_that_do_not_fit() {
    let engine = Engine::start();
    let client = plain_client();
    let check = async |header: &'static str, value: &'static str, status: u16| {
        let answer =
            client.post(engine.url()).header(header, value).body("SELECT 1").send().await.expect("answer");
        assert_eq!(answer.status(), status, "{header}: {value}");
        let code = answer.headers().get("X-ClickHouse-Exception-Code");
        assert_eq!(code.is_some(), status != 200, "{header}: {value}");
    };
    check("Content-Encoding", "snappy", 501).await;
    check("Content-Encoding", "gzip", 500).await;
    check("Content-Encoding", "zstd", 500).await;
    check("Content-Encoding", "br", 500).await;
    check("Content-Encoding", "lz4", 500).await;
    check("Content-Type", "multipart/form-data", 400).await;
    check("Content-Type", "multipart/form-data; boundary=x", 400).await;
    check("Origin", "https://evil.example", 403).await;
    check("Origin", "null", 403).await;
    check("Origin", "http://localhost:8003", 403).await;
    check("Host", "rebound.example", 421).await;
    check("Host", "localhost", 200).await;
    check("Host", "[::1]:8123", 200).await;
}

#[tokio::test]
async fn paths_and_methods() {
    let engine = Engine::start();
    let client = plain_client();
    let check = async |method: reqwest::Method, path: &'static str, status: u16, body: &'static str| {
        let url = format!("http://{}{path}", engine.address);
        let answer = client.request(method.clone(), url).send().await.expect("answer");
        assert_eq!(answer.status(), status, "{method} {path}");
        assert!(answer.text().await.expect("text").starts_with(body), "{method} {path}");
    };
    check(reqwest::Method::GET, "/ping", 200, "Ok.\n").await;
    check(reqwest::Method::HEAD, "/ping", 200, "").await;
    check(reqwest::Method::GET, "/", 200, "Ok.\n").await;
    check(reqwest::Method::GET, "/replicas_status", 200, "Ok.\n").await;
    check(reqwest::Method::GET, "/?query=SELECT%201", 200, "1\n").await;
    check(reqwest::Method::HEAD, "/?query=SELECT%201", 200, "").await;
    check(reqwest::Method::GET, "/nothing", 404, "There is nothing here").await;
    check(reqwest::Method::PUT, "/", 405, "Use GET or POST").await;
    check(reqwest::Method::DELETE, "/?query=SELECT%201", 405, "Use GET or POST").await;
}

#[tokio::test]
async fn a_form_may_carry_everything() {
    let engine = Engine::start();
    let form = |fields: &[(&str, &str)]| {
        let parts: String = fields
            .iter()
            .map(|(name, value)| {
                format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
            })
            .collect();
        format!("{parts}--b--\r\n")
    };
    let post = async |body: String| {
        let answer = plain_client()
            .post(engine.url())
            .header("Content-Type", "multipart/form-data; boundary=b")
            .body(body)
            .send()
            .await
            .expect("answer");
        (answer.status().as_u16(), answer.text().await.expect("text"))
    };
    let good = form(&[("query", "SELECT {a:String} || {b:String}"), ("param_a", "x\\ty"), ("param_b", "'☃")]);
    assert_eq!(post(good).await, (200, "x\\ty\\'☃\n".to_owned()));
    let (status, text) = post(form(&[("query", "SELECT 1"), ("nonsense", "1")])).await;
    assert!(status == 404 && text.contains("Code: 115."), "{status} {text}");
    let file = "--b\r\nContent-Disposition: form-data; name=\"t\"; filename=\"t\"\r\n\r\n1\r\n--b--\r\n";
    let (status, text) = post(file.to_owned()).await;
    assert!(status == 400 && text.contains("external"), "{status} {text}");
    let (status, text) = post(form(&[("query", &"x".repeat(3 << 20))])).await;
    assert!(status == 413 && text.contains("Code: 229."), "{status} {text}");
}

#[test]
fn broken_http() {
    let engine = Engine::start();
    let cases = [
        ("nonsense\r\n\r\n", "HTTP/1.1 400"),
        ("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n", "HTTP/1.1 400"),
        ("GET /?query=SELECT+1 HTTP/1.0\r\nHost: localhost\r\n\r\n", "HTTP/1.0 200"),
        ("GET /?query=SELECT+1 HTTP/1.0\r\n\r\n", "HTTP/1.0 421"),
    ];
    for (request, expected) in cases {
        let answer = raw(&engine, request);
        assert!(answer.starts_with(expected), "{request:?}: {answer}");
    }
}
