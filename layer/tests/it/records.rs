use crate::json::{extra, one_written_by, written_by};
use log_center::testing::Capture;
use serde_json::{Value, json};
use std::error::Error;
use std::fmt;
use tracing::field::Empty;
use tracing_subscriber::prelude::*;

/// One line as it stands, with what differs from run to run replaced.
#[track_caller]
fn check_line(expected: &str, program: impl FnOnce()) {
    let capture = Capture::new();
    let built = log_center::layer("shop")
        .environment("Staging")
        .version("1.2.3")
        .commit_hash("abc123")
        .backtraces(false)
        .without_endpoint()
        .writer(capture.clone())
        .build();
    let (layer, _guard) = built.unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), program);
    let lines = capture.lines();
    let record: Value = serde_json::from_str(&lines[0]).unwrap();
    let time = record["time"].as_str().unwrap();
    assert_eq!((time.len(), &time[19..20], &time[23..]), (24, ".", "Z"));
    assert_eq!(record["pid"], std::process::id());
    let mut line = lines[0].replace(time, "T");
    for (name, stands_for) in [("hostname", "H"), ("event_id", "I")] {
        if let Some(value) = record[name].as_str() {
            line = line.replace(&format!("\"{name}\":\"{value}\""), &format!("\"{name}\":\"{stands_for}\""));
        }
    }
    let line = line.replace(&format!("\"pid\":{},", std::process::id()), "\"pid\":1,");
    assert_eq!(line, expected);
    assert_eq!(lines.len(), 1);
}

const HEAD: &str = r#""name":"shop","hostname":"H","pid":1,"time":"T""#;
const TAIL: &str = r#""environment":"staging","version":"1.2.3","commit_hash":"abc123""#;

#[test]
fn outside_of_a_request() {
    let expected = format!(
        r#"{{"v":1,"level":30,{HEAD},"msg":"listening","scope":"desc",{TAIL},"extra":"port=8080 tls=false on=\"a \\\"b\\\"\" half=0.5"}}"#
    );
    check_line(&expected, || {
        tracing::info!(port = 8080, tls = false, on = "a \"b\"", half = 0.5, "listening")
    });
}

#[test]
fn inside_a_request() {
    let expected = format!(
        concat!(
            r#"{{"v":1,"level":40,{HEAD},"msg":"slow","req_id":"req_abc123","rrdid":"cookie","uid":"42","#,
            r#""span_id":"00f067aa0ba902b7","parent_id":"53995c3f42cd8ad8","#,
            r#""d":{{"url":"/pay?a=b","ip":"::1","ua":"curl \"8\""}},"scope":"visit","event":"trace",{TAIL},"#,
            r#""extra":"ms=17 step=bank route=/pay"}}"#
        ),
        HEAD = HEAD,
        TAIL = TAIL
    );
    check_line(&expected, || {
        let request = tracing::info_span!(
            "request",
            req_id = "req_abc123",
            rrdid = "cookie",
            uid = 42,
            url = "/pay?a=b",
            ip = "::1",
            ua = "curl \"8\"",
            span_id = "00f067aa0ba902b7",
            parent_id = "53995c3f42cd8ad8",
            route = "/pay",
        );
        let _in_request = request.enter();
        let _in_step = tracing::info_span!("step", step = "bank").entered();
        tracing::warn!(ms = 17, "slow");
    });
}

#[derive(Debug)]
struct Layered(&'static str, Option<Box<Layered>>);

impl fmt::Display for Layered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Layered {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|source| source as _)
    }
}

fn layered() -> Layered {
    Layered("no order", Some(Box::new(Layered("no bank", Some(Box::new(Layered("line cut", None)))))))
}

