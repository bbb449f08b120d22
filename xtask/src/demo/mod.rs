//! `cargo xtask demo`: a server, three services that log through the layer, nginx in front of them if there is one, and
//! customers.

mod front;
mod services;

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use self::front::Front;
use self::services::Services;
use crate::cargo::{self, Program};
use crate::server::{Server, explain, open_log};
use crate::{interrupt, nginx, up, workspace};

/// Between two requests of the customers: four a second, which a person can follow.
const PAUSE_BETWEEN_REQUESTS: Duration = Duration::from_millis(250);

/// A customer does not wait longer for an answer.
const CUSTOMER_PATIENCE: Duration = Duration::from_secs(5);

/// How many different customers there are.
const CUSTOMERS: usize = 5;

/// How the gateway knows its customers.
const CUSTOMER_HEADER: &str = "X-User-Id";

/// Something that a customer does.
struct Visit {
    method: &'static str,
    path: &'static str,
    /// What there is to see, if it is worth a look.
    story: Option<&'static str>,
}

const fn visit(method: &'static str, path: &'static str) -> Visit {
    Visit { method, path, story: None }
}

const fn worth_a_look(method: &'static str, path: &'static str, story: &'static str) -> Visit {
    Visit { method, path, story: Some(story) }
}

/// What customers do, over and over. About a third goes wrong, each in a way of its own.
const VISITS: [Visit; 14] = [
    visit("GET", "/items/1"),
    worth_a_look("POST", "/orders/30", "an order: gateway, shop and pay, one inside the other"),
    visit("GET", "/rates/eur"),
    visit("GET", "/items/42"),
    worth_a_look("POST", "/orders/500", "pay is too busy, and the shop asks a second time"),
    visit("POST", "/orders/31"),
    visit("GET", "/rates/usd"),
    worth_a_look("POST", "/orders/70", "pay fails, with an ERROR that is an issue now"),
    visit("POST", "/orders/1500"),
    visit("GET", "/items/2"),
    worth_a_look("POST", "/orders/99", "pay takes too long, and the shop gives up"),
    visit("GET", "/report"),
    visit("POST", "/orders/32"),
    worth_a_look("POST", "/orders/666", "the shop dies in the middle: a hop without an end"),
];

/// What the customers did so far.
#[derive(Default)]
struct Tally {
    served: u64,
    failed: u64,
}

/// Starts everything and sends customers until ^C.
pub(crate) fn run(args: &up::Args) -> Result<()> {
    let log_path = workspace::root().join("target/demo.log");
    let mut server = up::start(args, Some(log_path.clone()))?;
    let addresses = server.addresses().clone();
    let nginx = nginx::find()?;
    let mut services = Services::start(&addresses.api, u8::from(nginx.is_some()), open_log(&log_path)?)?;
    let mut front = nginx.as_ref().map(|nginx| Front::start(nginx, &services.url())).transpose()?;
    let entry = front.as_ref().map_or_else(|| services.url(), |front| front.url.clone());
    let before = match front {
        Some(_) => "nginx, then gateway, shop and pay",
        None => {
            "gateway, shop and pay; no nginx in front: there is none (LOG_CENTER_NGINX=/path/to/nginx names one)"
        }
    };
    println!(
        "\n  Customers   {entry}     ({before})\n  API         {}/docs\n  Dashboard   {}\n  ClickHouse  {}\n  Log         {}\n\n\
         Customers send four requests a second, some of which fail. See the issues grow:\n\n  \
         curl {}/api/v1/issues\n\n^C stops everything. Requests that are worth a look:\n",
        addresses.api,
        addresses.dashboard,
        addresses.clickhouse,
        shown(&log_path),
        addresses.api
    );
    let trace = trace_command(&addresses.api)?;
    let tally = traffic(&entry, &trace, || tend(&mut server, &mut services, front.as_mut()))?;
    println!("\n{} requests were served, {} failed", tally.served, tally.failed);
    drop(front);
    services.stop()?;
    up::stop(&mut server)
}

/// Restarts who may die, and fails if somebody did who may not.
fn tend(server: &mut Server, services: &mut Services, front: Option<&mut Front>) -> Result<()> {
    if let Some(status) = server.process().ended()? {
        bail!("the server ended by itself ({})", explain(status));
    }
    if front.is_some_and(Front::has_ended) {
        bail!("nginx ended by itself");
    }
    if services.tend()? {
        println!("  (the shop had died and runs again)");
    }
    Ok(())
}

/// How to look at a request, but for its id.
fn trace_command(api: &str) -> Result<String> {
    let program = cargo::build(Program::Server, false)?;
    Ok(format!("{} trace --url {api}", shown(&program)))
}

/// A path as one types it at the project's root.
fn shown(path: &Path) -> String {
    path.strip_prefix(workspace::root()).unwrap_or(path).display().to_string()
}

/// One request after the other until ^C.
fn traffic(entry: &str, trace: &str, mut tend: impl FnMut() -> Result<()>) -> Result<Tally> {
    let agent = ureq::Agent::new_with_config(
        ureq::Agent::config_builder()
            .timeout_global(Some(CUSTOMER_PATIENCE))
            .http_status_as_error(false)
            .build(),
    );
    let mut tally = Tally::default();
    for (number, visit) in VISITS.iter().cycle().enumerate() {
        if interrupt::requested() {
            break;
        }
        tend()?;
        let Visit { method, path, story } = visit;
        let address = format!("{entry}{path}");
        let customer = format!("customer_{}", number % CUSTOMERS);
        let answer = match *method {
            "POST" => agent.post(&address).header(CUSTOMER_HEADER, customer).send_empty(),
            _ => agent.get(&address).header(CUSTOMER_HEADER, customer).call(),
        };
        match &answer {
            Ok(answer) if answer.status().is_success() => tally.served += 1,
            _ => tally.failed += 1,
        }
        if let (Ok(answer), Some(story)) = (&answer, story) {
            let id = answer.headers().get("x-request-id").context("the answer has no X-Request-Id")?;
            let (status, id) = (answer.status().as_u16(), id.to_str().context("X-Request-Id")?);
            println!("  {status}  {method} {path}: {story}\n       {trace} {id}");
        }
        let until = Instant::now() + PAUSE_BETWEEN_REQUESTS;
        while !interrupt::requested() && Instant::now() < until {
            thread::sleep(interrupt::POLL_INTERVAL);
        }
    }
    Ok(tally)
}
