//! Parts of ClickHouse's tables that are damaged while the server is down: it starts, takes reports, and tells them.

use crate::damage::{copy, drained, flip, killed};
use crate::harness::{DEADLINE, Server, ServerOptions, a_report, shared_clickhouse};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

const STORED: u32 = 12;

/// The folders of the parts of a table that are active when the server is killed.
async fn parts(server: &Server, table: &str) -> Vec<PathBuf> {
    let statement = format!(
        "SELECT path FROM system.parts WHERE database = currentDatabase() AND table = '{table}' AND active"
    );
    server.sql(&statement).await.lines().map(PathBuf::from).collect()
}

fn files(part: &Path) -> Vec<PathBuf> {
    fs::read_dir(part).unwrap().map(|file| file.unwrap().path()).collect()
}

fn flip_all(file: &Path) {
    let length = file.metadata().unwrap().len();
    (0..length.saturating_sub(63)).step_by(64).for_each(|at| flip(file, at));
}

fn flip_named(part: &Path, is_meant: impl Fn(&str) -> bool) {
    let named = files(part).into_iter().filter(|file| is_meant(file.file_name().unwrap().to_str().unwrap()));
    named.for_each(|file| flip_all(&file));
}

/// What is done to the folder of a part.
type Harm<'a> = &'a dyn Fn(&Path);

struct Damaged {
    server: Server,
    health: Value,
}

/// What holds after every damage: reports are taken and stored, and a known issue is not new.
async fn works(options: ServerOptions) -> Damaged {
    let server = options.start().await;
    let ready = server.get("/health/ready").send().await.unwrap();
    assert!(ready.status().is_success(), "{}", server.log());
    let health = server.json("/health").await;
    assert_eq!(server.report(&a_report(3)).await["is_new"], false, "a known issue is new again");
    drained(&server).await;
    Damaged { server, health }
}

impl Damaged {
    fn tells(&self, part: &str, code: &str, words: &str) {
        let told = &self.health[part];
        assert_eq!(told["code"], code, "{}\n{}", self.health, self.server.log());
        assert!(told["reason"].as_str().unwrap().contains(words), "{told}");
        assert!(told["action"].is_string(), "{told}");
        assert!(self.server.log().contains("part_broken"), "{}", self.server.log());
    }

    async fn metric(&self, name: &str) -> u64 {
        let metrics = self.server.get("/metrics").send().await.unwrap().text().await.unwrap();
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap();
        line.parse().unwrap()
    }
}