#[test]
fn an_error_with_its_sources() {
    let line = line!() + 1;
    let program = || tracing::error!(error = &layered() as &dyn Error, order = 7, "order failed");
    let expected = format!(
        concat!(
            r#"{{"v":1,"level":50,{HEAD},"msg":"order failed","scope":"desc",{TAIL},"event_id":"I","#,
            r#""err":{{"msg":"no order","stack":"Layered: no order\nCaused by: no bank\nCaused by: line cut\n"#,
            r#"    at {FILE}:{LINE}","type":"Layered","file_path":"{FILE}","line_number":{LINE}}},"extra":"order=7"}}"#
        ),
        HEAD = HEAD,
        TAIL = TAIL,
        FILE = file!(),
        LINE = line
    );
    check_line(&expected, program);
}

/// `err.type`, `err.msg` and `extra` of an ERROR.
#[track_caller]
fn check_err(error_type: &str, msg: &str, rest: &[(&str, &str)], program: impl FnOnce()) {
    let record = one_written_by(program);
    let err = &record["err"];
    assert_eq!((err["type"].as_str(), err["msg"].as_str()), (Some(error_type), Some(msg)), "{record}");
    assert!(err["stack"].as_str().unwrap().starts_with(&format!("{error_type}: {msg}\n")), "{record}");
    assert_eq!(err["file_path"], file!());
    assert!(err["line_number"].as_u64().unwrap() > 0);
    let rest = rest.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    assert_eq!(extra(&record), rest, "{record}");
}

#[derive(Debug)]
#[expect(dead_code, reason = "read by Debug")]
enum Failure {
    Timeout,
    Declined { code: u8 },
}

#[test]
fn where_err_comes_from() {
    let parse = "x".parse::<u8>().unwrap_err();
    let io = std::io::Error::from(std::io::ErrorKind::NotFound);
    let boxed: Box<dyn Error> = "just a text".into();
    let parse_text = "invalid digit found in string";
    check_err("Error", "it broke", &[("n", "1")], || tracing::error!(n = 1, "it broke"));
    check_err("ParseIntError", parse_text, &[], || tracing::error!(error = &parse as &dyn Error, "m"));
    check_err("ParseIntError", parse_text, &[], || tracing::error!(cause = &parse as &dyn Error, "m"));
    check_err("io::Error", "entity not found", &[], || tracing::error!(err = &io as &dyn Error, "m"));
    check_err("Error", "just a text", &[], || tracing::error!(error = &*boxed, "m"));
    check_err("Error", parse_text, &[], || tracing::error!(error = %parse, "m"));
    check_err("Timeout", "Timeout", &[], || tracing::error!(error = ?Failure::Timeout, "m"));
    check_err("Declined", "Declined { code: 5 }", &[], || {
        tracing::error!(exception = ?Failure::Declined { code: 5 }, "m");
    });
    check_err("Error", "404", &[], || tracing::error!(err = 404, "m"));
    // An error beats a text, whichever comes first; what loses is not lost.
    check_err("ParseIntError", parse_text, &[("err", "words")], || {
        tracing::error!(err = "words", cause = &parse as &dyn Error, "m");
    });
    check_err("ParseIntError", parse_text, &[("err", "words")], || {
        tracing::error!(cause = &parse as &dyn Error, err = "words", "m");
    });
    check_err("Layered", "no order", &[("cause", parse_text)], || {
        tracing::error!(error = &layered() as &dyn Error, cause = &parse as &dyn Error, "m");
    });
}

