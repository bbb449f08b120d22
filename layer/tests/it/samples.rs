//! What the layer writes by itself: that the service has started, and samples of the process.

use crate::child;
use crate::forwarding::LONG;
use crate::json::{extra, read};
use log_center::testing::Capture;
use log_center_wire::Record;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Waits for so many records.
#[track_caller]
fn records(capture: &Capture, count: usize) -> Vec<Value> {
    let deadline = Instant::now() + LONG;
    while capture.lines().len() < count {
        assert!(Instant::now() < deadline, "{:?}", capture.lines());
        std::thread::sleep(Duration::from_millis(5));
    }
    capture.lines().iter().map(|line| read(line)).collect()
}

#[track_caller]
fn number(pairs: &std::collections::BTreeMap<String, String>, key: &str) -> u64 {
    pairs[key].parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn samples_say_what_the_process_takes() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).build().unwrap();
    // Something to see: memory, time, threads, files, a task.
    let memory = vec![1_u8; 64 << 20];
    let files: Vec<_> = (0..50).map(|_| std::fs::File::open("/proc/self/stat").unwrap()).collect();
    runtime.spawn(std::future::pending::<()>());
    let capture = Capture::new();
    let (_layer, _guard) = log_center::layer("sampled")
        .version("1.2.3")
        .without_endpoint()
        .writer(capture.clone())
        .stat_interval(Duration::from_millis(100))
        .tokio(runtime.handle().clone())
        .build()
        .unwrap();
    let spinning = AtomicBool::new(true);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while spinning.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
        // On a busy machine neither the thread nor the task need have had their turn before the first samples.
        let shows_both = |sample: &&Value| {
            sample["perf"]["cpu"].as_f64() > Some(0.0) && extra(sample)["tokio_global_queue"] == "0"
        };
        let mut count = 1;
        let sample = loop {
            if let Some(sample) = records(&capture, count).iter().find(shows_both) {
                break sample.clone();
            }
            count += 1;
            assert!(count < 300, "{:?}", capture.lines());
        };
        spinning.store(false, Ordering::Relaxed);
        let line = sample.to_string();
        assert_eq!((&sample["scope"], &sample["msg"]), (&"stat".into(), &"process sample".into()));
        assert_eq!((&sample["level"], &sample["version"]), (&30.into(), &"1.2.3".into()));
        let perf = Record::decode(line.as_bytes()).unwrap().perf.unwrap();
        assert!(perf.rss > memory.len() as u64, "{perf:?}");
        assert!(perf.cpu < 10_000.0, "{perf:?}");
        let pairs = extra(&sample);
        assert!(number(&pairs, "threads") >= 5, "{line}");
        assert!(number(&pairs, "open_files") >= files.len() as u64, "{line}");
        assert_eq!((number(&pairs, "tokio_workers"), number(&pairs, "tokio_alive_tasks")), (3, 1));
    });
}

/// Counts lines.
#[derive(Clone, Default)]
struct Counter(Arc<AtomicUsize>);

impl std::io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn samples_end_with_the_guard() {
    let counter = Counter::default();
    let writer = counter.clone();
    let builder = log_center::layer("sampled").without_endpoint().writer(move || writer.clone());
    let (layer, guard) = builder.stat_interval(Duration::from_millis(100)).build().unwrap();
    let deadline = Instant::now() + LONG;
    while cfg!(target_os = "linux") && counter.0.load(Ordering::Relaxed) == 0 {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(guard);
    drop(layer);
    assert_eq!(Arc::strong_count(&counter.0), 1, "no thread has the writer any more");
}

#[test]
fn the_start_is_told_if_asked_for() {
    let capture = Capture::new();
    let builder = || log_center::layer("starts").without_endpoint().writer(capture.clone());
    drop(builder().build().unwrap());
    assert_eq!(capture.lines().len(), 0, "a layer among others is not the service");
    drop(builder().start_record(true).commit_hash("abc").build().unwrap());
    let [started] = &records(&capture, 1)[..] else { panic!("one record expected") };
    assert_eq!((&started["scope"], &started["level"]), (&"desc".into(), &30.into()));
    assert_eq!((&started["msg"], &started["commit_hash"]), (&"service started".into(), &"abc".into()));
    let pairs = extra(started);
    assert_eq!(pairs["os"], std::env::consts::OS);
    assert_eq!(pairs["layer"], env!("CARGO_PKG_VERSION"));
    assert_eq!(pairs["forwards"], "off");
    assert!(pairs["program"].starts_with("it-"), "{pairs:?}");
    assert!(number(&pairs, "cores") >= 1);
}

/// What a program that installs the layer writes by itself under a filter.
#[track_caller]
fn check_init(test: &str, filter: &str, start_record: bool, expected: &[&str]) {
    child::in_own_process_with(test, &[("RUST_LOG", filter)], || {
        let capture = Capture::new();
        let builder = log_center::layer("starts").without_endpoint().writer(capture.clone());
        let _guard = builder.start_record(start_record).init().unwrap();
        std::thread::spawn(|| panic!("one of many")).join().unwrap_err();
        let messages: Vec<_> = capture.records().iter().map(|record| record["msg"].clone()).collect();
        assert_eq!(messages, expected);
    });
}

#[test]
fn a_program_tells_its_start() {
    check_init("samples::a_program_tells_its_start", "", true, &["service started", "panic"]);
}

#[test]
fn a_program_need_not_tell_its_start() {
    check_init("samples::a_program_need_not_tell_its_start", "", false, &["panic"]);
}

#[test]
fn the_filter_holds_for_the_layers_own_records() {
    let test = "samples::the_filter_holds_for_the_layers_own_records";
    check_init(test, "warn", true, &["panic"]);
}

#[test]
fn a_filter_may_name_the_layers_own_records() {
    let test = "samples::a_filter_may_name_the_layers_own_records";
    check_init(test, "error,log_center::process=off", true, &[]);
}
