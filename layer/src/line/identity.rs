use super::escape::push_json;
use crate::error::Error;
use log_center_wire::Level;
use log_center_wire::limits::{ENVIRONMENT_BYTES, HOSTNAME_BYTES, PROJECT_BYTES, VERSION_BYTES};

/// What is the same in every record of a process, escaped once.
pub(crate) struct Identity {
    pid: u32,
    /// From the brace to the quote before the time, one for each level.
    heads: [Vec<u8>; Level::ALL.len()],
    tail: Vec<u8>,
}

/// What ends each head.
fn end_of_head(pid: u32) -> Vec<u8> {
    format!("\",\"pid\":{pid},\"time\":\"").into_bytes()
}

/// What the builder was told.
pub(crate) struct Names<'a> {
    pub(crate) service: &'a str,
    pub(crate) environment: Option<&'a str>,
    pub(crate) version: Option<&'a str>,
    pub(crate) commit_hash: Option<&'a str>,
}

impl Identity {
    /// Checks the names as the server does, so that it will not refuse every record for one of them.
    pub(crate) fn new(names: &Names<'_>) -> Result<Self, Error> {
        let service = checked("the service's name", names.service, PROJECT_BYTES)?;
        let mut tail = Vec::new();
        for (key, value, limit) in [
            ("environment", names.environment, ENVIRONMENT_BYTES),
            ("version", names.version, VERSION_BYTES),
            ("commit_hash", names.commit_hash, VERSION_BYTES),
        ] {
            if let Some(value) = value {
                let value = checked(key, value, limit)?;
                tail.extend_from_slice(format!(",\"{key}\":\"").as_bytes());
                push_json(&mut tail, value, usize::MAX >> 1);
                tail.push(b'"');
            }
        }
        let hostname = hostname();
        let pid = std::process::id();
        let head = |level: Level| {
            let mut head = format!("{{\"v\":1,\"level\":{},\"name\":\"", level.number()).into_bytes();
            push_json(&mut head, service, usize::MAX >> 1);
            head.extend_from_slice(b"\",\"hostname\":\"");
            push_json(&mut head, &hostname, HOSTNAME_BYTES - 3);
            head.extend_from_slice(&end_of_head(pid));
            head
        };
        Ok(Self { pid, heads: Level::ALL.map(head), tail })
    }

    /// The same in a forked child.
    pub(crate) fn of_this_process(&self) -> Self {
        let pid = std::process::id();
        let old_end = end_of_head(self.pid).len();
        let heads = self.heads.each_ref().map(|head| {
            let mut head = head[..head.len() - old_end].to_vec();
            head.extend_from_slice(&end_of_head(pid));
            head
        });
        Self { pid, heads, tail: self.tail.clone() }
    }

    #[inline]
    pub(super) fn head(&self, level: Level) -> &[u8] {
        &self.heads[usize::from(level.number() / 10 - 1)]
    }

    /// The time that a line of this process tells. Every level is two digits, so all heads are of one length.
    pub(super) fn time_in<'a>(&self, line: &'a [u8]) -> Option<&'a [u8]> {
        line.get(self.heads[0].len()..)?.get(..super::clock::LENGTH)
    }

    /// The process that it is for.
    #[inline]
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    #[inline]
    pub(super) fn tail(&self) -> &[u8] {
        &self.tail
    }
}

fn hostname() -> String {
    let name = gethostname::gethostname().to_string_lossy().into_owned();
    if name.is_empty() { "unknown".to_owned() } else { name }
}

fn checked<'a>(what: &str, value: &'a str, limit: usize) -> Result<&'a str, Error> {
    let value = value.trim();
    let fault = if value.is_empty() {
        "must not be empty".to_owned()
    } else if value.len() > limit {
        format!("must be at most {limit} bytes long, is {}", value.len())
    } else if value.chars().any(char::is_control) {
        "must not hold control characters".to_owned()
    } else {
        return Ok(value);
    };
    Err(Error::new(format!("{what} {fault}")))
}
