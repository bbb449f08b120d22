//! The services of the demo: gateway, shop and pay, each calling the next.

use std::fs::File;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::cargo::{self, Program};
use crate::server::{Process, STOP_DEADLINE, explain};

/// How long a service may take until it listens.
const READY_DEADLINE: Duration = Duration::from_secs(30);

/// The record by which a service says where it listens.
#[derive(Deserialize)]
#[serde(try_from = "Record")]
struct Listening {
    /// As in `127.0.0.1:40123`.
    address: String,
}

#[derive(Deserialize)]
struct Record {
    msg: String,
    extra: String,
}

impl TryFrom<Record> for Listening {
    type Error = &'static str;

    fn try_from(record: Record) -> Result<Self, Self::Error> {
        match record.extra.strip_prefix("address=") {
            Some(address) if record.msg == "listening" => Ok(Self { address: address.to_owned() }),
            _ => Err("something else"),
        }
    }
}

/// A service, and how it was started.
struct Service {
    name: &'static str,
    program: PathBuf,
    settings: Vec<(&'static str, String)>,
    process: Process,
    address: String,
}

impl Service {
    fn start(
        name: &'static str,
        address_variable: &'static str,
        mut settings: Vec<(&'static str, String)>,
        log: &File,
    ) -> Result<Self> {
        let program = cargo::build(Program::LayerExample(name), false)?;
        settings.push((address_variable, "127.0.0.1:0".to_owned()));
        let (process, address) = spawn(&program, &settings, log)?;
        // Where it listens now it will listen when it is started again.
        if let Some((_, value)) = settings.last_mut() {
            value.clone_from(&address);
        }
        Ok(Self { name, program, settings, process, address })
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

fn spawn(program: &PathBuf, settings: &[(&'static str, String)], log: &File) -> Result<(Process, String)> {
    let mut command = Command::new(program);
    command.envs(settings.iter().map(|(name, value)| (name, value)));
    let log = log.try_clone().context("cannot write the log")?;
    let (process, Listening { address }) = Process::start(command, READY_DEADLINE, Some(log))?;
    Ok((process, address))
}

/// The three of them.
pub(super) struct Services {
    gateway: Service,
    shop: Service,
    pay: Service,
    log: File,
}

impl Services {
    /// Starts them, all of whose records go to the server at `api` and to `log`. `proxies` stand in front of the first.
    pub(super) fn start(api: &str, proxies: u8, log: File) -> Result<Self> {
        let forwarding = || vec![("LOG_CENTER_URL", api.to_owned()), ("LOG_CENTER_MODE", "all".to_owned())];
        let with = |mut settings: Vec<_>, more: &[(&'static str, String)]| {
            settings.extend_from_slice(more);
            settings
        };
        let pay = Service::start("pay", "PAY_ADDR", forwarding(), &log)?;
        let shop = Service::start("shop", "SHOP_ADDR", with(forwarding(), &[("PAY_URL", pay.url())]), &log)?;
        let of_gateway = [("SHOP_URL", shop.url()), ("GATEWAY_PROXIES", proxies.to_string())];
        let gateway = Service::start("gateway", "GATEWAY_ADDR", with(forwarding(), &of_gateway), &log)?;
        Ok(Self { gateway, shop, pay, log })
    }

    /// Where customers call, unless there is something in front.
    pub(super) fn url(&self) -> String {
        self.gateway.url()
    }

    /// Starts the shop again if it has died. Whether it had. Nobody else may.
    pub(super) fn tend(&mut self) -> Result<bool> {
        for service in [&mut self.gateway, &mut self.pay] {
            if let Some(status) = service.process.ended()? {
                bail!("{} ended by itself ({})", service.name, explain(status));
            }
        }
        let Service { program, settings, process, .. } = &mut self.shop;
        if process.ended()?.is_none() {
            return Ok(false);
        }
        (*process, _) = spawn(program, settings, &self.log)?;
        Ok(true)
    }

    /// Stops them in order, so that everything that they have logged reaches the server.
    pub(super) fn stop(mut self) -> Result<()> {
        for service in [&mut self.gateway, &mut self.shop, &mut self.pay] {
            service.process.stop(STOP_DEADLINE)?;
        }
        Ok(())
    }
}
