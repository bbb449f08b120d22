//! What is not shown.

use crate::json::{extra, one_written_by, read_any, written_by};
use crate::service::{Log, serve};
use axum::Router;
use axum::routing::post;
use log_center::Builder;
use log_center::call::Logged;
use log_center::testing::Capture;
use serde_json::{Value, json};
use std::error::Error;
use std::fmt;
use tracing::field::Empty;
use tracing_subscriber::prelude::*;

/// One event with a field of each name; those that are hidden.
macro_rules! hidden {
    ($build:expr, [$($name:literal),* $(,)?]) => {{
        let record = built_and_written($build, || tracing::info!($($name = "open",)* "m")).remove(0);
        let fields = extra(&record);
        let names: Vec<&str> = vec![$($name),*];
        assert_eq!(fields.len(), names.len());
        names.into_iter().filter(|name| {
            assert!(["open", "[redacted]"].contains(&fields[*name].as_str()));
            fields[*name] != "open"
        }).collect::<Vec<_>>()
    }};
}

fn built_and_written(build: impl FnOnce(Builder) -> Builder, program: impl FnOnce()) -> Vec<Value> {
    let capture = Capture::new();
    let builder = log_center::layer("test").without_endpoint().backtraces(false).writer(capture.clone());
    let (layer, _guard) = build(builder).build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), program);
    capture.lines().iter().map(|line| read_any(line)).collect()
}

#[test]
fn names_of_secrets() {
    let all = hidden!(
        |builder| builder,
        [
            "password",
            "Password",
            "PASSWD",
            "pwd",
            "db.password",
            "password_hash",
            "userPassword",
            "client_secret",
            "secretKey",
            "authorization",
            "proxy-authorization",
            "credentials",
            "token",
            "access_token",
            "x-auth-token",
            "refreshToken",
            "cookie",
            "set-cookie",
            "api_key",
            "apiKey",
            "APIKey",
            "apikey",
            "x-api-key",
            "access_key",
            "private_key",
            "session_id",
            "sessionId",
            "jwt"
        ]
    );
    assert_eq!(all.len(), 28, "{all:?}");
    let none = hidden!(
        |builder| builder,
        [
            "token_count",
            "tokens",
            "max_tokens",
            "tokenizer",
            "cookie_consent",
            "key",
            "api_key_id",
            "session",
            "monkey",
            "keyboard",
            "user",
            "passive",
            "secretary",
            "passwordless",
            "id",
            "access",
            "s3_key",
            "пароль"
        ]
    );
    assert_eq!(none, [""; 0]);
}

#[test]
fn names_are_added_and_taken_off() {
    let hidden = hidden!(
        |builder| builder.redact_keys(["iban", "tax number"]).keep_keys(["session_id", "PASSWORD"]),
        [
            "iban",
            "customerIban",
            "iban_count",
            "tax_number",
            "taxNumber",
            "number",
            "sessionId",
            "session_id",
            "admin_session_id",
            "password",
            "db_password"
        ]
    );
    assert_eq!(
        hidden,
        ["iban", "customerIban", "tax_number", "taxNumber", "admin_session_id", "db_password"]
    );
}

struct Untouchable;

impl fmt::Debug for Untouchable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("formatted")
    }
}

impl fmt::Display for Untouchable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("formatted")
    }
}

impl Error for Untouchable {}

#[test]
fn secrets_are_not_even_formatted() {
    let records = written_by(|| {
        let span = tracing::info_span!("s", password = ?Untouchable, token = Empty).entered();
        tracing::info!(secret = ?Untouchable, api_key = %Untouchable, pwd = 7, cookie = true, jwt = 1.5, "a");
        span.record("token", tracing::field::display(Untouchable));
        tracing::error!(authorization = &Untouchable as &dyn Error, "b");
    });
    assert_eq!(
        records[0]["extra"],
        "secret=[redacted] api_key=[redacted] pwd=[redacted] cookie=[redacted] jwt=[redacted] password=[redacted]"
    );
    assert_eq!(records[1]["extra"], "authorization=[redacted] password=[redacted] token=[redacted]");
    assert_eq!(records[1]["err"]["msg"], "b");
}

#[test]
fn parameters_of_addresses() {
    #[track_caller]
    fn check(address: &str, expected: &str) {
        let records = written_by(|| {
            let _request = tracing::info_span!("r", req_id = "r", url = address).entered();
            tracing::info!(uri = %address, "m");
        });
        assert_eq!(
            (&records[0]["d"]["url"], extra(&records[0])["uri"].as_str()),
            (&json!(expected), expected)
        );
    }
    check("/a?b=c&full=1", "/a?b=c&full=1");
    check("/a?token=t", "/a?token=[redacted]");
    check("/a?b=c&access_token=t&d=e#f", "/a?b=c&access_token=[redacted]&d=e#f");
    check("/a?token=t=u&token=&password", "/a?token=[redacted]&token=&password");
    check("/a?user%5Bpassword%5D=x&d=é", "/a?user%5Bpassword%5D=[redacted]&d=é");
    check("/a#access_token=t&b=c", "/a#access_token=[redacted]&b=c");
    check("https://me:secret@host/a?b", "https://me:[redacted]@host/a?b");
    check("https://me@host/a:b@c", "https://me@host/a:b@c");
    check("/token=1", "/token=1");
    check("%?%=&%6=é&api_key=", "%?%=&%6=é&api_key=");
}

