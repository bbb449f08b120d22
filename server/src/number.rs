//! The numbers of batches and of changes of issues: unique over all servers that write to one ClickHouse, in order of time.
//!
//! ```text
//! number = milliseconds since 1970 << 11 | server
//! ```
//! A server never gives the same millisecond twice, and no other server has its id, so two servers whose clocks are equal
//! give different numbers. They fit in 53 bits until the year 2109, so that JavaScript holds them exactly.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many bits of a number name the server.
const SERVER_BITS: u32 = 11;

/// Which of the servers that write to one ClickHouse: 0 to [`MAX`](Self::MAX). No two of them may have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ServerId(u16);

impl ServerId {
    /// The greatest.
    pub const MAX: u16 = (1 << SERVER_BITS) - 1;

    /// The id from its number; `None` beyond [`MAX`](Self::MAX).
    pub const fn new(number: u16) -> Option<Self> {
        if number <= Self::MAX { Some(Self(number)) } else { None }
    }

    /// The server that gave this number.
    pub const fn of(number: u64) -> Self {
        // Eleven bits.
        Self((number & Self::MAX as u64) as u16)
    }

    /// As a number.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ServerId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.parse().ok().and_then(Self::new);
        number.ok_or_else(|| format!("must be a number from 0 to {}", Self::MAX))
    }
}

/// The least number that any server gives in this millisecond since 1970.
pub const fn at(ms: u64) -> u64 {
    ms << SERVER_BITS
}

/// The millisecond since 1970 in which a number was given, or a later one if many were given at once.
pub const fn ms_of(number: u64) -> u64 {
    number >> SERVER_BITS
}

/// The number that the same server gives `steps` milliseconds later.
pub const fn after(number: u64, steps: u64) -> u64 {
    number + (steps << SERVER_BITS)
}

/// The source of a server's numbers.
#[derive(Debug)]
pub struct Numbers {
    server: ServerId,
    /// The last millisecond that was given or seen.
    last_ms: AtomicU64,
}

impl Numbers {
    /// A source for this server that has given nothing yet.
    pub const fn new(server: ServerId) -> Self {
        Self { server, last_ms: AtomicU64::new(0) }
    }

    /// Whose numbers they are.
    pub const fn server(&self) -> ServerId {
        self.server
    }

    /// The first of `count` numbers, each one step [`after`] the one before. All are greater than every number that this source
    /// gave or has [seen](Self::see). The first is of `now_ms`, or of a later millisecond if that one was given or seen.
    pub fn take(&self, now_ms: u64, count: u64) -> u64 {
        let first_after = |last: u64| now_ms.max(last + 1);
        let last = |last: u64| Some(first_after(last) + count.saturating_sub(1));
        let before = self.last_ms.fetch_update(Ordering::Relaxed, Ordering::Relaxed, last);
        let before = before.unwrap_or_else(|known| known);
        at(first_after(before)) | u64::from(self.server.0)
    }

    /// Gives only greater numbers from now on: this one was given before, by whichever server.
    pub fn see(&self, number: u64) {
        self.last_ms.fetch_max(ms_of(number), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn source(server: u16) -> Numbers {
        Numbers::new(ServerId::new(server).unwrap())
    }

    #[test]
    fn servers_with_equal_clocks_give_different_numbers() {
        let servers = [0, 1, 2, ServerId::MAX].map(source);
        let mut given = BTreeSet::new();
        for now_ms in [1_800_000_000_000, 1_800_000_000_000, 1_799_999_999_000, 1_800_000_000_001] {
            for _ in 0..100 {
                for server in &servers {
                    let number = server.take(now_ms, 1);
                    assert!(given.insert(number), "{number} was given twice");
                    assert_eq!(ServerId::of(number), server.server());
                    assert!(number < 1 << 53);
                }
            }
        }
    }

    #[test]
    fn numbers_grow_while_the_clock_stands_or_goes_back() {
        let numbers = source(7);
        let given = [(50, 1), (50, 1), (20, 3), (60, 1), (0, 1)].map(|(now, count)| numbers.take(now, count));
        assert_eq!(given.map(ms_of), [50, 51, 52, 60, 61]);
        assert_eq!(after(given[2], 2), at(54) | 7);
    }

    #[test]
    fn a_number_is_greater_than_what_was_seen_of_another_server() {
        let (one, other) = (source(0), source(2047));
        let ahead = other.take(9_000, 1);
        one.see(ahead);
        let number = one.take(1_000, 1);
        assert!(number > ahead);
        assert_eq!(ms_of(number), 9_001);
        one.see(at(3));
        assert_eq!(ms_of(one.take(1_000, 1)), 9_002);
    }

    #[test]
    fn many_threads_never_get_the_same_number() {
        let numbers = source(1);
        let given: Vec<u64> = std::thread::scope(|scope| {
            let take = || (0..1_000).map(|_| numbers.take(5, 2)).collect::<Vec<_>>();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        let all: BTreeSet<_> = given.iter().flat_map(|first| [*first, after(*first, 1)]).collect();
        assert_eq!(all.len(), 8_000);
    }

    #[test]
    fn an_id_is_from_0_to_2047() {
        for (text, expected) in
            [("0", Some(0)), ("2047", Some(2047)), ("2048", None), ("-1", None), ("", None), ("x", None)]
        {
            assert_eq!(text.parse::<ServerId>().ok().map(ServerId::get), expected, "{text}");
        }
        assert_eq!("2048".parse::<ServerId>(), Err("must be a number from 0 to 2047".to_owned()));
    }
}
