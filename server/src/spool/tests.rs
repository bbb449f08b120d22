//! The two lanes against a model of ClickHouse: whatever happens in whatever order, each event arrives under one number.

use super::database::{META_APPENDED, META_BATCH, META_FROZEN, META_INSTANCE, META_POSITION, META_STORED};
use super::entry::EntryBuilder;
use super::{Frozen, Lane, Queue, Spool, SpoolOptions, SpoolThread};
use crate::clock::{now, unix_micros};
use crate::event::{Block, Encoding, Source};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use xxhash_rust::xxh3::xxh3_64;

/// What may happen.
#[derive(Debug, Clone)]
enum Step {
    /// Events of these days come, so many days before today.
    Append(Vec<i32>),
    /// A range is sent. So many of its batches arrive; if all do, it may leave the spool.
    Send {
        lane: Lane,
        arrive: usize,
        leave: bool,
    },
    /// The program ends in the middle of whatever it does, and starts again.
    Restart,
    /// Somebody keeps a copy of the directory, or puts it back.
    Copy,
    PutBack,
}

struct World {
    directory: TempDir,
    open: Option<(Spool, Queue, SpoolThread)>,
    runtime: tokio::runtime::Runtime,
    /// What ClickHouse has, by the number of the batch.
    arrived: BTreeMap<u64, Vec<u64>>,
    next_event: u64,
    /// Events that are in a copy, and those that were lost by putting it back.
    copied: Option<u64>,
    lost: BTreeSet<u64>,
}

fn block(day: i32, event: u64) -> Block {
    Block { day, rows: 1, encoding: Encoding::Row, occurrence: None, bytes: event.to_le_bytes().to_vec() }
}

/// The events in the rows of a batch.
fn events(bytes: &[u8]) -> Vec<u64> {
    // Before each stand its batch and its number there.
    bytes.chunks_exact(8 + 4 + 8).map(|row| u64::from_le_bytes(row[8 + 4..].try_into().unwrap())).collect()
}

impl World {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut world = Self {
            directory: TempDir::new().unwrap(),
            open: None,
            runtime,
            arrived: BTreeMap::new(),
            next_event: 0,
            copied: None,
            lost: BTreeSet::new(),
        };
        world.start();
        world
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("spool")
    }

    fn start(&mut self) {
        self.open = Some(
            Spool::open(&SpoolOptions { directory: self.path(), max_bytes: 1 << 30, store_directory: None })
                .unwrap(),
        );
    }

    fn stop(&mut self) {
        let (spool, queue, thread) = self.open.take().unwrap();
        drop((spool, queue));
        thread.join();
    }

    fn queue(&self) -> &Queue {
        &self.open.as_ref().unwrap().1
    }

    fn spool(&self) -> &Spool {
        &self.open.as_ref().unwrap().0
    }

    fn append(&mut self, days_ago: &[i32]) {
        let today = now().day();
        let blocks: Vec<_> =
            (self.next_event..).zip(days_ago).map(|(event, ago)| block(today - ago, event)).collect();
        self.next_event += blocks.len() as u64;
        self.runtime.block_on(self.spool().append(Source::Record, blocks, Vec::new())).unwrap();
    }

    /// Sends a range as the writer does. Gives what was sent.
    fn send(&mut self, lane: Lane, arrive: usize, leave: bool) -> Option<Frozen> {
        let frozen = self.queue().freeze(lane).unwrap()?;
        for batch in frozen.batches.iter().take(arrive) {
            let greatest = self.arrived.last_key_value().map_or(0, |(number, _)| *number);
            match self.arrived.get(&batch.number) {
                None => {
                    assert!(batch.number > greatest, "a derived table would take it for known");
                    self.arrived.insert(batch.number, events(&batch.bytes));
                }
                Some(there) if !batch.is_partial => assert_eq!(*there, events(&batch.bytes)),
                Some(there) => assert!(events(&batch.bytes).iter().all(|event| there.contains(event))),
            }
        }
        if leave && arrive >= frozen.batches.len() {
            self.queue().advance(&frozen).unwrap();
        }
        Some(frozen)
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Append(days) => self.append(days),
            Step::Send { lane, arrive, leave } => _ = self.send(*lane, *arrive, *leave),
            Step::Restart => {
                self.stop();
                self.start();
                assert!(self.spool().loss().is_none(), "{:?}", self.spool().loss());
            }
            Step::Copy => {
                self.stop();
                let copy = self.directory.path().join("copy");
                _ = std::fs::remove_dir_all(&copy);
                duplicate(&self.path(), &copy);
                self.copied = Some(self.next_event);
                self.start();
            }
            Step::PutBack => {
                let Some(known) = self.copied else { return };
                self.stop();
                std::fs::remove_dir_all(self.path()).unwrap();
                duplicate(&self.directory.path().join("copy"), &self.path());
                let arrived: BTreeSet<_> = self.arrived.values().flatten().copied().collect();
                let gone = (known..self.next_event).filter(|event| !arrived.contains(event));
                let gone: BTreeSet<_> = gone.filter(|event| !self.lost.contains(event)).collect();
                self.start();
                let told = self.spool().loss().map_or(0, |loss| loss.events);
                assert!(told >= gone.len() as u64, "{gone:?} are gone, {told} were told");
                self.lost.extend(gone);
            }
        }
        let reached = self.queue().reached().unwrap();
        assert!(reached.all() <= *self.queue().end().borrow());
    }

    /// Sends what waits, and looks whether everything is there once.
    fn settle(&mut self) {
        let mut lane = Lane::Main;
        for _ in 0..1_000 {
            let sent = self.send(lane, usize::MAX, true).is_some();
            lane = lane.other();
            if !sent && self.send(lane, usize::MAX, true).is_none() {
                break;
            }
        }
        let mut counts = BTreeMap::<u64, u32>::new();
        self.arrived.values().flatten().for_each(|event| *counts.entry(*event).or_default() += 1);
        for event in 0..self.next_event {
            let expected = u32::from(!self.lost.contains(&event));
            // What is lost from the spool may have been sent before.
            let count = counts.get(&event).copied().unwrap_or(0);
            assert!(
                count == expected || (expected == 0 && count == 1),
                "event {event} arrived {count} times"
            );
        }
        let waits = self.queue().waits().unwrap();
        assert!(!waits.main && !waits.late && !waits.is_frozen);
        assert_eq!((self.spool().waiting_events(), self.spool().waiting_bytes()), (0, 0));
        assert_eq!(self.queue().reached().unwrap().all(), *self.queue().end().borrow());
    }
}

