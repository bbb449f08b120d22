use crate::harness::{DEADLINE, POLL, Server, ServerOptions, a_report, signal};
use std::process::Output;
use std::time::Instant;

fn run(options: &ServerOptions, change: impl FnOnce(&mut std::process::Command)) -> Output {
    let mut command = options.command();
    change(&mut command);
    command.output().unwrap()
}

#[track_caller]
fn refuses(name: &str, value: &str, expected: &[&str]) {
    let options = ServerOptions::new();
    let output = run(&options, |command| _ = command.env(name, value));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{name}={value} was accepted");
    for part in expected {
        assert!(said.contains(part), "{name}={value}: {part:?} is not in: {said}");
    }
}

#[test]
fn a_bad_setting_is_named_at_start() {
    refuses("LOG_CENTER_API_ADDR", "nowhere", &["--api-addr", "nowhere"]);
    refuses("LOG_CENTER_API_ADDR", "0.0.0.0:0", &["LOG_CENTER_API_ADDR", "--allow-remote"]);
    refuses("LOG_CENTER_DASHBOARD_ADDR", "[::]:0", &["LOG_CENTER_DASHBOARD_ADDR", "--allow-remote"]);
    refuses("LOG_CENTER_ENGINE_ADDR", "10.0.0.1:8123", &["LOG_CENTER_ENGINE_ADDR", "--allow-remote"]);
    refuses("LOG_CENTER_SPOOL_MAX_BYTES", "10", &["LOG_CENTER_SPOOL_MAX_BYTES", "at least"]);
    refuses("LOG_CENTER_SPOOL_MAX_BYTES", "many", &["--spool-max-bytes", "many"]);
    refuses("LOG_CENTER_CLICKHOUSE_URL", "ftp://x", &["LOG_CENTER_CLICKHOUSE_URL", "http://"]);
    refuses("LOG_CENTER_CLICKHOUSE_URL", "http://me:secret word@", &["LOG_CENTER_CLICKHOUSE_URL"]);
    refuses("LOG_CENTER_LOG", "info,=", &["LOG_CENTER_LOG"]);
    for name in ["URL", "USER", "READER_USER", "DATABASE"] {
        let name = format!("LOG_CENTER_CLICKHOUSE_{name}");
        refuses(&name, "", &[&name, "empty"]);
        refuses(&name, " ", &[&name, "empty"]);
    }
    refuses("LOG_CENTER_CLICKHOUSE_URL", "https://db:8443", &["LOG_CENTER_CLICKHOUSE_URL", "https"]);
    refuses("LOG_CENTER_CLICKHOUSE_URL", "http://db/x?timeout=1", &["LOG_CENTER_CLICKHOUSE_URL", "timeout"]);
    refuses("LOG_CENTER_ENGINE_MEMORY_BYTES", "0", &["LOG_CENTER_ENGINE_MEMORY_BYTES", "at least 268435456"]);
    refuses("LOG_CENTER_ENGINE_HUNG_SECONDS", "0", &["--engine-hung-seconds"]);
    refuses("LOG_CENTER_RETENTION", "400,400", &["--retention", "second"]);
    refuses("LOG_CENTER_RETENTION", "shop=1, shop/*=2", &["--retention", "second"]);
    refuses("LOG_CENTER_RETENTION", "0", &["--retention", "from 1 to"]);
    refuses("LOG_CENTER_RETENTION", " ", &["--retention", "empty"]);
    refuses("LOG_CENTER_LOG", "", &["LOG_CENTER_LOG", "empty"]);
    refuses("LOG_CENTER_SHUTDOWN_SECONDS", "soon", &["LOG_CENTER_SHUTDOWN_SECONDS", "soon"]);
    for name in ["API_ADDR", "DATA_DIR", "SPOOL_MAX_BYTES", "RETENTION", "ALLOW_REMOTE"] {
        let name = format!("LOG_CENTER_{name}");
        refuses(&name, "", &[&name]);
    }
    for own in ["system", "INFORMATION_SCHEMA"] {
        refuses("LOG_CENTER_CLICKHOUSE_DATABASE", own, &["LOG_CENTER_CLICKHOUSE_DATABASE", own]);
    }
    refuses("LOG_CENTER_DATA_DIR", "/dev/null", &["LOG_CENTER_DATA_DIR", "/dev/null"]);
}

