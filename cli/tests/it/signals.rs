//! ^C, and readers that go away.

use super::search::a_server_with;
use super::{command, ended};
use crate::harness::{DEADLINE, POLL, Server, signal};
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Instant;
use tempfile::TempDir;

#[tokio::test]
async fn an_interrupt_ends_a_command_with_its_exit_code_and_leaves_nothing_behind() {
    let server = Server::start().await;
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        for arguments in [
            &["tail"][..],
            &["tail", "-n", "5", "--json"],
            &["sql", "SELECT count() FROM numbers(1000000000000)"],
        ] {
            let state = TempDir::new().unwrap();
            let mut command = command(&server.api, &state, arguments);
            let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            let started = Instant::now();
            // A signal ends it in order once it has had the time to say so to the system: the mask is in the status.
            let status = format!("/proc/{}/status", child.id());
            let catches = || {
                let text = std::fs::read_to_string(&status).unwrap_or_default();
                let mask = text.lines().find_map(|line| line.strip_prefix("SigCgt:\t").map(str::to_owned));
                u64::from_str_radix(&mask.unwrap_or_default(), 16)
                    .is_ok_and(|mask| mask & (1 << 1) != 0 && mask & (1 << 14) != 0)
            };
            while !catches() {
                assert!(started.elapsed() < DEADLINE, "{arguments:?}");
                tokio::time::sleep(POLL).await;
            }
            signal(child.id(), name);
            assert_eq!(ended(&mut child).await.code(), Some(code), "{arguments:?}");
            let said = std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
            assert_eq!(
                (said.as_str(), super::names(state.path())),
                ("", Vec::<String>::new()),
                "{arguments:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_reader_that_has_seen_enough_ends_a_list() {
    let server = a_server_with(3_000).await;
    let state = TempDir::new().unwrap();
    for arguments in
        [&["search", "-n", "3000"][..], &["search", "-n", "3000", "--json"], &["tail", "-n", "3000"]]
    {
        let mut command = command(&server.api, &state, arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::with_capacity(16, child.stdout.take().unwrap());
        out.read_until(b' ', &mut Vec::new()).unwrap();
        drop(out);
        let status = ended(&mut child).await;
        let said = std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
        assert_eq!((status.code(), said.as_str()), (Some(0), ""), "{arguments:?}");
    }
}
