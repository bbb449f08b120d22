//! Who may do what: with and without the password, from programs and from pages.

use std::os::unix::fs::PermissionsExt as _;

use crate::process::{Engine, PASSWORD, command, eventually, stranger};

async fn engine() -> Engine {
    let engine = Engine::start_with(&["--hosts", "logs.example,other.example"]);
    engine.ask("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a").await;
    engine.ask("INSERT INTO t VALUES (7)").await;
    engine
}

const WRITES: [&str; 6] = [
    "INSERT INTO t VALUES (1)",
    "WITH 1 AS x INSERT INTO t SELECT x",
    "DROP TABLE t",
    "CREATE TABLE u (a UInt8) ENGINE = Memory",
    "SYSTEM DROP MARK CACHE",
    "KILL QUERY WHERE 1",
];

#[tokio::test]
async fn without_the_password_nobody_writes() {
    let engine = engine().await;
    for user in ["", "?user=default", "?user=reader", "?user=admin", "?user=default&password="] {
        for session in ["", "session_id=s&", "readonly=0&"] {
            let separator = if user.is_empty() { "?" } else { "&" };
            let url = format!("{}{user}{separator}{session}", engine.url());
            let answer = stranger().post(&url).body("SELECT a FROM t").send().await.expect("answer");
            assert_eq!(answer.text().await.expect("text"), "7\n", "{url}");
            for sql in WRITES {
                let answer = stranger().post(&url).body(sql).send().await.expect("answer");
                assert!(answer.status().as_u16() >= 400, "{url}: {sql}");
            }
        }
    }
    assert_eq!(engine.ask("SELECT groupArray(a) FROM t").await, "[7]");
    assert_eq!(engine.ask("SHOW TABLES").await, "t");
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    let engine = engine().await;
    for shown in ["guess", &PASSWORD[1..], &PASSWORD[..PASSWORD.len() - 1], "the-password-of-the-testS"] {
        for user in ["default", "reader", "admin"] {
            let request = stranger().post(engine.url()).body("SELECT 1");
            for request in [
                request.try_clone().expect("clone").basic_auth(user, Some(shown)),
                request.header("X-ClickHouse-User", user).header("X-ClickHouse-Key", shown),
            ] {
                let answer = request.send().await.expect("answer");
                assert_eq!(answer.status(), 403, "{user} {shown}");
                assert_eq!(answer.headers()["x-clickhouse-exception-code"], "516");
            }
        }
    }
}

#[tokio::test]
async fn get_reads_even_with_the_password() {
    let engine = engine().await;
    for sql in WRITES {
        for more in ["", "&session_id=s", "&readonly=0", "&session_id=s&readonly=0"] {
            let query: String = form_urlencoded(sql);
            let url = format!("{}?query={query}{more}&password={PASSWORD}", engine.url());
            let answer = stranger().get(&url).send().await.expect("answer");
            assert!(answer.status().as_u16() >= 400, "{url}");
        }
    }
    assert_eq!(engine.ask("SELECT groupArray(a) FROM t").await, "[7]");
}

fn form_urlencoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// A GET that a page made could begin a session in which a second one wrote.
#[tokio::test]
async fn get_leaves_nothing_in_a_session() {
    let engine = engine().await;
    let set = form_urlencoded("SET readonly = 0");
    for query in [set, form_urlencoded("INSERT INTO t VALUES (1)")] {
        let url = format!("{}?query={query}&session_id=s", engine.url());
        drop(stranger().get(url).send().await.expect("answer"));
    }
    assert_eq!(engine.ask("SELECT groupArray(a) FROM t").await, "[7]");
    let (_, text) = engine.post("session_id=s&session_check=1", "SELECT 1").await;
    assert!(text.contains("Code: 372."), "{text}");
}

