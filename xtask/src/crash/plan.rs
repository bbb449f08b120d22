//! What is done to the server in a round: a pure function of the seed and the round's number.

use std::time::Duration;

use fastrand::Rng;

/// When the first kill comes, after the load has started.
const FIRST_KILL_MS: std::ops::RangeInclusive<u64> = 100..=3_000;

/// When a further kill comes, after the one before: short enough to hit the recovery itself.
const NEXT_KILL_MS: std::ops::RangeInclusive<u64> = 0..=800;

/// How long the load goes on after everything is up again.
const LOAD_TAIL_MS: std::ops::RangeInclusive<u64> = 0..=1_000;

/// How likely a kill is followed by another one, in percent.
const ANOTHER_KILL_PERCENT: u8 = 35;

/// Most kills in one round.
const KILLS_AT_MOST: usize = 3;

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Victim {
    /// The server; its engine has to notice that and to end by itself.
    Server,
    /// The engine; the server has to start it anew.
    Engine,
    /// The server and, in the same moment, its engine.
    Both,
    /// Another server that writes to the same engine.
    Other,
}

/// All of them; the last one only where there are several servers.
const VICTIMS: [Victim; 4] = [Victim::Server, Victim::Engine, Victim::Both, Victim::Other];

/// One SIGKILL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Strike {
    /// How long to wait before it.
    pub(super) after: Duration,
    /// Whom it hits.
    pub(super) victim: Victim,
}

/// One round: kills one after another, then a while of load on the recovered server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    /// The kills, at least one.
    pub(super) strikes: Vec<Strike>,
    /// How long the load goes on after the recovery.
    pub(super) load_tail: Duration,
}

impl Plan {
    /// The plan of `round`. Another server is a victim where there is one.
    pub(super) fn new(seed: u64, round: u32, has_others: bool) -> Self {
        let mut rng = random(seed, round, 0);
        let victims = &VICTIMS[..VICTIMS.len() - usize::from(!has_others)];
        let mut strikes = vec![Strike::new(&mut rng, FIRST_KILL_MS, victims)];
        while strikes.len() < KILLS_AT_MOST && rng.u8(0..100) < ANOTHER_KILL_PERCENT {
            strikes.push(Strike::new(&mut rng, NEXT_KILL_MS, victims));
        }
        Self { strikes, load_tail: Duration::from_millis(rng.u64(LOAD_TAIL_MS)) }
    }
}

impl Strike {
    fn new(rng: &mut Rng, delay_ms: std::ops::RangeInclusive<u64>, victims: &[Victim]) -> Self {
        Self { after: Duration::from_millis(rng.u64(delay_ms)), victim: victims[rng.usize(0..victims.len())] }
    }
}

/// The random numbers of one `actor` in one `round`, independent of all others.
pub(super) fn random(seed: u64, round: u32, actor: u64) -> Rng {
    // Each number goes through the generator, so that neighbouring seeds share nothing.
    let mut rng = Rng::with_seed(seed);
    for number in [u64::from(round), actor] {
        rng = Rng::with_seed(rng.u64(..) ^ number);
    }
    rng
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_alone_decides() {
        let plans = |seed| (0..50).map(|round| Plan::new(seed, round, true)).collect::<Vec<_>>();
        assert_eq!(plans(1), plans(1));
        assert_ne!(plans(1), plans(2));
    }

    #[test]
    fn a_hundred_rounds_have_every_victim_and_kills_during_the_recovery() {
        for has_others in [false, true] {
            let strikes: Vec<_> = (0..100).map(|round| Plan::new(7, round, has_others).strikes).collect();
            let hits = |victim| strikes.iter().flatten().filter(|strike| strike.victim == victim).count();
            for victim in [Victim::Server, Victim::Engine, Victim::Both] {
                assert!(hits(victim) > 10);
            }
            assert_eq!(hits(Victim::Other) > 10, has_others);
            assert_eq!(hits(Victim::Other) > 0, has_others);
            for kills in 1..=KILLS_AT_MOST {
                assert!(strikes.iter().any(|strikes| strikes.len() == kills));
            }
        }
    }
}
