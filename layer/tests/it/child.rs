//! Tests that need a process to themselves: the test's own binary, started again for that one test.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Says to the started process which test it is for.
const VARIABLE: &str = "LOG_CENTER_TEST_CHILD";

/// No child takes longer, unless it hangs.
const DEADLINE: Duration = Duration::from_secs(60);

/// Whether this process was started for the test.
pub(crate) fn is_for(test: &str) -> bool {
    std::env::var(VARIABLE).is_ok_and(|child| child == test)
}

/// This binary, about to run one test.
pub(crate) fn command(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    // With one thread libtest would put the test's name in front of its first line.
    command.args([test, "--exact", "--nocapture", "--test-threads=2"]).env(VARIABLE, test);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    // Records are the same whatever the environment of the tests says.
    command.env_remove("RUST_BACKTRACE").env_remove("RUST_LIB_BACKTRACE");
    command
}

/// Runs the body in a process of its own; a failure or a hang there is one here.
#[track_caller]
pub(crate) fn in_own_process(test: &str, body: impl FnOnce()) {
    in_own_process_with(test, &[], body);
}

/// The same with some variables set in its environment.
#[track_caller]
pub(crate) fn in_own_process_with(test: &str, variables: &[(&str, &str)], body: impl FnOnce()) {
    if is_for(test) {
        body();
        // Otherwise a name that matches no test would pass.
        std::process::exit(EXIT_RAN);
    }
    let status = wait(&mut command(test).envs(variables.iter().copied()).spawn().unwrap());
    assert_eq!(status.code(), Some(EXIT_RAN), "the child failed");
}

/// How a child ends that did what it was for.
pub(crate) const EXIT_RAN: i32 = 42;

/// Waits for the end of a child.
#[track_caller]
pub(crate) fn wait(child: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("the child hung");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