#[tokio::test]
async fn pages_of_other_sites_are_refused_before_anything_runs() {
    let engine = engine().await;
    let own = engine.url().trim_end_matches('/').to_owned();
    let other_port = "http://127.0.0.1:1".to_owned();
    let cases = [
        ("Origin", own.clone(), 200),
        ("Origin", other_port, 403),
        ("Origin", "http://localhost".to_owned(), 403),
        ("Origin", "null".to_owned(), 403),
        ("Origin", own.replace("http://", "https://"), 403),
        ("Sec-Fetch-Site", "same-origin".to_owned(), 200),
        ("Sec-Fetch-Site", "none".to_owned(), 200),
        ("Sec-Fetch-Site", "same-site".to_owned(), 403),
        ("Sec-Fetch-Site", "cross-site".to_owned(), 403),
        ("Sec-Fetch-Site", "anything".to_owned(), 403),
        ("Host", "evil.example".to_owned(), 421),
        ("Host", "localhost.evil.example".to_owned(), 421),
        ("Host", "127.0.0.1.evil.example".to_owned(), 421),
        ("Host", "evil@localhost@evil.example".to_owned(), 421),
        ("Host", "user@localhost".to_owned(), 421),
        ("Host", "localhost.".to_owned(), 421),
        ("Host", "[127.0.0.1]".to_owned(), 421),
        ("Host", "LOCALHOST:1".to_owned(), 200),
        ("Host", "[::1]:8123".to_owned(), 200),
        ("Host", "10.1.2.3".to_owned(), 200),
        ("Host", "Logs.example:80".to_owned(), 200),
        ("Host", "other.example".to_owned(), 200),
    ];
    for (header, value, status) in &cases {
        for method in ["POST", "GET", "HEAD", "OPTIONS", "PUT"] {
            let method = method.parse::<reqwest::Method>().expect("method");
            let url = format!("{}?query=SELECT+1", engine.url());
            let request = stranger().request(method.clone(), url).header(*header, value);
            let answer = request.send().await.expect("answer");
            let expected = match method.as_str() {
                "OPTIONS" | "PUT" if *status == 200 => 405,
                _ => *status,
            };
            assert_eq!(answer.status(), expected, "{method} {header}: {value}");
            for (rule, said) in [
                ("x-content-type-options", "nosniff"),
                ("cross-origin-resource-policy", "same-origin"),
                ("x-frame-options", "DENY"),
            ] {
                assert_eq!(answer.headers()[rule], said, "{method} {header}: {value}");
            }
        }
    }
    // Also with the password, and both ways at once: the name of a page's site that now leads here.
    let answer = stranger()
        .post(format!("{}?password={PASSWORD}", engine.url()))
        .header("Host", "evil.example")
        .header("Origin", "http://evil.example")
        .body("DROP TABLE t")
        .send()
        .await
        .expect("answer");
    assert_eq!(answer.status(), 421);
    assert!(answer.text().await.expect("text").contains("LOG_CENTER_HOSTS"));
    assert_eq!(engine.ask("SHOW TABLES").await, "t");
}

#[test]
fn the_password_is_made_once_and_for_the_owner_only() {
    let directory = tempfile::tempdir().expect("directory");
    let data_dir = directory.path().join("clickhouse");
    let path = directory.path().join("clickhouse.password");
    // Making the command leaves the tests' own password there.
    let mut without_password = command(&data_dir, &[]);
    std::fs::remove_file(&path).expect("remove");
    let mut child = without_password.spawn().expect("engine starts");
    eventually("a password is made", || path.exists());
    child.kill().expect("kill");
    child.wait().expect("wait");
    let made = std::fs::read_to_string(&path).expect("password");
    assert!(made.len() == 65 && made.trim().bytes().all(|byte| byte.is_ascii_hexdigit()), "{made}");
    let mode = || std::fs::metadata(&path).expect("metadata").permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    // A later start keeps it, and takes it away from others.
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("permissions");
    drop(Engine::start_in(&data_dir, &[]));
    assert_eq!(std::fs::read_to_string(&path).expect("password"), made);
    assert_eq!(mode(), 0o600);
}

#[test]
fn a_planted_link_is_no_password_file() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("clickhouse.password");
    let planted = directory.path().join("planted");
    for target_exists in [false, true] {
        let mut command = command(&directory.path().join("clickhouse"), &[]);
        drop(std::fs::remove_file(&path));
        if target_exists {
            std::fs::write(&planted, "a-password-that-somebody-planted").expect("planted");
        }
        std::os::unix::fs::symlink(&planted, &path).expect("link");
        let output = command.stdin(std::process::Stdio::null()).output().expect("engine ends");
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stderr).contains("password file"));
        assert_eq!(planted.exists(), target_exists);
    }
}
