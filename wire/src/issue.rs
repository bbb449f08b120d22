use std::fmt;
use std::str::FromStr;

/// The actor that the history names when a new occurrence reopens an issue.
pub const REGRESSION_ACTOR: &str = "regression";

/// Where an issue stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum IssueStatus {
    /// Newly reported.
    New = 0,
    /// Being reproduced.
    Verifying = 1,
    /// Could not be reproduced.
    CannotReproduce = 2,
    /// Waits for a fix.
    PendingFix = 3,
    /// Being fixed.
    Fixing = 4,
    /// The fix failed.
    FixFailed = 5,
    /// Fixed, to be verified.
    Fixed = 6,
    /// The fix is verified.
    Verified = 7,
    /// The fix is live.
    Deployed = 8,
}

use IssueStatus as S;

impl IssueStatus {
    /// All states.
    pub const ALL: [IssueStatus; 9] = [
        S::New,
        S::Verifying,
        S::CannotReproduce,
        S::PendingFix,
        S::Fixing,
        S::FixFailed,
        S::Fixed,
        S::Verified,
        S::Deployed,
    ];

    /// The word on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            S::New => "NEW",
            S::Verifying => "VERIFYING",
            S::CannotReproduce => "CANNOT_REPRODUCE",
            S::PendingFix => "PENDING_FIX",
            S::Fixing => "FIXING",
            S::FixFailed => "FIX_FAILED",
            S::Fixed => "FIXED",
            S::Verified => "VERIFIED",
            S::Deployed => "DEPLOYED",
        }
    }

    /// The states that somebody may move an issue to from here.
    pub const fn allowed(self) -> &'static [IssueStatus] {
        match self {
            S::New => &[S::Verifying],
            S::Verifying => &[S::PendingFix, S::CannotReproduce],
            S::CannotReproduce => &[S::Verifying],
            S::PendingFix => &[S::Fixing],
            S::Fixing => &[S::Fixed, S::FixFailed],
            S::FixFailed => &[S::PendingFix, S::Fixing],
            S::Fixed => &[S::Verified, S::FixFailed],
            S::Verified => &[S::Deployed],
            S::Deployed => &[],
        }
    }

    /// Whether a new occurrence reopens an issue in this state as `NEW`.
    pub const fn reopens(self) -> bool {
        matches!(self, S::Deployed | S::CannotReproduce)
    }

    /// The state with this number, as stored by `as u8`.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|status| *status as u8 == number)
    }
}

impl fmt::Display for IssueStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for IssueStatus {
    type Err = ParseStatusError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|status| status.as_str() == word).ok_or(ParseStatusError)
    }
}

/// The word is no state of an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseStatusError;

impl fmt::Display for ParseStatusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be one of ")?;
        for (position, status) in IssueStatus::ALL.iter().enumerate() {
            let separator = if position == 0 { "" } else { ", " };
            write!(f, "{separator}{status}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ParseStatusError {}
