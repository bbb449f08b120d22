use log_center_wire::IssueStatus::{self, *};

#[test]
fn every_change_of_the_contract_is_allowed_and_no_other() {
    let allowed = [
        (New, Verifying),
        (Verifying, PendingFix),
        (Verifying, CannotReproduce),
        (PendingFix, Fixing),
        (Fixing, Fixed),
        (Fixing, FixFailed),
        (Fixed, Verified),
        (Verified, Deployed),
        (CannotReproduce, Verifying),
        (FixFailed, PendingFix),
        (FixFailed, Fixing),
        (Fixed, FixFailed),
    ];
    for from in IssueStatus::ALL {
        for to in IssueStatus::ALL {
            let expected = allowed.contains(&(from, to));
            assert_eq!(from.allowed().contains(&to), expected, "{from} → {to}");
        }
    }
}

#[test]
fn only_what_counts_as_over_reopens() {
    let reopening: Vec<_> = IssueStatus::ALL.into_iter().filter(|status| status.reopens()).collect();
    assert_eq!(reopening, [CannotReproduce, Deployed]);
}

#[test]
fn words_and_numbers_read_back() {
    for status in IssueStatus::ALL {
        assert_eq!(status.as_str().parse(), Ok(status));
        assert_eq!(IssueStatus::from_number(status as u8), Some(status));
    }
    assert!("new".parse::<IssueStatus>().is_err());
    assert_eq!(IssueStatus::from_number(9), None);
}
