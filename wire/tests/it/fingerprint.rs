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

#[test]
fn projects_that_share_a_fingerprint_share_no_issue() {
    let (one, other) =
        (Fingerprint::new("shop", "2FAError", "a.py", 1), Fingerprint::new("shop2", "FAError", "a.py", 1));
    assert_eq!(one, other);
    assert_ne!(one.issue_id("shop"), other.issue_id("shop2"));
    // The same forever: { printf '%s' 'shop2FAErrora.py1' | md5sum | xxd -r -p; printf shop; } | md5sum, its first 53 bits.
    assert_eq!(one.issue_id("shop").get(), 3_968_189_519_197_006);
}

proptest! {
    #[test]
    fn an_issue_is_named_by_project_and_fingerprint(bytes: [u8; 16], project: String, other: String) {
        let fingerprint = Fingerprint::from_bytes(bytes);
        let id = fingerprint.issue_id(&project);
        prop_assert!(id.get() < 1 << 53);
        prop_assert_eq!(fingerprint.issue_id(&project), id);
        prop_assert_eq!(fingerprint.issue_id(&other) == id, project == other);
        prop_assert_eq!(id.to_string().parse::<IssueId>(), Ok(id));
        prop_assert_eq!(IssueId::from_number(id.get()), Some(id));
    }
}
