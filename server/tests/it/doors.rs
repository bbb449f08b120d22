//! Who is let in: by which name a request found the server, and which page made a browser send it.

use crate::harness::{DEADLINE, Server, ServerOptions, a_report};
use serde_json::{Value, json};
use std::collections::HashMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What is sent word for word, so that a head may hold what no client would send.
struct Ask<'a> {
    method: &'a str,
    target: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    body: &'a str,
}

struct Answer {
    status: u16,
    headers: HashMap<String, String>,
    body: String,
}

impl Answer {
    /// The code of a refusal in the contract's envelope.
    fn code(&self) -> String {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        assert_eq!(body["status"], "error", "{}", self.body);
        assert!(body["error"]["message"].is_string(), "{}", self.body);
        body["error"]["code"].as_str().unwrap().to_owned()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    fn has_cors(&self) -> bool {
        self.headers.keys().any(|name| name.starts_with("access-control-"))
    }
}

/// Sends it to `http://address` and reads the head and what of the body has a length.
async fn ask(address: &str, ask: &Ask<'_>) -> Answer {
    let mut stream = TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
    let mut head = format!("{} {} HTTP/1.1\r\nconnection: close\r\n", ask.method, ask.target);
    for (name, value) in &ask.headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!("content-length: {}\r\n\r\n{}", ask.body.len(), ask.body);
    stream.write_all(head.as_bytes()).await.unwrap();
    let said = tokio::time::timeout(DEADLINE, read(&mut stream, ask.method == "HEAD")).await.unwrap();
    said.unwrap_or_else(|| panic!("no whole answer to {head}"))
}

async fn read(stream: &mut TcpStream, is_head: bool) -> Option<Answer> {
    let mut said = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&said);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let mut lines = head.lines();
            let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
            let headers: HashMap<_, _> = lines
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect();
            let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
            if is_head || body.len() >= length {
                return Some(Answer { status, headers, body: body.to_owned() });
            }
        }
        if stream.read_buf(&mut said).await.ok()? == 0 {
            return None;
        }
    }
}

/// Something that the server answers.
#[derive(Debug, Clone)]
struct Route {
    /// Of the port that answers it.
    address: String,
    method: String,
    path: String,
}

impl Route {
    fn is_sending(&self) -> bool {
        self.method == "POST" && ["/api/v1/logs/report", "/api/v1/events"].contains(&self.path.as_str())
    }

    fn is_probe(&self) -> bool {
        self.path.starts_with("/health/")
    }

    fn is_page(&self) -> bool {
        self.path.starts_with("/docs")
            || self.path == "/api/openapi.json"
            || !self.path.starts_with("/api/")
                && self.method == "GET"
                && (self.path == "/" || self.path.starts_with("/issues"))
    }

    fn body(&self) -> &'static str {
        match self.path.as_str() {
            "/api/v1/logs/report" => {
                r#"{"project_id":"p","environment":"e","level":"ERROR","error":{"type":"T","message":"m","file_path":"f","line_number":1,"stack_trace":[]}}"#
            }
            "/api/v1/events" => r#"{"name":"n","level":30,"time":"2026-01-30T10:30:00Z","msg":"m"}"#,
            "/api/v1/sql" => r#"{"query":"SELECT 1"}"#,
            _ if self.method == "PATCH" => r#"{"status":"RESOLVED"}"#,
            _ => "",
        }
    }

    async fn ask(&self, headers: &[(&str, &str)]) -> Answer {
        let mut headers = headers.to_vec();
        let is_named = |wanted: &str| headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted));
        let (has_host, has_type) = (is_named("host"), is_named("content-type"));
        if !has_host {
            headers.push(("host", self.address.trim_start_matches("http://")));
        }
        if !has_type {
            headers.push(("content-type", "application/json"));
        }
        let asked = Ask { method: &self.method, target: &self.path, headers, body: self.body() };
        ask(&self.address, &asked).await
    }
}