#[tokio::test]
async fn parts_that_clickhouse_does_not_load_are_told() {
    if shared_clickhouse().is_some() {
        return;
    }
    let server = Server::start().await;
    for line in 0..STORED {
        server.report(&a_report(line)).await;
    }
    drained(&server).await;
    server.sql("OPTIMIZE TABLE event_store FINAL").await;
    let (events, issues) = (parts(&server, "event_store").await, parts(&server, "issue_store").await);
    let noted = server.options().data_dir().join("data/clickhouse/parts.noted");
    let started = Instant::now();
    let name = events[0].file_name().unwrap().to_str().unwrap().to_owned();
    while !fs::read_to_string(&noted).is_ok_and(|noted| noted.contains(&format!("event_store\t{name}\t"))) {
        assert!(started.elapsed() < DEADLINE, "the parts are not noted: {}", server.log());
        tokio::time::sleep(crate::harness::POLL).await;
    }
    let mut options = killed(server).await;
    let data = options.data_dir().join("data");
    let kept = data.with_extension("kept");
    copy(&data, &kept);
    // What merges left would come back in the place of what is damaged.
    let of_table = |parts: &[PathBuf]| files(parts[0].parent().unwrap());
    let is_part = |path: &&PathBuf| path.join("checksums.txt").exists();
    let all = |parts: &[PathBuf], harm: Harm<'_>| {
        of_table(parts).iter().filter(is_part).for_each(|part| harm(part));
    };
    let empty = |name: &'static str| move |part: &Path| _ = fs::File::create(part.join(name)).unwrap();
    let flipped: Harm<'_> = &|part| flip_named(part, |_| true);
    let cut: Harm<'_> = &|part| {
        let file = fs::File::options().write(true).open(part.join("data.bin")).unwrap();
        file.set_len(10).unwrap();
    };
    let cases: [(&[PathBuf], Harm<'_>, u32); 5] = [
        (&events, flipped, STORED),
        (&events, &empty("checksums.txt"), STORED),
        (&events, &empty("columns.txt"), STORED),
        (&events, cut, STORED),
        (&issues, flipped, 0),
    ];
    for (index, (parts, harm, events_lost)) in cases.into_iter().enumerate() {
        println!("case {index}");
        all(parts, harm);
        let damaged = works(options).await;
        damaged.tells("parts", "part_broken", "detached");
        assert!(damaged.metric("log_center_parts_detached").await > 0);
        if events_lost > 0 {
            damaged.tells("clickhouse", "events_lost", &format!("{events_lost} rows of event_store"));
            assert_eq!(damaged.metric("log_center_lost_events_total").await, u64::from(events_lost));
            assert_eq!(damaged.server.sql("SELECT count() FROM events").await, "1");
        }
        options = killed(damaged.server).await;
        fs::remove_dir_all(&data).unwrap();
        copy(&kept, &data);
    }

    // A folder that is gone leaves nothing in `detached`.
    of_table(&events).iter().filter(is_part).for_each(|part| fs::remove_dir_all(part).unwrap());
    let damaged = works(options).await;
    damaged.tells("clickhouse", "events_lost", &format!("{STORED} rows of event_store"));
    // It is told once.
    let server = damaged.server.kill_and_restart().await;
    assert_eq!(server.json("/health").await["status"], "ok", "{}", server.log());
}

#[tokio::test]
async fn parts_that_cannot_be_read_do_not_keep_the_server_from_starting() {
    if shared_clickhouse().is_some() {
        return;
    }
    let server = Server::start().await;
    for line in 0..STORED {
        server.report(&a_report(line)).await;
    }
    drained(&server).await;
    let mut harmed = Vec::new();
    for table in ["event_store", "issue_store", "schema_migrations"] {
        harmed.extend(parts(&server, table).await);
    }
    let options = killed(server).await;
    let data = options.data_dir().join("data");
    let kept = data.with_extension("kept");
    copy(&data, &kept);
    // ClickHouse takes these for whole when it starts.
    for part in harmed.iter().filter(|part| part.exists()) {
        flip_named(part, |name| name.ends_with(".bin") || name.starts_with("skp_idx_batch"));
    }
    let damaged = works(options).await;
    damaged.tells("parts", "part_broken", "schema_migrations");
    assert!(damaged.metric("log_center_parts_put_aside_total").await > 0);

    // Nobody but a reader needs the events, so they are left where they are.
    let started = Instant::now();
    while damaged.server.json("/health").await["parts"]["unreadable"] == 0 {
        let refused = damaged.server.get("/api/v1/events").send().await.unwrap();
        assert_eq!(refused.status(), 503);
        assert!(started.elapsed() < DEADLINE, "{}", damaged.server.log());
        tokio::time::sleep(crate::harness::POLL).await;
    }
    assert!(damaged.metric("log_center_parts_unreadable").await > 0);
    // Once each, however many ask.
    let told = damaged.server.log().matches("they are left in their places").count();
    assert!((1..=harmed.len()).contains(&told), "{told}: {}", damaged.server.log());

    // A new spool needs the issues.
    let options = killed(damaged.server).await;
    fs::remove_dir_all(&data).unwrap();
    copy(&kept, &data);
    for part in harmed.iter().filter(|part| part.exists()) {
        flip_named(part, |name| name.ends_with(".bin"));
    }
    fs::remove_dir_all(data.join("spool")).unwrap();
    let server = options.start().await;
    assert_eq!(server.json("/health").await["parts"]["code"], "part_broken");
    server.report(&a_report(1)).await;
    drained(&server).await;
}