#[test]
fn below_error_an_error_is_an_extra_field() {
    let record = one_written_by(|| tracing::warn!(error = &layered() as &dyn Error, "retrying"));
    assert_eq!(record["extra"], r#"error="no order: no bank: line cut""#);
}

#[test]
fn instrumented_errors_have_an_err() {
    #[tracing::instrument(err)]
    fn fails(n: u8) -> Result<u8, Layered> {
        Err(layered())
    }
    let record = one_written_by(|| drop(fails(3)));
    assert_eq!((&record["msg"], &record["err"]["msg"]), (&json!("error"), &json!("no order")));
    assert_eq!(record["extra"], "n=3");
}

#[test]
fn levels() {
    let records = written_by(|| {
        tracing::trace!("a");
        tracing::debug!("a");
        tracing::info!("a");
        tracing::warn!("a");
        tracing::error!("a");
    });
    let levels: Vec<&Value> = records.iter().map(|record| &record["level"]).collect();
    assert_eq!(levels, [10, 20, 30, 40, 50]);
}

#[test]
fn trace_is_off_by_default() {
    let capture = Capture::new();
    let (layer, _guard) = log_center::layer("x").without_endpoint().writer(capture.clone()).build().unwrap();
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || tracing::trace!("a"));
    assert_eq!(capture.lines(), [""; 0]);
}

#[test]
fn a_span_that_is_filtered_out_does_not_cut_off_those_around_it() {
    let capture = Capture::new();
    let (layer, _guard) = log_center::layer("x").without_endpoint().writer(capture.clone()).build().unwrap();
    let filtered = layer.with_filter(tracing_subscriber::filter::LevelFilter::INFO);
    // The other layer keeps the span alive that ours does not see.
    let subscriber = tracing_subscriber::registry()
        .with(filtered)
        .with(tracing_subscriber::fmt::layer().with_writer(std::io::sink));
    tracing::subscriber::with_default(subscriber, || {
        let _request = tracing::info_span!("request", req_id = "r1").entered();
        let _detail = tracing::debug_span!("detail", hidden = 1).entered();
        let _step = tracing::info_span!("step", step = 2).entered();
        tracing::debug!("unseen");
        tracing::info!("seen");
    });
    let records = capture.records();
    assert_eq!(records.len(), 1);
    assert_eq!((&records[0]["req_id"], &records[0]["extra"]), (&json!("r1"), &json!("step=2")));
}

#[test]
fn a_request_may_get_its_id_and_user_late() {
    let records = written_by(|| {
        let request = tracing::info_span!("request", req_id = Empty, uid = Empty, url = "/");
        let _entered = request.enter();
        tracing::info!("a");
        request.record("req_id", "r1");
        tracing::info!("b");
        request.record("uid", 7);
        request.record("uid", "");
        tracing::info!("c");
        request.record("uid", "eve");
        tracing::info!("d");
    });
    let seen: Vec<[&Value; 3]> =
        records.iter().map(|record| [&record["scope"], &record["req_id"], &record["uid"]]).collect();
    let none = Value::Null;
    assert_eq!(seen[0], [&json!("desc"), &none, &none]);
    assert_eq!(seen[1], [&json!("visit"), &json!("r1"), &none]);
    assert_eq!(seen[2], [&json!("visit"), &json!("r1"), &none]);
    assert_eq!(seen[3], [&json!("visit"), &json!("r1"), &json!("eve")]);
}

#[test]
fn only_the_span_that_opens_the_request_knows_the_client() {
    let record = one_written_by(|| {
        let _request = tracing::info_span!("request", req_id = "r1", url = "/in", ip = "::1").entered();
        let _call = tracing::info_span!("call", url = "http://bank/", uid = "7").entered();
        tracing::info!("calling");
    });
    assert_eq!(record["d"], json!({"url": "/in", "ip": "::1"}));
    assert_eq!((&record["uid"], &record["extra"]), (&json!("7"), &json!("url=http://bank/")));
}

#[test]
fn what_the_server_would_refuse_goes_to_extra() {
    let record = one_written_by(|| {
        let _request =
            tracing::info_span!("r", req_id = "a b", span_id = "xyz", uid = "u".repeat(257)).entered();
        tracing::info!("m");
    });
    assert_eq!(record["scope"], "desc");
    let extra = extra(&record);
    assert_eq!((extra["req_id"].as_str(), extra["span_id"].as_str()), ("a b", "xyz"));
    assert_eq!(extra["uid"].len(), 257);
}

