//! Nobody without the password keeps out who shows it, nor, for long, anybody else.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;

use crate::process::{Engine, PASSWORD, eventually, running, stranger};

/// Bodies that never end.
fn slow_bodies(engine: &Engine, count: usize, query: &str, headers: &str) -> Vec<TcpStream> {
    let open = |_| {
        let mut connection = engine.connect();
        let head = format!(
            "POST /?{query} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: 100\r\n\r\nSELECT 1"
        );
        connection.write_all(head.as_bytes()).expect("half a request");
        connection
    };
    (0..count).map(open).collect()
}

fn is_open(connection: &mut TcpStream) -> bool {
    connection.set_nonblocking(true).expect("nonblocking");
    let read = connection.read(&mut [0; 1]);
    connection.set_nonblocking(false).expect("blocking");
    matches!(read, Err(error) if error.kind() == ErrorKind::WouldBlock)
}

async fn answers(engine: &Engine) {
    assert_eq!(engine.ask("SELECT 1").await, "1");
    let answer = stranger().post(engine.url()).body("SELECT 2").send().await.expect("answer");
    assert_eq!(answer.text().await.expect("text"), "2\n");
}

#[tokio::test]
async fn slow_bodies_hold_no_turn() {
    let engine = Engine::start_with(&["--max-statements", "4", "--max-queued-statements", "4"]);
    engine.ask("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a").await;
    let mut slow = slow_bodies(&engine, 33, "", "");
    let password = format!("X-ClickHouse-Key: {PASSWORD}\r\n");
    slow.extend(slow_bodies(&engine, 33, "", &password));
    slow.extend(slow_bodies(&engine, 33, "query=INSERT+INTO+t+FORMAT+CSV", &password));
    for _ in 0..20 {
        answers(&engine).await;
    }
    assert!(slow.iter_mut().all(is_open));
    // Their own time ends, too.
    for mut connection in [slow.swap_remove(0), slow.swap_remove(40)] {
        connection.set_read_timeout(Some(crate::process::PATIENCE)).expect("timeout");
        let mut text = String::new();
        connection.read_to_string(&mut text).expect("answer");
        assert!(text.contains("Code: 209."), "{text}");
    }
}

/// Where all that is open is busy with a body, the next one that comes is not the first to go.
#[tokio::test]
async fn slow_bodies_and_forms_keep_nobody_out() {
    let engine = Engine::start();
    raise_file_limit();
    let form = "Content-Type: multipart/form-data; boundary=b\r\n";
    let mut slow = slow_bodies(&engine, 520, "", "");
    slow.extend(slow_bodies(&engine, 520, "", form));
    for _ in 0..5 {
        answers(&engine).await;
    }
    assert!(is_open(slow.last_mut().expect("one")));
}

fn raise_file_limit() {
    let mut limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current = limit.maximum;
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).expect("files");
}

#[tokio::test]
async fn half_heads_keep_nobody_out() {
    let engine = Engine::start();
    raise_file_limit();
    let mut heads: Vec<TcpStream> = Vec::new();
    for _ in 0..1_030 {
        let mut connection = engine.connect();
        // One that was closed already is no failure.
        drop(connection.write_all(b"POST / HTTP/1.1\r\nHost: loc"));
        heads.push(connection);
    }
    let mut idle: Vec<TcpStream> = (0..20).map(|_| engine.connect()).collect();
    answers(&engine).await;
    assert!(idle.iter_mut().all(is_open), "they made place by their time, not by their age");
    assert!(!is_open(&mut heads[0]), "the oldest makes place");
    // The ones of who shows the password stay.
    let mut known = engine.connect();
    let request =
        format!("GET /?query=SELECT+1 HTTP/1.1\r\nHost: localhost\r\nX-ClickHouse-Key: {PASSWORD}\r\n\r\n");
    known.write_all(request.as_bytes()).expect("request");
    eventually("the answer is there", || {
        let mut answer = [0; 1];
        matches!(known.peek(&mut answer), Ok(1))
    });
    let more: Vec<TcpStream> = (0..1_030).map(|_| engine.connect()).collect();
    answers(&engine).await;
    known.write_all(request.as_bytes()).expect("a second request");
    let mut text = String::new();
    known.set_read_timeout(Some(crate::process::PATIENCE)).expect("timeout");
    while text.matches("\r\n\r\n1\n").count() < 2 {
        let mut piece = [0; 4096];
        let length = known.read(&mut piece).expect("answer");
        assert!(length > 0, "closed: {text}");
        text.push_str(&String::from_utf8_lossy(&piece[..length]));
    }
    drop(more);
}

