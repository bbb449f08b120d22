use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Makes ids of 32 hex digits that no other call gives: the first half is this process's own random number, the
/// second counts. Both are scrambled, so that ids differ in every digit.
#[derive(Default)]
pub(crate) struct UniqueIds {
    /// The first half of the last one, and its digits.
    process: u64,
    last: [u8; 32],
}

impl UniqueIds {
    /// `pid` is this process's, which is known to whoever has just looked: asking for it costs more than the rest.
    #[inline]
    pub(crate) fn next(&mut self, pid: u32) -> &[u8; 32] {
        let (process, count) = halves(pid);
        if process != self.process {
            self.process = process;
            write_hex(&mut self.last[..16], process);
        }
        write_hex(&mut self.last[16..], count);
        &self.last
    }
}

/// One such id.
pub(crate) fn unique_id() -> [u8; 32] {
    *UniqueIds::default().next(std::process::id())
}

/// A number that no other call in this process gives, and hardly one in any other.
#[cfg(any(feature = "tower", feature = "reqwest"))]
pub(crate) fn unique_number() -> u64 {
    let (process, count) = halves(std::process::id());
    process ^ count
}

fn halves(pid: u32) -> (u64, u64) {
    static PROCESS: OnceLock<u64> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);

    let process = *PROCESS.get_or_init(random);
    // A forked child has its parent's memory and so its random number.
    let half = scramble(process ^ (u64::from(pid) << 32));
    // Seeded too: a count from zero would give every process the same second half.
    let count = COUNT.fetch_add(1, Ordering::Relaxed).wrapping_add(process);
    (half, scramble(count))
}

/// A random number from the operating system, by the one door that the standard library has to it.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// The finisher of splitmix64: different numbers in, different numbers out.
fn scramble(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

fn write_hex(place: &mut [u8], number: u64) {
    for (place, half) in place.chunks_exact_mut(8).zip([number >> 32, number & 0xffff_ffff]) {
        place.copy_from_slice(&hex_digits(half).to_be_bytes());
    }
}

/// The eight digits of a number of 32 bits, all at once: its nibbles, spread one to a byte, and then `0` or, where
/// adding six makes a nibble overflow, `a` - 10 added to each.
fn hex_digits(number: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    let spread = (number | number << 16) & 0x0000_ffff_0000_ffff;
    let spread = (spread | spread << 8) & 0x00ff_00ff_00ff_00ff;
    let nibbles = (spread | spread << 4) & (ONES * 0x0f);
    let letters = ((nibbles + ONES * 6) >> 4) & ONES;
    nibbles + ONES * u64::from(b'0') + letters * u64::from(b'a' - b'0' - 10)
}
