//! `cargo xtask demo`: a server, a small shop that logs through the layer, and customers for it.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde::Deserialize;

use crate::cargo::{self, Program};
use crate::server::{Process, STOP_DEADLINE, explain};
use crate::{interrupt, up};

/// How long the shop may take until it listens.
const SHOP_READY_DEADLINE: Duration = Duration::from_secs(30);

/// Between two requests of the customers: four a second, which a person can follow.
const PAUSE_BETWEEN_REQUESTS: Duration = Duration::from_millis(250);

/// A customer does not wait longer for an answer.
const CUSTOMER_PATIENCE: Duration = Duration::from_secs(5);

/// How many different customers there are.
const CUSTOMERS: usize = 5;

/// How the shop knows its customers.
const CUSTOMER_HEADER: &str = "X-User-Id";

/// What customers do, over and over. About a third goes wrong, in four different ways.
const VISITS: [(&str, &str); 9] = [
    ("GET", "/"),
    ("GET", "/items/1"),
    ("POST", "/orders/30"),
    ("GET", "/rates/eur"),
    ("GET", "/items/42"),
    ("POST", "/orders/1500"),
    ("GET", "/rates/usd"),
    ("POST", "/orders/70"),
    ("GET", "/report"),
];

/// The line that the shop prints when it is ready.
#[derive(Deserialize)]
struct ShopReady {
    /// As in `127.0.0.1:40123`.
    addr: String,
}

/// What the customers did so far.
#[derive(Default)]
struct Tally {
    served: u64,
    failed: u64,
}

/// Starts everything and sends customers until ^C.
pub(crate) fn run(args: &up::Args) -> Result<()> {
    let mut server = up::start(args)?;
    let addresses = server.addresses().clone();
    let example = cargo::build(Program::LayerExample("shop"), false)?;
    let mut command = Command::new(example);
    command.args(["--addr", "127.0.0.1:0"]).env("LOG_CENTER_URL", &addresses.api);
    let (mut shop, ready): (Process, ShopReady) = Process::start(command, SHOP_READY_DEADLINE, None)?;
    println!(
        "\n  Shop        http://{}     (its log lines follow below)\n  API         {}/docs\n  Dashboard   {}\n  ClickHouse  {}\n\n\
         Customers send four requests a second, some of which fail. See the issues grow:\n\n  \
         curl {}/api/v1/issues\n\n^C stops everything.\n",
        ready.addr, addresses.api, addresses.dashboard, addresses.clickhouse, addresses.api
    );
    let shop_url = format!("http://{}", ready.addr);
    let tally = traffic(&shop_url, || match (shop.ended()?, server.process().ended()?) {
        (Some(status), _) => bail!("the shop ended by itself ({})", explain(status)),
        (_, Some(status)) => bail!("the server ended by itself ({})", explain(status)),
        (None, None) => Ok(()),
    })?;
    println!("\n{} requests were served, {} failed", tally.served, tally.failed);
    shop.stop(STOP_DEADLINE)?;
    up::stop(&mut server)
}

/// One request after the other over the shop's routes until ^C.
fn traffic(shop: &str, mut still_there: impl FnMut() -> Result<()>) -> Result<Tally> {
    let agent = ureq::Agent::new_with_config(
        ureq::Agent::config_builder()
            .timeout_global(Some(CUSTOMER_PATIENCE))
            .http_status_as_error(false)
            .build(),
    );
    let mut tally = Tally::default();
    for (visit, (method, path)) in VISITS.iter().cycle().enumerate() {
        if interrupt::requested() {
            break;
        }
        still_there()?;
        let address = format!("{shop}{path}");
        let customer = format!("customer_{}", visit % CUSTOMERS);
        let answer = match *method {
            "POST" => agent.post(&address).header(CUSTOMER_HEADER, customer).send_empty(),
            _ => agent.get(&address).header(CUSTOMER_HEADER, customer).call(),
        };
        if answer.is_ok_and(|answer| answer.status().is_success()) {
            tally.served += 1;
        } else {
            tally.failed += 1;
        }
        let until = Instant::now() + PAUSE_BETWEEN_REQUESTS;
        while !interrupt::requested() && Instant::now() < until {
            thread::sleep(interrupt::POLL_INTERVAL);
        }
    }
    Ok(tally)
}
