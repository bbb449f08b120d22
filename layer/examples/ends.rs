//! Ways for a program to end, most of them bad. Whichever it is, what was logged before is on standard output and,
//! where it could be sent, at the server.
//!
//! `LOG_CENTER_URL=http://localhost:8002 cargo run -p log-center --example ends -- panic`

use std::io::Read;
use std::process::ExitCode;
use std::thread;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let builder = log_center::layer("ends").version("1.2.3").environment("testing");
    let builder = if words.iter().any(|word| word == "batched") { builder.batched_stdout() } else { builder };
    let guard = match builder.init() {
        Ok(guard) => guard,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    tracing::error!("told before the end");
    tracing::info!("last words");

    match words.first().map_or("return", String::as_str) {
        // The guard flushes.
        "return" => {}
        // No destructor runs.
        "exit" => std::process::exit(3),
        "exit-without-guard" => {
            std::mem::forget(guard);
            return ExitCode::from(3);
        }
        "exit-in-thread" => {
            let thread = thread::spawn(|| {
                tracing::info!("last words of a thread");
                std::process::exit(3)
            });
            let _: Result<(), _> = thread.join();
        }
        "panic" => fall(),
        // The process goes on.
        "panic-in-thread" => {
            let span = tracing::info_span!("request", req_id = "req_1");
            let _: Result<(), _> = thread::spawn(move || span.in_scope(fall)).join();
        }
        // A panic that must not unwind: the process ends there.
        "panic-in-callback" => {
            callback();
        }
        // Until it is killed.
        "wait" => {
            let _ = std::io::stdin().read(&mut [0]);
        }
        word => eprintln!("unknown: {word}"),
    }
    drop(guard);
    ExitCode::SUCCESS
}

fn fall() {
    let numbers = [1, 2, 3];
    let index = std::hint::black_box(7);
    println!("{}", numbers[index]);
}

/// As a library in C would call it.
extern "C" fn callback() {
    fall();
}