#[test]
fn huge_events_stay_within_the_limits() {
    use log_center::limits;
    let huge = "\u{1}\"é".repeat(1 << 20);
    let record = one_written_by(|| {
        let _request = tracing::info_span!("r", req_id = "r", url = huge, x = huge).entered();
        let (a, b, c, d, e) = (&huge, &huge, &huge, &huge, &huge);
        tracing::error!(error = ?huge, a, b, c, d, e, "{huge}");
    });
    let line = serde_json::to_string(&record).unwrap();
    assert!(line.len() < 512 << 10, "{}", line.len());
    let cut = |text: &Value| text.as_str().unwrap().ends_with('…');
    assert!(cut(&record["msg"]) && cut(&record["d"]["url"]) && cut(&record["err"]["msg"]));
    assert!(record["extra"].as_str().unwrap().len() <= limits::EXTRA_BYTES);
    assert_eq!(extra(&record)["fields_dropped"], "3");
}

#[test]
fn a_chain_that_bites_its_own_tail_ends() {
    #[derive(Debug)]
    struct Ring;
    impl fmt::Display for Ring {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("again")
        }
    }
    impl Error for Ring {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(self)
        }
    }
    let record = one_written_by(|| tracing::error!(error = &Ring as &dyn Error, "m"));
    let causes = record["err"]["stack"].as_str().unwrap().matches("Caused by").count();
    assert_eq!(causes, log_center::limits::ERROR_SOURCES);
}

#[test]
fn events_of_the_log_crate() {
    crate::child::in_own_process("records::events_of_the_log_crate", || {
        tracing_log::LogTracer::init().unwrap();
        let records = written_by(|| {
            let _request = tracing::info_span!("r", req_id = "r1", step = 1).entered();
            for level in [log::Level::Error, log::Level::Warn, log::Level::Info, log::Level::Debug] {
                log::log!(target: "db::pool", level, "connection {} lost", 7);
            }
            log::logger().log(
                &log::Record::builder()
                    .level(log::Level::Error)
                    .target("bare")
                    .args(format_args!("m"))
                    .build(),
            );
        });
        let levels: Vec<&Value> = records.iter().map(|record| &record["level"]).collect();
        assert_eq!(levels, [50, 40, 30, 20, 50]);
        for record in &records[..4] {
            assert_eq!((&record["msg"], &record["req_id"]), (&json!("connection 7 lost"), &json!("r1")));
            assert_eq!(record["extra"], "target=db::pool step=1");
        }
        let err = &records[0]["err"];
        assert_eq!((&err["file_path"], &err["msg"]), (&json!(file!()), &json!("connection 7 lost")));
        let line = err["line_number"].as_u64().unwrap();
        assert!(err["stack"].as_str().unwrap().ends_with(&format!("at {}:{line}", file!())) && line > 300);
        assert_eq!(
            (&records[4]["err"]["file_path"], &records[4]["err"]["line_number"]),
            (&json!("unknown"), &json!(0))
        );
    });
}

#[test]
fn a_field_that_looks_like_the_bridge_s_is_a_field() {
    let record = one_written_by(|| tracing::info!(log.target = "t", log.line = 7, "m"));
    assert_eq!(record["extra"], "log.target=t log.line=7");
}

#[test]
fn a_record_of_another_crate_says_its_target() {
    let of_another = one_written_by(|| tracing::info!(target: "hyper::proto", "m"));
    assert_eq!(of_another["target"], "hyper::proto");
    assert_eq!(one_written_by(|| tracing::info!("m")).get("target"), None);
    const TOO_LONG: &str = "x0123456789012345678901234567890123456789012345678901234567890123456789\
        0123456789012345678901234567890123456789012345678901234567890123456789";
    let long = one_written_by(|| tracing::info!(target: TOO_LONG, "m"));
    assert_eq!(long.get("target"), None);
}
