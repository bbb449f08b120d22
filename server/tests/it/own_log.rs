use crate::harness::{Server, ServerOptions, a_report, shared_clickhouse};
use log_center_wire::Record;
use std::collections::BTreeSet;
use std::net::TcpListener;

fn records(log: String) -> Vec<Record<'static>> {
    let log: &'static str = log.leak();
    let record = |line: &'static str| {
        Record::decode(line.as_bytes()).unwrap_or_else(|error| panic!("{}: {line}", error.message()))
    };
    log.lines().map(record).collect()
}

/// Everything that a server and its engine have said, from their start to their end.
async fn whole_log(options: ServerOptions) -> Vec<Record<'static>> {
    let server = options.start().await;
    server.report(&a_report(1)).await;
    let log = server.log_file();
    let (code, _options) = server.stop().await;
    assert_eq!(code, Some(0));
    records(std::fs::read_to_string(log).unwrap())
}

#[tokio::test]
async fn every_line_is_a_record_and_says_who_it_is_of() {
    let log = whole_log(ServerOptions::new()).await;
    let messages: BTreeSet<_> = log.iter().map(|record| (&*record.name, &*record.msg)).collect();
    let mut expected =
        vec![("log-center", "service started"), ("log-center", "ready"), ("log-center", "stopped")];
    if shared_clickhouse().is_none() {
        expected.extend([("log-center-engine", "engine ready"), ("log-center-engine", "stopping")]);
    }
    for message in expected {
        assert!(messages.contains(&message), "{message:?} is not among {messages:?}");
    }
    assert!(log.iter().all(|record| !record.hostname.is_empty() && record.pid > 0));
}

#[tokio::test]
async fn nothing_is_sent_anywhere_whatever_the_variables_say() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", elsewhere.local_addr().unwrap());
    let options = ServerOptions::new().env("LOG_CENTER_URL", url).env("LOG_CENTER_MODE", "all");
    let log = whole_log(options).await;
    assert!(log.iter().any(|record| record.msg == "stopped"));
    // The process is gone: a connection that it had made would be waiting here.
    elsewhere.set_nonblocking(true).unwrap();
    assert_eq!(elsewhere.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[tokio::test]
async fn what_is_for_other_programs_does_not_keep_the_server_from_starting() {
    let options = ServerOptions::new()
        .env("LOG_CENTER_URL", "no address")
        .env("LOG_CENTER_MODE", "no mode")
        .env("LOG_CENTER_KEY", "no\u{1}key")
        .env("RUST_LOG", "off");
    assert!(!whole_log(options).await.is_empty());
}

#[tokio::test]
async fn the_filter_decides_what_is_written_and_where_it_listens_is_always_said() {
    let log = whole_log(ServerOptions::new().env("LOG_CENTER_LOG", "error")).await;
    let messages: Vec<_> = log.iter().map(|record| &*record.msg).collect();
    assert_eq!(messages, ["ready"]);
}

#[tokio::test]
async fn a_filter_that_cannot_be_is_refused_by_name() {
    for filter in ["info,=", "a=b=c", "log_center_server=loud"] {
        let output = ServerOptions::new().env("LOG_CENTER_LOG", filter).command().output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{filter}: {error}");
        assert!(error.contains("LOG_CENTER_LOG"), "{filter}: {error}");
    }
}

#[tokio::test]
async fn why_it_cannot_start_is_the_last_record() {
    let server = Server::start().await;
    let taken = server.api.strip_prefix("http://").unwrap();
    let output = ServerOptions::new().env("LOG_CENTER_API_ADDR", taken).command().output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let log = records(String::from_utf8(output.stdout).unwrap());
    let last = log.last().unwrap();
    assert_eq!((last.level, &*last.msg), (60, "cannot go on"));
    assert!(last.extra.contains("LOG_CENTER_API_ADDR"), "{}", last.extra);
}