#[test]
fn a_hook_sees_every_text() {
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let told = std::sync::Arc::clone(&seen);
    let hook = move |key: &str, value: &str| {
        told.lock().unwrap().push(format!("{key}={value}"));
        assert_ne!(value, "panic");
        value.contains("eve").then(|| value.replace("eve", "\"x\""))
    };
    let error = std::io::Error::other("eve's own");
    let records = built_and_written(
        |builder| builder.redact(hook),
        || {
            let _request =
                tracing::info_span!("r", req_id = "eve", url = "/eve", step = "eve", n = 1).entered();
            tracing::info!(password = "eve", debug = ?"eve", odd = "panic", "of {}", "eve");
            tracing::error!(error = &error as &dyn Error, "fails");
            tracing::error!(error = "eve fell", "fails");
        },
    );
    assert_eq!(records[0]["msg"], "of \"x\"");
    assert_eq!(records[0]["req_id"], "eve");
    assert_eq!(records[0]["d"]["url"], "/\"x\"");
    let fields = extra(&records[0]);
    assert_eq!((fields["debug"].as_str(), fields["step"].as_str()), ("\"\"x\"\"", "\"x\""));
    assert_eq!((fields["password"].as_str(), fields["odd"].as_str()), ("[redacted]", "[redacted]"));
    assert_eq!(
        (&records[1]["err"]["msg"], &records[1]["err"]["type"]),
        (&json!("\"x\"'s own"), &json!("io::Error"))
    );
    assert!(!records[1].to_string().contains("eve's"));
    assert_eq!(records[2]["err"]["msg"], "\"x\" fell");
    let seen = seen.lock().unwrap();
    for expected in ["url=/eve", "step=eve", "debug=\"eve\"", "odd=panic", "msg=of eve", "err.msg=eve's own"]
    {
        assert!(seen.iter().any(|text| text == expected), "{expected} of {seen:?}");
    }
    assert!(!seen.iter().any(|text| text.starts_with("password") || text.starts_with("req_id")), "{seen:?}");
}

#[tokio::test]
async fn what_is_sent_and_answered() {
    let address = serve(Router::new().route("/echo", post(async |body: String| body))).await;
    let url = format!("http://{address}/echo");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for (text, expected) in [
        (r#"{"user":"eve","password":"x\"y","n":1}"#, r#"{"user":"eve","password":"[redacted]","n":1}"#),
        (
            r#"{"token": 12 , "a": {"secret": {"b": ["}", 1]}, "c": null}}"#,
            r#"{"token": "[redacted]" , "a": {"secret": "[redacted]", "c": null}}"#,
        ),
        (r#" [{"api_key":null},{"apiKey":true}]"#, r#" [{"api_key":"[redacted]"},{"apiKey":"[redacted]"}]"#),
        (
            r#"{"pass\u0077ord":"x","note":"token: \"secret\":"}"#,
            r#"{"pass\u0077ord":"[redacted]","note":"token: \"secret\":"}"#,
        ),
        (r#"{"password":"cut he"#, r#"{"password":"[redacted]""#),
        (r#"{"password":{"a":"b"#, r#"{"password":"[redacted]""#),
        (r#"{"password"#, r#"{"password"#),
        (r#"{"a\é":1,"pwd":"\"#, r#"{"a\é":1,"pwd":"[redacted]""#),
        ("user=eve&password=x&n=1", "user=eve&password=[redacted]&n=1"),
        ("the password = x", "the password = x"),
    ] {
        let log = Log::of("shop");
        let call = client.post(&url).body(text).logged().capture_payload().capture_body();
        assert_eq!(call.send().await.unwrap().text().await.unwrap(), text);
        let end = log.one("service-end");
        assert_eq!(
            (&end["service_req"]["payload"], &end["service_res"]["body"]),
            (&json!(expected), &json!(expected))
        );
    }
}

#[test]
fn two_layers_each_show_their_own() {
    let (one, other) = (Capture::new(), Capture::new());
    let build = |capture: &Capture, keep: &[&str]| {
        let builder = log_center::layer("test").without_endpoint().writer(capture.clone());
        builder.keep_keys(keep).build().unwrap()
    };
    let ((first, _first), (second, _second)) = (build(&one, &[]), build(&other, &["token"]));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(first).with(second), || {
        let span = tracing::info_span!("s", token = "t", late = Empty).entered();
        span.record("late", 1);
        tracing::info!("m");
    });
    let extra_of = |capture: &Capture| read_any(&capture.lines()[0])["extra"].clone();
    assert_eq!(extra_of(&one), "token=[redacted] late=1");
    assert_eq!(extra_of(&other), "token=t late=1");
}

#[test]
fn what_names_an_error_is_shown() {
    let record = one_written_by(|| tracing::error!(error = "token expired", "m"));
    assert_eq!(record["err"]["msg"], "token expired");
}