#[test]
fn settings_that_contradict_each_other_are_named() {
    let refuses = |settings: &[(&str, &str)], expected: &[&str]| {
        let options = ServerOptions::new();
        let output = run(&options, |command| {
            for name in ["URL", "USER", "PASSWORD", "DATABASE"] {
                command.env_remove(format!("LOG_CENTER_CLICKHOUSE_{name}"));
            }
            command.envs(settings.iter().copied());
        });
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{settings:?} was accepted");
        assert!(expected.iter().all(|part| said.contains(part)), "{settings:?}: {said}");
        assert!(!said.contains("secret"), "{said}");
    };
    for name in ["USER", "PASSWORD", "READER_USER", "READER_PASSWORD"] {
        let name = format!("LOG_CENTER_CLICKHOUSE_{name}");
        refuses(&[(&name, "secret")], &[&name, "LOG_CENTER_CLICKHOUSE_URL"]);
    }
    let url = ("LOG_CENTER_CLICKHOUSE_URL", "http://me:secret@127.0.0.1:1/base");
    for name in ["USER", "PASSWORD", "DATABASE"] {
        let name = format!("LOG_CENTER_CLICKHOUSE_{name}");
        refuses(&[url, (&name, "secret")], &[&name, "one place"]);
    }
    refuses(
        &[url, ("LOG_CENTER_CLICKHOUSE_READER_PASSWORD", "secret")],
        &["LOG_CENTER_CLICKHOUSE_READER_USER"],
    );
    let of_embedded = [("ENGINE_MEMORY_BYTES", "1073741824"), ("CLICKHOUSE_PASSWORD_FILE", "/secret")];
    for (name, value) in of_embedded {
        let name = format!("LOG_CENTER_{name}");
        refuses(&[url, (&name, value)], &[&name, "LOG_CENTER_CLICKHOUSE_URL"]);
    }
    let deep = ("LOG_CENTER_CLICKHOUSE_URL", "http://127.0.0.1:1/x/y");
    refuses(&[deep], &["LOG_CENTER_CLICKHOUSE_URL", "name of a database"]);
    let (api, dashboard) = ("LOG_CENTER_API_ADDR", "LOG_CENTER_DASHBOARD_ADDR");
    refuses(&[(api, "127.0.0.1:9"), (dashboard, "127.0.0.1:9")], &[api, dashboard, "of its own"]);
}

#[test]
fn too_few_open_files_are_told_with_how_many_are_needed() {
    let options = ServerOptions::new();
    let server = options.command();
    let mut command = std::process::Command::new("sh");
    command.arg("-c").arg("ulimit -n 64 && exec \"$0\" serve").arg(server.get_program());
    command.envs(server.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("64 files") && said.contains("1024"), "{said}");
}

#[tokio::test]
async fn a_misspelt_variable_is_warned_of() {
    let server = ServerOptions::new().env("LOG_CENTER_RETENTON", "secret").start().await;
    let log = server.log();
    assert!(log.contains("LOG_CENTER_RETENTON; did you mean LOG_CENTER_RETENTION?"), "{log}");
    assert!(!log.contains("secret"), "{log}");
}

#[tokio::test]
async fn a_taken_address_is_named() {
    let server = Server::start().await;
    let address = server.api.trim_start_matches("http://").to_owned();
    refuses("LOG_CENTER_API_ADDR", &address, &[&address, "LOG_CENTER_API_ADDR"]);
}

#[tokio::test]
async fn a_second_server_on_the_same_data_is_refused() {
    let server = Server::start().await;
    let output = run(server.options(), |_| {});
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(said.contains("another server uses this data directory"), "{said}");
}

