use log_center_wire::Record;
use log_center_wire::batch::{BatchError, split};
use log_center_wire::limits::BATCH_RECORDS;

const GOOD: &str = r#"{"name":"a","level":30,"time":0,"msg":"m"}"#;
const BAD: &str = r#"{"name":"a","level":30,"time":0}"#;

#[track_caller]
fn check(body: &str, accepted: usize, rejected: &[usize]) {
    let records: Vec<_> = split(body.as_bytes()).unwrap().into_iter().map(Record::decode).collect();
    let refused: Vec<_> = (0..records.len()).filter(|index| records[*index].is_err()).collect();
    assert_eq!(records.len() - refused.len(), accepted, "{body}");
    assert_eq!(refused, rejected, "{body}");
}

#[test]
fn every_form_of_a_batch() {
    check(GOOD, 1, &[]);
    check(&format!("{GOOD}\n{GOOD}\n"), 2, &[]);
    check(&format!("\n{GOOD}\r\n\n  {GOOD}"), 2, &[]);
    check(&format!("[{GOOD},\n{GOOD}]"), 2, &[]);
    check(" {\n \"name\": \"a\",\n \"level\": 30,\n \"time\": 0, \"msg\": \"m\"\n}\n", 1, &[]);
}

#[test]
fn a_bad_record_costs_nothing_but_itself() {
    check(&format!("{GOOD}\n{BAD}\nnonsense\n{GOOD}\n5\n"), 2, &[1, 2, 4]);
    check(&format!("[{GOOD},{BAD},5,{GOOD}]"), 2, &[1, 2]);
    check(&format!("{{\n{GOOD}"), 1, &[0]);
    check(BAD, 0, &[0]);
}

#[test]
fn a_batch_may_be_refused_as_a_whole() {
    assert!(matches!(split(b""), Err(BatchError::Empty)));
    assert!(matches!(split(b" \n \n"), Err(BatchError::Empty)));
    assert!(matches!(split(b"[]"), Err(BatchError::Empty)));
    assert!(matches!(split(b"[{}"), Err(BatchError::Malformed(_))));
    let most = format!("{GOOD}\n").repeat(BATCH_RECORDS);
    assert!(split(most.as_bytes()).is_ok());
    assert!(matches!(split(format!("{most}{GOOD}").as_bytes()), Err(BatchError::TooManyRecords)));
}