/// What the document names, and what it does not. A new operation is among them by itself.
async fn routes(server: &Server) -> Vec<Route> {
    let document = server.json("/api/openapi.json").await;
    let mut routes = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            let path = path.replace("{id}", "1").replace("{req_id}", "r");
            routes.push(Route { address: server.api.clone(), method: method.to_uppercase(), path });
        }
    }
    assert!(routes.len() > 15 && routes.iter().filter(|route| route.is_sending()).count() == 2);
    let more = [
        (&server.api, "GET", "/health"),
        (&server.api, "GET", "/health/live"),
        (&server.api, "GET", "/health/ready"),
        (&server.api, "GET", "/health/ready/read"),
        (&server.api, "GET", "/metrics"),
        (&server.api, "GET", "/docs/"),
        (&server.api, "GET", "/api/openapi.json"),
        (&server.api, "GET", "/nothing"),
        (&server.api, "PUT", "/api/v1/events"),
        (&server.api, "GET", "/api/v1/logs/report"),
        (&server.api, "DELETE", "/api/v1/issues/1"),
        (&server.api, "INVENTED", "/api/v1/sql"),
        (&server.dashboard, "GET", "/"),
        (&server.dashboard, "GET", "/issues/1"),
        (&server.dashboard, "GET", "/page.css"),
        (&server.dashboard, "GET", "/nothing"),
        (&server.dashboard, "POST", "/"),
    ];
    routes.extend(more.map(|(address, method, path)| Route {
        address: address.clone(),
        method: method.to_owned(),
        path: path.to_owned(),
    }));
    routes
}

#[tokio::test]
async fn only_a_known_host_is_answered() {
    let server = ServerOptions::new().env("LOG_CENTER_HOSTS", " logs.example, Other.example,").start().await;
    let unknown: &[&[(&str, &str)]] = &[
        &[("host", "evil.test")],
        &[("host", "EVIL.TEST:8002")],
        &[("host", "localhost.evil.test")],
        &[("host", "127.0.0.1.evil.test")],
        &[("host", "logs.example.evil.test")],
        &[("host", "xlogs.example")],
        &[("host", "evil.test:127.0.0.1")],
        &[("host", "localhost@evil.test")],
        &[("host", "evil@localhost")],
        &[("host", "evil:x@localhost:8002")],
        &[("host", "localhost.")],
        &[("host", "logs.example.")],
        &[("host", "")],
        &[("host", ":8002")],
        &[("host", "localhost:80x")],
        &[("host", "localhost:99999")],
        &[("host", "127.1")],
        &[("host", "2130706433")],
        &[("host", "0x7f.0.0.1")],
        &[("host", "[127.0.0.1]")],
        &[("host", "::1")],
        &[("host", "[::1")],
        &[("host", "localhost, evil.test")],
        &[("host", "localhost"), ("host", "evil.test")],
        &[("host", "localhost"), ("host", "localhost")],
        // With another name for who asks than for where it goes, as of a page at a name that was pointed here.
        &[("host", "evil.test"), ("origin", "http://evil.test"), ("sec-fetch-site", "same-origin")],
        &[("host", "evil.test"), ("x-forwarded-host", "localhost"), ("forwarded", "host=localhost")],
    ];
    let known = [
        "localhost",
        "LOCALHOST:1",
        "localhost:",
        "127.0.0.1",
        "127.0.0.1:8002",
        "10.1.2.3:80",
        "[::1]",
        "[::1]:8002",
        "[::ffff:127.0.0.1]:1",
        "logs.example",
        "Logs.Example:8080",
        "other.example",
    ];
    for route in routes(&server).await {
        for headers in unknown {
            let answer = route.ask(headers).await;
            if route.is_sending() {
                assert_eq!(answer.status, 200, "{route:?} {headers:?}: {}", answer.body);
            } else if route.is_probe() {
                assert_ne!(answer.status, 421, "{route:?} {headers:?}");
            } else {
                assert_eq!(answer.status, 421, "{route:?} {headers:?}: {}", answer.body);
                assert_eq!(answer.code(), "unknown_host");
                assert!(answer.body.contains("LOG_CENTER_HOSTS"));
            }
        }
        // One of them is enough for what takes long.
        for host in known.iter().take(if route.path == "/api/v1/projects" { known.len() } else { 1 }) {
            let answer = route.ask(&[("host", host)]).await;
            assert!(![403, 421, 500].contains(&answer.status), "{route:?} {host}: {}", answer.status);
        }
    }
}

