//! Prints traffic as NDJSON: to look at it, to import it, to compress it.

use std::io::{self, Write};

use anyhow::Result;
use clap::Parser;
use log_center_benches::traffic::{MEAN_RECORDS, Traffic};

#[derive(Parser)]
#[command(about, version)]
struct Args {
    /// How many records, about
    #[arg(long, default_value_t = 1_000)]
    records: usize,
    /// Of which randomness
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Microseconds between two requests
    #[arg(long, default_value_t = 1_000)]
    step_us: i64,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let start = jiff::Timestamp::now().as_millisecond()
        - (args.records as f64 / MEAN_RECORDS) as i64 * args.step_us / 1000;
    let mut traffic = Traffic::new(args.seed, start, args.step_us);
    let mut out = io::stdout().lock();
    let (mut batch, mut left) = (Vec::new(), args.records);
    while left > 0 {
        batch.clear();
        let written = traffic.fill(&mut batch, left.clamp(24, 10_000), |_| {});
        left = left.saturating_sub(written);
        match out.write_all(&batch) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            other => other?,
        }
    }
    Ok(())
}
