//! Nobody leaves the data directory through SQL, whoever they are.
//!
//! Each statement runs on a thread of the pool, so this also proves that the sandbox binds those.

use crate::process::Engine;

/// Statements that reach outside. `{secret}` is a file outside the data directory, `{inside}` a new file inside,
/// `{port}` a port on which somebody listens, `{socket}` a socket of the file system on which somebody does, `{pid}` the engine.
const ESCAPES: [&str; 29] = [
    "SELECT file('{secret}')",
    "SELECT `file`('{secret}')",
    "SELECT file('/etc/passwd')",
    "SELECT file('/proc/self/environ')",
    "SELECT file('/proc/{pid}/environ')",
    "SELECT file('/proc/self/cmdline')",
    "SELECT file('/proc/1/environ')",
    "SELECT file('/proc/sys/kernel/hostname')",
    "SELECT file('/sys/kernel/profiling')",
    "SELECT * FROM postgresql('{socket}:5432', 'd', 't', 'u', 'p')",
    "SELECT * FROM sqlite('/tmp/log-center-escape', 't')",
    "SELECT file('../../../../../../../../etc/passwd')",
    "SELECT * FROM file('{secret}', 'LineAsString')",
    "SELECT * FROM file('/etc/pass*', 'LineAsString')",
    "SELECT * FROM `{secret}`",
    "SELECT * FROM url('http://127.0.0.1:{port}/', 'LineAsString')",
    "SELECT * FROM remote('127.0.0.1:{port}', 'system', 'one')",
    "SELECT * FROM s3('http://127.0.0.1:{port}/bucket/key', 'CSV', 'a String')",
    "SELECT * FROM mysql('127.0.0.1:{port}', 'd', 't', 'u', 'p')",
    "SELECT * FROM executable('id', 'TSV', 'a String')",
    "SELECT 1 INTO OUTFILE '{inside}'",
    "SELECT 1 INTO OUTFILE '/tmp/log-center-escape'",
    "SELECT 1 INTO/**/OUTFILE '{inside}' FORMAT CSV",
    "INSERT INTO FUNCTION file('/tmp/log-center-escape', 'CSV', 'a UInt8') VALUES (1)",
    "INSERT INTO FUNCTION url('http://127.0.0.1:{port}/', 'CSV', 'a UInt8') VALUES (1)",
    "INSERT INTO t FROM INFILE '{secret}' FORMAT LineAsString",
    "CREATE TABLE leak (a String) ENGINE = File(LineAsString, '{secret}')",
    "CREATE DATABASE leak ENGINE = Filesystem('/etc')",
    "BACKUP TABLE t TO File('/tmp/log-center-escape')",
];

const SECRET: &str = "the-secret-of-this-test";

async fn cannot_escape(user: &str) {
    let engine = Engine::start();
    if engine.ready["sandbox"] == "none" {
        eprintln!("this kernel has no Landlock: nothing to test");
        return;
    }
    engine.ask("CREATE TABLE t (a String) ENGINE = MergeTree ORDER BY a").await;
    let outside = tempfile::tempdir().expect("directory");
    let secret = outside.path().join("secret");
    std::fs::write(&secret, SECRET).expect("secret");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("listener");
    listener.set_nonblocking(true).expect("nonblocking");
    let socket = outside.path().join(".s.PGSQL.5432");
    let unix = std::os::unix::net::UnixListener::bind(&socket).expect("socket");
    unix.set_nonblocking(true).expect("nonblocking");
    let port = listener.local_addr().expect("address").port();

    for template in ESCAPES {
        let sql = template
            .replace("{secret}", &secret.display().to_string())
            .replace("{inside}", &engine.data_dir().join("made-by-sql").display().to_string())
            .replace("{port}", &port.to_string())
            .replace("{socket}", &outside.path().display().to_string())
            .replace("{pid}", &engine.child.id().to_string());
        let (status, text) = engine.post(&format!("user={user}"), sql.clone()).await;
        // A pattern that matches nothing readable is an empty answer.
        let refused = status >= 400 || sql.starts_with("CREATE") || sql.contains('*') && text.is_empty();
        assert!(refused && !text.contains(SECRET), "{user}: {sql}: {status} {text}");
        if sql.starts_with("CREATE") && status == 200 {
            let read =
                if sql.contains("DATABASE") { "SELECT * FROM leak.passwd" } else { "SELECT * FROM leak" };
            let (status, text) = engine.post(&format!("user={user}"), read).await;
            assert!(status >= 400 && !text.contains(SECRET), "{user}: {sql}: {status} {text}");
            let kind = if sql.contains("DATABASE") { "DATABASE" } else { "TABLE" };
            engine.ask(&format!("DROP {kind} leak")).await;
        }
    }
    assert!(listener.accept().is_err() && unix.accept().is_err(), "something connected");
    assert!(!std::path::Path::new("/tmp/log-center-escape").exists());
    assert!(!engine.data_dir().join("made-by-sql").exists());
    assert_eq!(engine.ask("SELECT count() FROM t").await, "0");
}

