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
fn what_stands_around_records_is_nothing() {
    let nuls = "\0".repeat(4096);
    check(&format!("\u{feff}{GOOD}\n{GOOD}"), 2, &[]);
    check(&format!("{GOOD}\n{nuls}{GOOD}\n{nuls}\n"), 2, &[]);
    check(&format!("{nuls}[{GOOD},{GOOD}]{nuls}"), 2, &[]);
    check(&format!("\u{feff}[{GOOD}\0,\u{feff}{GOOD}]"), 2, &[]);
    check(&format!("\0\u{feff}{}", GOOD.replace(',', ",\n")), 1, &[]);
}

#[test]
fn a_bad_element_of_an_array_costs_its_neighbours_nothing() {
    let nan = GOOD.replace('}', ",\"a\":NaN}");
    check(&format!("[{GOOD},{nan},{{\"a\":01}},{GOOD}]"), 3, &[2]);
    check(&format!("[{GOOD},nonsense,\"a,]\\\"[\",{GOOD}]"), 2, &[1, 2]);
    check(&format!("[{GOOD} {GOOD},{GOOD},]"), 1, &[0]);
    check(&nan.replace(',', ",\n"), 1, &[]);
}

#[test]
fn a_batch_may_be_refused_as_a_whole() {
    assert!(matches!(split(b""), Err(BatchError::Empty)));
    assert!(matches!(split(b" \n \n"), Err(BatchError::Empty)));
    assert!(matches!(split(b"[]"), Err(BatchError::Empty)));
    for body in ["[{}", "[", "[1,", "[{\"a\":1,{}]", "[{}]{}", "[\"a]"] {
        assert!(matches!(split(body.as_bytes()), Err(BatchError::Malformed(_))), "{body}");
    }
    let most = format!("{GOOD}\n").repeat(BATCH_RECORDS);
    assert!(split(most.as_bytes()).is_ok());
    assert!(matches!(split(format!("{most}{GOOD}").as_bytes()), Err(BatchError::TooManyRecords)));
    let array = format!("[{}]", vec![GOOD; BATCH_RECORDS + 1].join(","));
    assert!(matches!(split(array.as_bytes()), Err(BatchError::TooManyRecords)));
}
