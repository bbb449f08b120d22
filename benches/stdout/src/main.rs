//! What a line on standard output costs the thread that logs, with a reader at the other end of the pipe.
//!
//! The program starts itself again with a pipe as standard output and reads it as fast as it can. The child logs from
//! one thread and tells on standard error how long that took. Each way is measured in several rounds, by turns, and
//! the median is printed; what the line costs above one that is thrown away is the price of writing it.

use std::error::Error;
use std::hint::black_box;
use std::io::{self, Read};
use std::process::{Command, Stdio};
use std::time::Instant;
use tracing_subscriber::prelude::*;

/// Events in a round.
const EVENTS: u32 = 400_000;

/// Rounds of each way.
const ROUNDS: usize = 9;

/// Ways to write.
const WAYS: [&str; 3] = ["thrown away", "line by line", "batched"];

fn main() -> Result<(), Box<dyn Error>> {
    if let Some(way) = std::env::args().nth(1) {
        return log(&way);
    }
    let mut rounds = WAYS.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for (way, rounds) in WAYS.iter().zip(&mut rounds) {
            rounds.push(measure(way)?);
        }
    }
    let medians = rounds.map(|mut rounds| {
        rounds.sort_by(f64::total_cmp);
        rounds[ROUNDS / 2]
    });
    println!("| way | ns an event | ns for writing its line |\n|---|--:|--:|");
    for (way, median) in WAYS.iter().zip(medians) {
        println!("| {way} | {median:.0} | {:.0} |", median - medians[0]);
    }
    Ok(())
}

/// Nanoseconds an event, by a child's clock.
fn measure(way: &str) -> Result<f64, Box<dyn Error>> {
    let mut command = Command::new(std::env::current_exe()?);
    let mut child = command.arg(way).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut bytes = vec![0; 1 << 16];
    if let Some(stdout) = &mut child.stdout {
        while stdout.read(&mut bytes)? > 0 {}
    }
    let output = child.wait_with_output()?;
    Ok(String::from_utf8_lossy(&output.stderr).trim().parse()?)
}

/// Logs in this way, and says how long it took.
fn log(way: &str) -> Result<(), Box<dyn Error>> {
    let builder = log_center::layer("bench").without_endpoint();
    let builder = match way {
        "thrown away" => builder.writer(io::sink),
        "batched" => builder.batched_stdout(),
        _ => builder,
    };
    let (layer, _guard) = builder.build()?;
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))?;
    let began = Instant::now();
    for _ in 0..EVENTS {
        tracing::info!(
            user = black_box("alice@example.org"),
            attempt = black_box(3_i64),
            seconds = black_box(0.125_f64),
            "user login"
        );
    }
    eprintln!("{}", began.elapsed().as_nanos() as f64 / f64::from(EVENTS));
    Ok(())
}