fn duplicate(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

fn send() -> impl Strategy<Value = Step> {
    let lane = prop_oneof![Just(Lane::Main), Just(Lane::Late)];
    let arrive = prop_oneof![Just(usize::MAX), 0_usize..6];
    (lane, arrive, any::<bool>()).prop_map(|(lane, arrive, leave)| Step::Send { lane, arrive, leave })
}

fn steps(day: impl Strategy<Value = i32> + 'static, put_back: u32) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => prop::collection::vec(day, 1..40).prop_map(Step::Append),
        8 => send(),
        1 => Just(Step::Restart),
        put_back => Just(Step::Copy),
        put_back => Just(Step::PutBack),
    ];
    prop::collection::vec(step, 1..24)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_event_arrives_once_by_either_lane(steps in steps(prop_oneof![0..2, -3..400], 0)) {
        let mut world = World::new();
        steps.iter().for_each(|step| world.step(step));
        world.settle();
    }

    #[test]
    fn an_older_copy_doubles_nothing_of_either_lane(steps in steps(prop_oneof![0..2, -3..400], 1)) {
        let mut world = World::new();
        steps.iter().for_each(|step| world.step(step));
        world.settle();
    }
}

#[test]
fn a_batch_of_many_days_leaves_in_slices_and_lets_others_pass() {
    let mut world = World::new();
    world.append(&(0..400).collect::<Vec<_>>());
    let whole = world.spool().waiting_bytes();
    let main = world.send(Lane::Main, usize::MAX, true).unwrap();
    assert_eq!((main.batches.len(), main.is_whole()), (2, true));
    let mut sent = Vec::new();
    while let Some(slice) = world.send(Lane::Late, usize::MAX, true) {
        assert!(slice.batches.len() <= super::limits::SLICE_BATCHES);
        sent.extend(slice.batches.iter().map(|batch| batch.day));
        if world.queue().waits().unwrap().late {
            assert_eq!(world.spool().waiting_events(), 398 - sent.len() as u64);
            assert!(!slice.is_whole());
            world.append(&[0]);
            let fresh = world.send(Lane::Main, usize::MAX, true).unwrap();
            assert_eq!(fresh.batches.len(), 1);
            // What came just now is reached, the older one is not.
            let reached = world.queue().reached().unwrap();
            assert_eq!(reached.main, *world.queue().end().borrow());
            assert!(reached.late < reached.main);
        }
    }
    assert_eq!(sent.len(), 398);
    assert!(sent.is_sorted() && whole > 0);
    world.settle();
}

#[test]
fn one_old_day_is_one_range_however_much_of_it_came() {
    let mut world = World::new();
    for _ in 0..20 {
        world.append(&[300; 50]);
    }
    let frozen = world.send(Lane::Late, usize::MAX, true).unwrap();
    assert_eq!(frozen.batches.iter().map(|batch| batch.rows).collect::<Vec<_>>(), [1_000]);
    assert!(frozen.is_whole());
    world.settle();
}

