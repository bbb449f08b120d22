//! The two lanes against a model of ClickHouse: whatever happens in whatever order, each event arrives under one number.

use super::database::META_INSTANCE;
use super::entry::EntryBuilder;
use super::{Frozen, Lane, Queue, Spool, SpoolOptions, SpoolThread};
use crate::clock::now;
use crate::event::{Block, Encoding, Source};
use crate::number::ServerId;
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
        self.open = Some(Spool::open(&options(self.path(), 0, false)).unwrap());
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

fn options(path: PathBuf, server: u16, take_over: bool) -> SpoolOptions {
    let server = ServerId::new(server).unwrap();
    SpoolOptions { directory: path, store_directory: None, max_bytes: 1 << 30, server, take_over }
}

/// Why it is not opened.
fn refusal(options: &SpoolOptions) -> String {
    match Spool::open(options) {
        Ok(_) => panic!("it is opened"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_directory_of_another_server_needs_to_be_taken_over() {
    let mut world = World::new();
    world.append(&[0, 0]);
    let sent = world.send(Lane::Main, 0, false).unwrap();
    world.stop();
    let words = refusal(&options(world.path(), 7, false));
    assert!(words.contains("that of server 0") && words.contains("--take-over"), "{words}");
    // What may have been sent under the numbers of the server before keeps them.
    world.open = Some(Spool::open(&options(world.path(), 7, true)).unwrap());
    let again = world.send(Lane::Main, usize::MAX, true).unwrap();
    assert_eq!(again.batches[0].number, sent.batches[0].number);
    world.append(&[0]);
    let own = world.send(Lane::Main, usize::MAX, true).unwrap();
    assert_eq!(ServerId::of(own.batches[0].number).get(), 7);
    world.stop();
    assert!(refusal(&options(world.path(), 0, false)).contains("that of server 7"));
    // It is its own now.
    world.open = Some(Spool::open(&options(world.path(), 7, false)).unwrap());
    world.settle();
}

#[test]
fn a_directory_of_an_earlier_build_is_refused_in_clear_words() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("spool");
    {
        let database = fjall::Database::builder(&path).open().unwrap();
        let meta = database.keyspace("meta", fjall::KeyspaceCreateOptions::default).unwrap();
        meta.insert(META_INSTANCE, 77_u64.to_be_bytes()).unwrap();
        database.persist(fjall::PersistMode::SyncAll).unwrap();
    }
    let words = refusal(&options(path, 0, true));
    assert!(words.contains("earlier build") && words.contains("move the directory aside"), "{words}");
}

#[test]
fn a_range_of_the_main_lane_has_few_days_however_long_it_waited() {
    let world = World::new();
    // As if one entry had come a day.
    let today = now().day();
    let tables = world.spool().shared.tables().unwrap();
    let first = *world.queue().end().borrow();
    for (place, ago) in (0..100).rev().enumerate() {
        let mut entry = EntryBuilder::default();
        entry.events(&block(today - ago, place as u64));
        let key = (first + place as u64).to_be_bytes();
        tables.lane(Lane::Main).insert(key, entry.finish(0)).unwrap();
    }
    let mut days = Vec::new();
    let mut last = 0;
    while let Some(frozen) = world.queue().freeze(Lane::Main).unwrap() {
        let numbers: Vec<_> = frozen.batches.iter().map(|batch| batch.number).collect();
        assert!(numbers.len() <= 32 && numbers.is_sorted() && numbers[0] > last, "{numbers:?}");
        last = *numbers.last().unwrap();
        days.extend(frozen.batches.iter().map(|batch| batch.day));
        world.queue().advance(&frozen).unwrap();
    }
    assert_eq!(days, (today - 99..=today).collect::<Vec<_>>());
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