#[tokio::test]
async fn long_statements_of_strangers_leave_turns_to_others() {
    let engine = Engine::start_with(&["--max-statements", "4"]);
    let mut asked = Vec::new();
    for number in 0..64 {
        let mut connection = engine.connect();
        let sql = "SELECT count() FROM numbers(1000000000000) WHERE sin(number) > 2";
        let head = format!(
            "POST /?max_threads=1&query_id=long-{number} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{sql}",
            sql.len()
        );
        connection.write_all(head.as_bytes()).expect("request");
        asked.push(connection);
    }
    engine
        .until("SELECT count() FROM system.processes WHERE Settings['log_comment'] LIKE 'long-%'", "2")
        .await;
    for _ in 0..20 {
        assert_eq!(engine.ask("SELECT 1").await, "1");
    }
    let known = stranger().post(engine.url()).basic_auth("reader", Some(PASSWORD)).body("SELECT 3");
    assert_eq!(known.send().await.expect("answer").text().await.expect("text"), "3\n");
}

/// A statement that reads a pipe into which nobody writes cannot be cancelled.
fn endless(engine: &Engine) -> String {
    let folder = engine.data_dir().join("user_files");
    std::fs::create_dir_all(&folder).expect("folder");
    let pipe = folder.join("pipe");
    if !pipe.exists() {
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).expect("pipe");
    }
    format!("SELECT * FROM file('{}', 'LineAsString')", pipe.display())
}

#[tokio::test]
async fn what_does_not_end_holds_no_turn_for_ever() {
    let engine = Engine::start_with(&["--max-statements", "2"]);
    let sql = endless(&engine);
    let ask = |query| engine.post(query, sql.clone());
    let (one, two) =
        tokio::join!(ask("max_execution_time=1&query_id=one"), ask("max_execution_time=1&query_id=two"));
    for (status, text) in [one, two] {
        assert!(status == 408 && text.contains("Code: 159."), "{status} {text}");
    }
    assert_eq!(engine.ask(&running("one")).await, "1", "it does end");
    answers(&engine).await;
}

#[tokio::test]
async fn when_too_many_do_not_end_the_engine_does() {
    let mut engine = Engine::start_with(&[
        "--max-statements",
        "16",
        "--stop-deadline-seconds",
        "1",
        "--stuck-seconds",
        "0",
    ]);
    let sql = endless(&engine);
    let mut asked = Vec::new();
    for _ in 0..9 {
        let mut connection = engine.connect();
        let head = format!(
            "POST /?max_execution_time=1 HTTP/1.1\r\nHost: localhost\r\nX-ClickHouse-Key: {PASSWORD}\r\nContent-Length: {}\r\n\r\n{sql}",
            sql.len()
        );
        connection.write_all(head.as_bytes()).expect("request");
        asked.push(connection);
    }
    assert_eq!(engine.wait().code(), Some(2));
}

#[tokio::test]
async fn any_text_costs_little_before_it_is_judged() {
    let engine = Engine::start_with(&["--max-statements", "4"]);
    let many = |piece: &str| piece.repeat(250_000 / piece.len());
    let numbered: String = (0..40_000).map(|number| format!("${number}$ ")).collect();
    let texts = [
        numbered,
        many("$a$ $b$ "),
        many("`"),
        many("`a` "),
        many("'' "),
        many("\\'"),
        many("/*"),
        many("--\n"),
        many("("),
        format!("SELECT {}1{}", "(".repeat(100_000), ")".repeat(100_000)),
        format!("SELECT {}1{}", "[".repeat(100_000), "]".repeat(100_000)),
        format!("SELECT {}", many("1+")),
        format!("SELECT {}", many("NOT ")),
        format!("SELECT {}", many("a.")),
        format!("SELECT 1 {}", "UNION ALL SELECT 1 ".repeat(500)),
        format!("SELECT {}", many("{x:UInt8},")),
        format!("KILL QUERY WHERE query_id IN ({}'x')", many("'x',")),
        format!("INSERT INTO t {}", many("(")),
    ];
    let client = stranger();
    for text in &texts {
        let ask = client.post(engine.url()).body(text.clone()).send();
        let asked =
            futures_util::future::join_all([ask, client.post(engine.url()).body(text.clone()).send()]);
        let (answers, mine) = tokio::join!(asked, engine.ask("SELECT 1"));
        assert_eq!(mine, "1");
        for answer in answers {
            let answer = answer.expect("answer");
            let (status, body) = (answer.status(), answer.text().await.expect("text"));
            assert!(status == 200 || body.starts_with("Code: "), "{}: {status} {body}", &text[..20]);
        }
    }
    // So many that each one's look for the others would be felt.
    let (status, text) = engine.post(&"a=&".repeat(15_000), "SELECT 1").await;
    assert!(status == 400 && text.contains("Code: 36."), "{status} {text}");
}
