use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// An id of 32 hex digits that no other call gives: the first half is this process's own random number, the
/// second counts. Both are scrambled, so that ids differ in every digit.
pub(crate) fn unique_id() -> [u8; 32] {
    static PROCESS: OnceLock<u64> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);

    let process = *PROCESS.get_or_init(random);
    // The process id is asked for each time: a forked child has its parent's memory and so its random number.
    let half = scramble(process ^ (u64::from(std::process::id()) << 32));
    // Seeded too: a count from zero would give every process the same second half.
    let count = COUNT.fetch_add(1, Ordering::Relaxed).wrapping_add(process);
    let mut id = [0; 32];
    write_hex(&mut id[..16], half);
    write_hex(&mut id[16..], scramble(count));
    id
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

fn write_hex(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number & 15) as usize];
        number >>= 4;
    }
}