#[tokio::test]
async fn a_host_may_be_in_the_target_or_missing() {
    let server = Server::start().await;
    for (target, host, status) in [
        ("/api/v1/issues", None, 421),
        ("http://evil.test/api/v1/issues", None, 421),
        ("http://evil.test/api/v1/issues", Some("localhost"), 421),
        ("http://localhost/api/v1/issues", Some("evil.test"), 421),
        ("http://localhost/api/v1/issues", Some("127.0.0.1"), 421),
        ("http://evil@localhost/api/v1/issues", Some("localhost"), 421),
        ("http://localhost/api/v1/issues", Some("localhost"), 200),
        ("http://localhost/api/v1/issues", None, 200),
        ("/health/live", None, 200),
        ("/health/ready", None, 200),
    ] {
        let headers = host.map(|host| ("host", host)).into_iter().collect();
        let answer = ask(&server.api, &Ask { method: "GET", target, headers, body: "" }).await;
        assert_eq!(answer.status, status, "{target} {host:?}: {}", answer.body);
    }
    let connect =
        Ask { method: "CONNECT", target: "evil.test:80", headers: vec![("host", "evil.test:80")], body: "" };
    assert_eq!(ask(&server.api, &connect).await.status, 421);
}

/// A balancer needs a verdict; the reasons are for who knows this machine.
#[tokio::test]
async fn a_probe_by_any_name_sees_the_verdict_alone() {
    let server = Server::start().await;
    for path in ["/health/live", "/health/ready", "/health/ready/read"] {
        let route = Route { address: server.api.clone(), method: "GET".to_owned(), path: path.to_owned() };
        let answer = route.ask(&[("host", "pod.cluster.local")]).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"status":"ok"}"#), "{path}");
        assert_eq!(route.ask(&[("sec-fetch-site", "cross-site")]).await.status, 403, "{path}");
    }
    let whole = server.json("/health/ready").await;
    assert!(whole["spool"]["waiting_bytes"].is_u64(), "{whole}");
}