#[tokio::test]
async fn a_stop_writes_what_waits_and_ends_the_engine() {
    let server = Server::start().await;
    for line_number in 0..10 {
        server.report(&a_report(line_number)).await;
    }
    let engine = server.engine_pid;
    let (code, options) = server.stop().await;
    assert_eq!(code, Some(0));
    if let Some(engine) = engine {
        assert!(!std::path::Path::new(&format!("/proc/{engine}")).exists(), "the engine outlived its server");
    }
    let server = options.start().await;
    assert_eq!(server.sql("SELECT count() FROM issues").await, "10");
    assert_eq!(server.report(&a_report(1)).await["is_new"], false);
}

#[tokio::test]
async fn an_interrupt_and_a_hangup_stop_like_a_term() {
    for name in ["INT", "HUP"] {
        let mut server = Server::start().await;
        signal(server.pid(), name);
        assert_eq!(server.wait().await, Some(0), "{name}");
    }
}

#[tokio::test]
async fn health_and_metrics_say_what_is() {
    let server = Server::start().await;
    server.report(&a_report(1)).await;
    server.report(&a_report(1)).await;
    assert_eq!(server.json("/health/live").await["status"], "ok");
    let ready = server.json("/health/ready").await;
    assert_eq!((&ready["status"], &ready["spool"]["status"]), (&"ok".into(), &"ok".into()));
    assert_eq!(server.json("/health/ready/read").await["clickhouse"]["status"], "ok");
    let health = server.json("/health").await;
    assert_eq!(health["status"], "ok", "{health}");
    assert!(health["spool"]["free_bytes"].as_u64().unwrap() > 0, "{health}");
    server.sql_becomes("SELECT sum(count) FROM issues", "2").await;
    let lines = [
        "log_center_accepted_total{source=\"report\"} 2",
        "log_center_stored_rows_total 2",
        "log_center_spool_bytes 0",
        "log_center_http_requests_total{route=\"/api/v1/logs/report\",method=\"POST\",status=\"200\"} 2",
    ];
    // A row is seen in ClickHouse a moment before the writer has counted it.
    let started = Instant::now();
    loop {
        let metrics = server.get("/metrics").send().await.unwrap().text().await.unwrap();
        let missing = lines.iter().find(|line| !metrics.lines().any(|found| found == **line));
        let Some(missing) = missing else { return };
        assert!(started.elapsed() < DEADLINE, "{missing} is not in:\n{metrics}");
        tokio::time::sleep(POLL).await;
    }
}

#[tokio::test]
async fn the_engine_gets_nothing_of_the_environment_but_what_it_needs_and_no_input() {
    let server = ServerOptions::new().env("CANARY_PASSWORD", "swordfish").env("TZ", "UTC").start().await;
    let Some(engine) = server.engine_pid else { return };
    let environment = std::fs::read_to_string(format!("/proc/{engine}/environ")).unwrap();
    let names: Vec<_> =
        environment.split_terminator('\0').filter_map(|pair| pair.split('=').next()).collect();
    let is_known = |name: &&str| {
        ["LD_LIBRARY_PATH", "LOG_CENTER_LIBCHDB", "LOG_CENTER_LOG", "RUST_BACKTRACE", "TZ"].contains(name)
            || name.starts_with("LOG_CENTER_ENGINE_")
    };
    assert!(names.iter().all(is_known), "{names:?}");
    assert!(names.contains(&"TZ"), "{names:?}");
    assert!(!environment.contains("swordfish"));
    let input = std::fs::read_link(format!("/proc/{engine}/fd/0")).unwrap();
    assert_eq!(input, std::path::Path::new("/dev/null"));
}

#[tokio::test]
async fn what_is_stored_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let server = Server::start().await;
    server.report(&a_report(1)).await;
    let data = server.options().data_dir().join("data");
    let mut waiting = vec![data.clone()];
    assert_eq!(data.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    while let Some(directory) = waiting.pop() {
        // A part that is merged away meanwhile is no matter.
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_symlink() {
                continue; // A link has no permissions of its own.
            }
            assert_eq!(metadata.permissions().mode() & 0o077, 0, "{}", entry.path().display());
            waiting.extend(metadata.is_dir().then(|| entry.path()));
        }
    }
}
