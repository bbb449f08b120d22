//! The account is what decides pass or fail, so it is checked against every way to be wrong.

use super::*;
use crate::crash::payload::Kind;

const ACKED: Fate = Fate::Acked { is_new: Some(false) };
const FIRST: Fate = Fate::Acked { is_new: Some(true) };
const UNTOLD: Fate = Fate::Acked { is_new: None };

fn ledger(fates: &[Fate]) -> Ledger {
    let mut ledger = Ledger::default();
    for (sequence, fate) in (0..).zip(fates) {
        ledger.enter(&Event::error(1, 0, sequence, 5), *fate);
    }
    ledger
}

#[track_caller]
fn check_counts(fates: &[Fate], count: u64, rows: u64, lost: u64, doubled: u64, unequal: u64) {
    let key = payload::fingerprint(5);
    let seen = Seen { issues: HashMap::from([(key.clone(), count)]), events: HashMap::from([(key, rows)]) };
    let findings = ledger(fates).compare_issues(&seen);
    assert_eq!((findings.lost, findings.doubled, findings.unequal), (lost, doubled, unequal), "{findings:?}");
    assert_eq!(findings.is_clean(), findings.examples.is_empty());
}

#[test]
fn counts_lie_between_acknowledged_and_possible() {
    check_counts(&[FIRST, ACKED, ACKED], 3, 3, 0, 0, 0);
    check_counts(&[FIRST, ACKED, ACKED], 2, 2, 1, 0, 0);
    check_counts(&[FIRST, ACKED, ACKED], 4, 4, 0, 1, 0);
    check_counts(&[FIRST, Fate::Unclear], 1, 1, 0, 0, 0);
    check_counts(&[FIRST, Fate::Unclear], 2, 2, 0, 0, 0);
    check_counts(&[FIRST, Fate::Unclear], 3, 3, 0, 1, 0);
    check_counts(&[FIRST, Fate::Refused], 1, 1, 0, 0, 0);
    check_counts(&[FIRST, Fate::Refused], 2, 2, 0, 1, 0);
    check_counts(&[Fate::Refused], 0, 0, 0, 0, 0);
}

#[test]
fn the_views_have_to_agree() {
    check_counts(&[FIRST, ACKED], 2, 1, 1, 0, 1);
    check_counts(&[FIRST, ACKED], 2, 3, 0, 1, 1);
    check_counts(&[FIRST, Fate::Unclear], 1, 2, 0, 0, 1);
}

#[test]
fn an_issue_that_nobody_reported_is_found() {
    let seen = Seen { issues: HashMap::from([("f00d".to_owned(), 1)]), events: HashMap::new() };
    assert_eq!(Ledger::default().compare_issues(&seen).doubled, 1);
}

#[track_caller]
fn check_event(fate: Fate, rows: u64, issue: u32, lost: u64, doubled: u64) {
    let seen: SeenEvents = if rows == 0 {
        HashMap::new()
    } else {
        HashMap::from([(Event::error(1, 0, 0, 5).id, (rows, payload::fingerprint(issue)))])
    };
    let findings = ledger(&[fate]).compare_events(&seen, 1);
    assert_eq!((findings.lost, findings.doubled), (lost, doubled), "{findings:?}");
}

#[test]
fn every_event_is_there_once() {
    check_event(ACKED, 1, 5, 0, 0);
    check_event(ACKED, 0, 5, 1, 0);
    check_event(ACKED, 2, 5, 0, 1);
    check_event(ACKED, 1, 6, 1, 0);
    check_event(Fate::Unclear, 0, 5, 0, 0);
    check_event(Fate::Unclear, 1, 5, 0, 0);
    check_event(Fate::Unclear, 2, 5, 0, 1);
    check_event(Fate::Refused, 0, 5, 0, 0);
    check_event(Fate::Refused, 1, 5, 0, 1);
}

#[test]
fn an_event_that_nobody_sent_is_found() {
    let seen = HashMap::from([(Event::error(1, 9, 9, 5).id, (1, payload::fingerprint(5)))]);
    assert_eq!(Ledger::default().compare_events(&seen, 1).doubled, 1);
}

#[test]
fn what_is_no_error_belongs_to_no_issue() {
    let event = Event::in_batch(1, 0, 0, Kind::Answered, payload::FEW_DAYS);
    let mut ledger = Ledger::default();
    ledger.enter(&event, UNTOLD);
    assert!(ledger.compare_issues(&Seen::default()).is_clean());
    let seen = |fingerprint: String| HashMap::from([(event.id, (1, fingerprint))]);
    assert!(ledger.compare_events(&seen(String::new()), 1).is_clean());
    assert_eq!(ledger.compare_events(&seen(payload::fingerprint(5)), 1).lost, 1);
    assert_eq!(ledger.compare_events(&SeenEvents::new(), 1).lost, 1);
}

/// The same event, sent again and again, with these fates.
#[track_caller]
fn check_repeated(fates: &[Fate], least: u64, most: u64) {
    let mut ledger = Ledger::default();
    for fate in fates {
        ledger.enter(&Event::error(1, 0, 0, 4), *fate);
    }
    for rows in 0..3 {
        let key = payload::fingerprint(4);
        let events = HashMap::from([(Event::error(1, 0, 0, 4).id, (rows, key.clone()))]);
        let seen =
            Seen { issues: HashMap::from([(key.clone(), rows)]), events: HashMap::from([(key, rows)]) };
        let found = ledger.compare_events(&events, 1);
        assert_eq!((found.lost > 0, found.doubled > 0), (rows < least, rows > most), "{fates:?} {rows}");
        let found = ledger.compare_issues(&seen);
        assert_eq!((found.lost > 0, found.doubled > 0), (rows < least, rows > most), "{fates:?} {rows}");
    }
    let totals = ledger.totals();
    assert_eq!(totals.acked + totals.unclear + totals.refused, 1);
    assert_eq!(totals.repeated, fates.len() as u64 - 1);
}

#[test]
fn what_is_sent_again_counts_once() {
    check_repeated(&[UNTOLD, UNTOLD, ACKED], 1, 1);
    check_repeated(&[Fate::Unclear, UNTOLD], 1, 1);
    check_repeated(&[UNTOLD, Fate::Unclear], 1, 1);
    check_repeated(&[Fate::Refused, UNTOLD], 1, 1);
    check_repeated(&[Fate::Refused, Fate::Unclear, Fate::Refused], 0, 1);
    check_repeated(&[Fate::Refused, Fate::Refused], 0, 0);
}

#[track_caller]
fn check_firsts(fates: &[Fate], right: bool) {
    assert_eq!(ledger(fates).wrong_firsts(1).is_empty(), right, "{fates:?}");
}

#[test]
fn exactly_one_answer_says_new() {
    check_firsts(&[ACKED, FIRST, ACKED], true);
    check_firsts(&[FIRST, FIRST], false);
    check_firsts(&[ACKED, ACKED], false);
    check_firsts(&[ACKED, Fate::Unclear], true);
    check_firsts(&[ACKED, UNTOLD], true);
    check_firsts(&[FIRST, Fate::Unclear, UNTOLD, FIRST], false);
    check_firsts(&[Fate::Refused], true);
}

#[test]
fn totals_add_up() {
    let totals = ledger(&[FIRST, ACKED, Fate::Unclear, Fate::Refused, UNTOLD]).totals();
    assert_eq!(totals, Totals { acked: 3, unclear: 1, refused: 1, issues: 1, repeated: 0 });
}
