use log_center_wire::{Fingerprint, IssueId};
use proptest::prelude::*;

#[track_caller]
fn check(project: &str, error_type: &str, file_path: &str, line_number: u32, hex: &str) {
    assert_eq!(Fingerprint::new(project, error_type, file_path, line_number).to_string(), hex);
}

#[test]
fn is_the_md5_of_the_concatenation() {
    check("rtc_backend", "ValueError", "apps/users/views.py", 42, "c28b25b7d52420836670e6e071f446f4");
    // printf '%s' rtc_webTypeErrorunknown0 | md5sum
    check("rtc_web", "TypeError", "unknown", 0, "e3b307af17a9ea46ee522a67889f4002");
}

#[test]
fn an_id_reads_back_and_stays_below_two_to_the_53() {
    assert_eq!("9007199254740991".parse::<IssueId>().map(IssueId::get), Ok((1 << 53) - 1));
    for text in ["9007199254740992", "18446744073709551616", "-1", "1.5", "", "abc"] {
        assert!(text.parse::<IssueId>().is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn the_id_is_the_head_of_the_fingerprint(bytes: [u8; 16]) {
        let fingerprint = Fingerprint::from_bytes(bytes);
        let id = fingerprint.issue_id();
        prop_assert!(id.get() < 1 << 53);
        let (least, greatest) = id.prefix_range();
        let head = u64::from_be_bytes(bytes[..8].try_into().unwrap());
        prop_assert!((least..=greatest).contains(&head));
        prop_assert_eq!(id.to_string().parse::<IssueId>(), Ok(id));
        prop_assert_eq!(IssueId::from_number(id.get()), Some(id));
    }
}
