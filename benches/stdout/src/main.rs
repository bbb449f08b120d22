//! What a line on standard output costs the thread that logs, with a reader at the other end of the pipe.
//!
//! The program starts itself again with a pipe as standard output and reads it as fast as it can. The child logs from
//! one thread and tells on standard error how long that took, by the clock and on the processor (Linux). Each way is
//! measured in several rounds, by turns, and the medians are printed; what the line costs above one that is thrown
//! away is the price of writing it. On a busy machine the clock tells of the others, too.

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
    println!("| way | ns an event | for writing its line | on the processor | for writing its line |");
    println!("|---|--:|--:|--:|--:|");
    let base = [0, 1].map(|column| median(&rounds[0], column));
    for (way, rounds) in WAYS.iter().zip(&rounds) {
        let [clock, cpu] = [0, 1].map(|column| median(rounds, column));
        println!("| {way} | {clock:.0} | {:.0} | {cpu:.0} | {:.0} |", clock - base[0], cpu - base[1]);
    }
    Ok(())
}

fn median(rounds: &[[f64; 2]], column: usize) -> f64 {
    let mut figures: Vec<f64> = rounds.iter().map(|round| round[column]).collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Nanoseconds an event, by a child's clock and by its processor time.
fn measure(way: &str) -> Result<[f64; 2], Box<dyn Error>> {
    let mut command = Command::new(std::env::current_exe()?);
    let mut child = command.arg(way).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut bytes = vec![0; 1 << 16];
    if let Some(stdout) = &mut child.stdout {
        while stdout.read(&mut bytes)? > 0 {}
    }
    let output = child.wait_with_output()?;
    let text = String::from_utf8(output.stderr)?;
    let (clock, cpu) = text.trim().split_once(' ').ok_or("the child told no figures")?;
    Ok([clock.parse()?, cpu.parse()?])
}

/// Nanoseconds that the main thread has been on a processor; 0 where the kernel does not tell.
fn cpu_ns() -> f64 {
    let told = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    told.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0.0)
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
    let (began, cpu_began) = (Instant::now(), cpu_ns());
    for _ in 0..EVENTS {
        tracing::info!(
            user = black_box("alice@example.org"),
            attempt = black_box(3_i64),
            seconds = black_box(0.125_f64),
            "user login"
        );
    }
    let (clock, cpu) = (began.elapsed().as_nanos() as f64, cpu_ns() - cpu_began);
    eprintln!("{} {}", clock / f64::from(EVENTS), cpu / f64::from(EVENTS));
    Ok(())
}