#[tokio::test]
async fn pages_of_other_sites_only_send() {
    let server = ServerOptions::new().env("LOG_CENTER_HOSTS", "logs.example").start().await;
    server.report(&a_report(1)).await;
    for route in routes(&server).await {
        let host = route.address.trim_start_matches("http://").to_owned();
        let port = host.rsplit(':').next().unwrap();
        let own = format!("http://{host}");
        let (tls, name, other_name) = (
            format!("https://{host}"),
            format!("http://localhost:{port}"),
            format!("http://logs.example:{port}"),
        );
        let foreign: Vec<Vec<(&str, &str)>> = vec![
            vec![("sec-fetch-site", "cross-site")],
            vec![("sec-fetch-site", "same-site")],
            vec![("sec-fetch-site", "")],
            vec![("sec-fetch-site", "Same-Origin")],
            vec![("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
            vec![("sec-fetch-site", "same-origin"), ("origin", "http://evil.test")],
            // A frame, a pop-up that nobody asked for, and a form of another site.
            vec![
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-mode", "navigate"),
                ("sec-fetch-dest", "iframe"),
                ("sec-fetch-user", "?1"),
            ],
            vec![
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-mode", "navigate"),
                ("sec-fetch-dest", "document"),
            ],
            vec![
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-mode", "navigate"),
                ("sec-fetch-dest", "document"),
                ("sec-fetch-user", "?1"),
                ("origin", "http://evil.test"),
            ],
            vec![("origin", "http://evil.test")],
            vec![("origin", "null")],
            vec![("origin", "")],
            vec![("origin", "http://127.0.0.1")],
            vec![("origin", "http://127.0.0.1:1")],
            vec![("origin", &tls)],
            vec![("origin", &name)],
            vec![("origin", &other_name)],
            vec![("origin", &own), ("origin", "http://evil.test")],
            vec![("origin", &own), ("x-forwarded-proto", "https")],
            vec![("origin", "chrome-extension://abcdefgh")],
            // How a WebSocket and a stream of events begin.
            vec![
                ("origin", "http://evil.test"),
                ("upgrade", "websocket"),
                ("sec-websocket-version", "13"),
                ("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA=="),
            ],
            vec![("sec-fetch-site", "cross-site"), ("accept", "text/event-stream")],
        ];
        for headers in &foreign {
            let answer = route.ask(headers).await;
            if route.is_sending() {
                assert_eq!(answer.status, 200, "{route:?} {headers:?}: {}", answer.body);
                continue;
            }
            assert_eq!(answer.status, 403, "{route:?} {headers:?}: {}", answer.body);
            assert_eq!(answer.code(), "other_site");
            assert!(!answer.has_cors(), "{route:?} {headers:?}: {:?}", answer.headers);
        }
        let ours = [
            vec![],
            vec![("origin", own.as_str())],
            vec![("origin", own.as_str()), ("sec-fetch-site", "same-origin")],
            vec![("sec-fetch-site", "none")],
            vec![("origin", tls.as_str()), ("x-forwarded-proto", "https")],
            vec![
                ("origin", "https://logs.example"),
                ("x-forwarded-proto", "https, http"),
                ("host", "logs.example"),
            ],
            vec![("origin", "http://logs.example"), ("host", "logs.example:80")],
            // What Node's fetch says.
            vec![("sec-fetch-mode", "cors")],
        ];
        for headers in &ours {
            let answer = route.ask(headers).await;
            assert!(![403, 421, 500].contains(&answer.status), "{route:?} {headers:?}: {}", answer.status);
        }
    }
    // The pages did nothing, and all that came by is what was sent.
    server.sql_becomes("SELECT count() FROM issues FINAL WHERE status != 'NEW'", "0").await;
}

/// An issue's address is passed around in chats, and whoever clicks it comes from another site.
#[tokio::test]
async fn a_link_from_elsewhere_opens_a_page() {
    let server = Server::start().await;
    let followed = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
        ("sec-fetch-user", "?1"),
    ];
    for route in routes(&server).await.into_iter().filter(|route| !route.is_sending()) {
        let answer = route.ask(&followed).await;
        assert_eq!(answer.status != 403, route.is_page(), "{route:?}: {}", answer.status);
        if route.is_page() {
            assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin", "{route:?}");
        }
    }
}

#[tokio::test]
async fn a_question_before_a_request_is_answered_for_what_is_sent_alone() {
    let server = Server::start().await;
    let mut paths: Vec<_> =
        routes(&server).await.into_iter().map(|route| (route.address, route.path)).collect();
    paths.sort();
    paths.dedup();
    for (address, path) in paths {
        for host in ["evil.test", address.trim_start_matches("http://")] {
            for method in ["POST", "GET", "PUT", "PATCH", "DELETE", "INVENTED"] {
                let headers = vec![
                    ("host", host),
                    ("origin", "http://evil.test"),
                    ("access-control-request-method", method),
                    ("access-control-request-headers", "content-type,x-forwarded-proto"),
                    ("access-control-request-private-network", "true"),
                ];
                let answer =
                    ask(&address, &Ask { method: "OPTIONS", target: &path, headers, body: "" }).await;
                if ["/api/v1/logs/report", "/api/v1/events"].contains(&path.as_str()) {
                    assert!((200..300).contains(&answer.status), "{path} {method}: {}", answer.status);
                    assert_eq!(answer.header("access-control-allow-methods"), "POST");
                    assert!(!answer.header("access-control-allow-headers").contains("x-forwarded-proto"));
                    assert_eq!(answer.header("access-control-allow-credentials"), "");
                    continue;
                }
                assert!([403, 421].contains(&answer.status), "{path} {method}: {}", answer.status);
                assert!(!answer.has_cors(), "{path} {method}: {:?}", answer.headers);
            }
        }
    }
}

/// What a form can be sent as; a browser asks before it sends anything else elsewhere.
#[tokio::test]
async fn what_changes_or_runs_something_is_json() {
    let server = Server::start().await;
    let id = server.report(&a_report(1)).await["id"].as_u64().unwrap();
    server.sql_becomes("SELECT count() FROM issues", "1").await;
    let change = format!("/api/v1/issues/{id}");
    for (method, path, body) in [
        ("POST", "/api/v1/sql", r#"{"query": "SELECT 1"}"#),
        ("PATCH", change.as_str(), r#"{"status": "RESOLVED"}"#),
    ] {
        let host = server.api.trim_start_matches("http://");
        for content_type in [
            &[][..],
            &[""],
            &["text/plain"],
            &["text/plain;charset=UTF-8"],
            &["application/x-www-form-urlencoded"],
            &["multipart/form-data; boundary=x"],
            &["text/plain; application/json"],
            &["application/jsonx"],
            &["application/json, text/plain"],
            &["application/json", "text/plain"],
            &["text/plain", "application/json"],
        ] {
            let mut headers = vec![("host", host)];
            headers.extend(content_type.iter().map(|value| ("content-type", *value)));
            let answer = ask(&server.api, &Ask { method, target: path, headers, body }).await;
            assert_eq!(answer.status, 415, "{path} {content_type:?}: {}", answer.body);
            assert_eq!(answer.code(), "unsupported_media_type");
            assert!(answer.body.contains("application/json"), "{}", answer.body);
        }
    }
    assert_eq!(server.json(&change).await["status"], json!("NEW"));
    for content_type in ["application/json", "Application/JSON ; charset=utf-8"] {
        let request = server.post("/api/v1/sql").header("content-type", content_type);
        assert_eq!(request.body(r#"{"query": "SELECT 1"}"#).send().await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn answers_say_what_browsers_must_not_do_with_them() {
    let server = Server::start().await;
    for route in routes(&server).await {
        let foreign: &[(&str, &str)] = &[("origin", "http://evil.test")];
        let unknown: &[(&str, &str)] = &[("host", "evil.test")];
        for headers in [&[], foreign, unknown] {
            let answer = route.ask(headers).await;
            let place = format!("{route:?} {headers:?} {}", answer.status);
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{place}");
            if route.is_sending() {
                assert_eq!(answer.header("cross-origin-resource-policy"), "cross-origin", "{place}");
                continue;
            }
            for (name, value) in [
                ("cross-origin-resource-policy", "same-origin"),
                ("cross-origin-opener-policy", "same-origin"),
                ("x-frame-options", "DENY"),
                ("referrer-policy", "no-referrer"),
            ] {
                assert_eq!(answer.header(name), value, "{place}: {name}");
            }
            let policy = answer.header("content-security-policy");
            for part in ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
                assert!(policy.contains(part), "{place}: {policy}");
            }
            assert!(!policy.contains('*') && !policy.contains("unsafe-eval"), "{place}: {policy}");
            assert!(
                !policy.contains("script-src 'unsafe")
                    && (route.address == server.api || !policy.contains("unsafe")),
                "{place}: {policy}"
            );
        }
    }
}

#[tokio::test]
async fn strangers_words_make_no_series() {
    let server = Server::start().await;
    let host = server.api.trim_start_matches("http://");
    for number in 0..50 {
        let (method, target) = (format!("INVENTED{number}"), format!("/api/v1/nothing/{number}"));
        for target in [target.as_str(), "/api/v1/issues", "/docs/nothing"] {
            let asked = Ask { method: &method, target, headers: vec![("host", host)], body: "" };
            ask(&server.api, &asked).await;
        }
    }
    let metrics = server.get("/metrics").send().await.unwrap().text().await.unwrap();
    assert!(!metrics.contains("INVENTED") && !metrics.contains("nothing/"), "{metrics}");
    let others: Vec<_> = metrics
        .lines()
        .filter(|line| {
            line.starts_with("log_center_http_requests_total") && line.contains("method=\"other\"")
        })
        .collect();
    let total: u64 = others.iter().map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum();
    assert_eq!((total, others.len() <= 4), (150, true), "{others:?}");
}

#[tokio::test]
async fn names_that_are_none_are_refused_at_the_start() {
    for names in [
        "http://logs.example",
        "logs.example:8002",
        "*",
        "*.example",
        "a b",
        "logs..example",
        "logs.example/x",
        "a,.b",
    ] {
        let output = ServerOptions::new().env("LOG_CENTER_HOSTS", names).command().output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && words.contains("--hosts") && words.contains("host name"),
            "{names}: {words}"
        );
    }
}