/// A directory as the version before the lanes left it: one keyspace with many days in an entry, a range that was being sent,
/// and a mark that knows nothing of lanes.
#[test]
fn a_directory_with_one_lane_is_taken_over() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("spool");
    let (position, number, instance) = (unix_micros() - 9_000_000, unix_micros() - 5_000_000, 77_u64);
    let today = now().day();
    let mut appended = 0;
    {
        let database = fjall::Database::builder(&path).open().unwrap();
        let keyspace = |name: &str| database.keyspace(name, fjall::KeyspaceCreateOptions::default).unwrap();
        let (entries, meta) = (keyspace("entries"), keyspace("meta"));
        ["issues", "keys", "key_order"].iter().for_each(|name| drop(keyspace(name)));
        let mut start = 0;
        for place in 0..3 {
            let mut entry = EntryBuilder::default();
            for ago in 0..10 {
                entry.events(&block(today - 30 * ago, appended));
                appended += 1;
            }
            let entry = entry.finish(start);
            start += entry.len() as u64;
            entries.insert((position + place).to_be_bytes(), entry).unwrap();
        }
        let frozen = [position, position + 2, number].map(u64::to_be_bytes).concat();
        for (name, value) in [
            (META_POSITION, position.to_be_bytes().to_vec()),
            (META_FROZEN, frozen),
            (META_BATCH, (number + 9).to_be_bytes().to_vec()),
            (META_INSTANCE, instance.to_be_bytes().to_vec()),
            (META_APPENDED, (appended + 5).to_be_bytes().to_vec()),
            (META_STORED, 5_u64.to_be_bytes().to_vec()),
        ] {
            meta.insert(name, value).unwrap();
        }
        database.persist(fjall::PersistMode::SyncAll).unwrap();
    }
    let end = position + 2;
    let text = format!(
        r#"7 {{"spool":{instance},"position":{position},"frozen":{{"start":{position},"end":{end},"first_number":{number}}},"batch":{},"stored_events":5,"database_made_ms":null}}"#,
        number + 9
    );
    let line = format!("{:016x} {text}", xxh3_64(text.as_bytes()));
    std::fs::write(path.with_extension("mark"), format!("{line:<4096}")).unwrap();

    let mut world = World { directory, open: None, next_event: appended, ..World::new() };
    world.start();
    assert!(world.spool().loss().is_none(), "{:?}", world.spool().loss());
    assert_eq!(world.spool().waiting_events(), 30);
    let resumed = world.queue().freeze(Lane::Late).unwrap().unwrap();
    assert!(resumed.is_resumed && resumed.batches.iter().all(|batch| !batch.is_partial));
    let sent: Vec<_> = resumed.batches.iter().map(|batch| (batch.number, batch.day)).collect();
    let expected: Vec<_> = (0..10).map(|at| (number + at, today - 30 * (9 - at as i32))).collect();
    assert_eq!(sent, expected, "the numbers that they were sent under before");
    world.append(&[0, 100]);
    world.step(&Step::Restart);
    world.settle();
    world.append(&[0, 100]);
    world.settle();
    world.step(&Step::Restart);
}

/// More than the cache of the store holds, in sorted files.
fn filled(world: &World) -> u64 {
    let Some((spool, ..)) = &world.open else { panic!("closed") };
    let mut events = 0;
    for _ in 0..60 {
        // Nothing that packs well.
        let bytes: Vec<u8> = (0..125_000_u64)
            .flat_map(|at| xxh3_64(&(at + events * 125_000).to_le_bytes()).to_le_bytes())
            .collect();
        let block = Block { day: now().day(), rows: 1, encoding: Encoding::Row, occurrence: None, bytes };
        world.runtime.block_on(spool.append(Source::Report, vec![block], Vec::new())).unwrap();
        events += 1;
    }
    events
}

/// A store that goes on over damaged files would meet them again and again, and call the disk the cause.
#[test]
fn a_block_that_is_damaged_while_the_spool_is_open_is_told_with_the_way_out() {
    let world = World::new();
    let events = filled(&world);
    let Some((spool, queue, _)) = &world.open else { panic!("closed") };
    let tables = |name: &Path| name.components().any(|part| part.as_os_str() == "tables");
    let mut open = vec![world.path()];
    let mut harmed = 0;
    while let Some(directory) = open.pop() {
        for path in std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                open.push(path);
            } else if tables(&path) && path.metadata().unwrap().len() > 1 << 20 {
                use std::os::unix::fs::FileExt;
                let file = std::fs::File::options().write(true).open(&path).unwrap();
                let length = path.metadata().unwrap().len();
                (0..length / 4096).for_each(|page| file.write_all_at(&[0xa5; 64], page * 4096).unwrap());
                harmed += 1;
            }
        }
    }
    assert!(harmed > 0, "nothing went into sorted files");
    let error = queue.freeze(Lane::Main).unwrap_err();
    assert!(matches!(error, super::SpoolError::Damaged(_)), "{error:?}");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    // It stays so, whoever opens it again.
    for _ in 0..3 {
        let refused = loop {
            match spool.check() {
                Err(error) => break error,
                Ok(()) => assert!(std::time::Instant::now() < deadline, "it is used again"),
            }
        };
        let words = refused.to_string();
        assert!(
            words.contains("is damaged")
                && words.contains("mv ")
                && words.contains(&format!("up to {events} events")),
            "{words}"
        );
        assert!(!words.contains("disk of the spool is failing"), "{words}");
        let block = block(now().day(), 0);
        let append = spool.append(Source::Report, vec![block], Vec::new());
        assert!(matches!(world.runtime.block_on(append), Err(super::SpoolError::Damaged(_))));
    }
}