#[tokio::test]
async fn a_reader_cannot_leave_the_data_directory() {
    cannot_escape("reader").await;
}

#[tokio::test]
async fn the_full_user_cannot_either() {
    cannot_escape("default").await;
}

/// Each thread, ClickHouse's too, has the filters of system calls.
#[tokio::test]
async fn every_thread_has_its_system_calls_restricted() {
    let engine = Engine::start();
    if engine.ready["sandbox"] == "none" {
        return;
    }
    engine.ask("SELECT uniqExact(number) FROM numbers_mt(1000000)").await;
    let threads = std::fs::read_dir(format!("/proc/{}/task", engine.child.id())).expect("threads");
    let mut count = 0;
    for thread in threads.flatten() {
        let status = std::fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        assert!(status.is_empty() || status.contains("\nSeccomp:\t2\n"), "{status}");
        assert!(status.is_empty() || status.contains("\nNoNewPrivs:\t1\n"), "{status}");
        count += 1;
    }
    assert!(count > 4, "{count} threads");
    assert_ne!(engine.ask("SELECT count() FROM system.stack_trace").await, "0");
}

/// As on a kernel without any of it.
#[tokio::test]
async fn without_a_sandbox_readers_get_no_table_functions() {
    let mut engine = Engine::start_with(&["--without-sandbox"]);
    assert_eq!(engine.ready["sandbox"], "none");
    let as_reader = async |sql: &str| engine.post("user=reader", sql.to_owned()).await;
    for sql in [
        "SELECT * FROM numbers(3)",
        "SELECT 1 WHERE 1 IN (SELECT number FROM numbers(3))",
        "WITH a AS (SELECT * FROM values('a UInt8', 1)) SELECT * FROM a",
        "SELECT * FROM (SELECT 1) AS a CROSS JOIN view(SELECT 2) AS b",
        "DESCRIBE TABLE numbers(3)",
        "SELECT 1 UNION ALL SELECT number FROM zeros(2) AS z, numbers(1)",
    ] {
        let (status, text) = as_reader(sql).await;
        assert!(status >= 400 && text.contains("(ACCESS_DENIED)"), "{sql}: {status} {text}");
    }
    for sql in ["SELECT 1", "SELECT count() FROM system.one", "SELECT arrayJoin([1]) AS a"] {
        assert_eq!(as_reader(sql).await.0, 200, "{sql}");
    }
    assert_eq!(engine.ask("SELECT count() FROM numbers(3)").await, "3");
    engine.signal(rustix::process::Signal::TERM);
    engine.wait();
    let mut log = String::new();
    drop(engine.child.stderr.take().map(|mut stderr| std::io::Read::read_to_string(&mut stderr, &mut log)));
    assert!(
        log.contains("no Landlock") && log.contains("no seccomp") && log.contains("no table functions"),
        "{log}"
    );
}
