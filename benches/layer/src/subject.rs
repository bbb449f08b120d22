//! Who is measured: each the whole subscriber of a process of its own, INFO and up, writing to nowhere behind a mutex.

use anyhow::Result;
use clap::ValueEnum;
use log_center::ForwardMode;
use sentry_core::{Client, ClientOptions, Envelope, Hub, Transport};
use std::io;
use std::sync::{Arc, Mutex};
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::set_global_default;
use tracing_bunyan_formatter::{BunyanFormattingLayer, JsonStorageLayer};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry;
use tracing_subscriber::registry::LookupSpan;

/// Where a forwarder finds nobody: the port of the discard service.
const NOBODY: &str = "http://127.0.0.1:9";

/// A layer under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Subject {
    /// `Registry` and a layer that does nothing.
    Empty,
    /// Ours, without a server.
    Ours,
    /// Ours, with a server to forward errors to (which is down: the caller's part is the same).
    OursForwarded,
    /// Ours as a flight recorder: nothing is written, the records of requests are kept, and forgotten when they end.
    OursOnError,
    /// `tracing-bunyan-formatter`.
    Bunyan,
    /// `json-subscriber`.
    JsonSubscriber,
    /// `tracing-subscriber`'s `fmt().json()`.
    FmtJson,
    /// `sentry-tracing`; what it sends is dropped.
    Sentry,
}

impl Subject {
    /// All, in the order of the table.
    pub(crate) const ALL: [Subject; 8] = [
        Subject::Empty,
        Subject::Ours,
        Subject::OursForwarded,
        Subject::OursOnError,
        Subject::Bunyan,
        Subject::JsonSubscriber,
        Subject::FmtJson,
        Subject::Sentry,
    ];

    /// As the command line has it.
    pub(crate) fn argument(self) -> &'static str {
        match self {
            Subject::Empty => "empty",
            Subject::Ours => "ours",
            Subject::OursForwarded => "ours-forwarded",
            Subject::OursOnError => "ours-on-error",
            Subject::Bunyan => "bunyan",
            Subject::JsonSubscriber => "json-subscriber",
            Subject::FmtJson => "fmt-json",
            Subject::Sentry => "sentry",
        }
    }

    /// As the table has it, and the package whose version counts.
    pub(crate) fn title(self) -> (&'static str, Option<&'static str>) {
        match self {
            Subject::Empty => ("`Registry` and an empty layer", Some("tracing-subscriber")),
            Subject::Ours => ("**log-center**", Some("log-center")),
            Subject::OursForwarded => ("**log-center**, forwarding errors", Some("log-center")),
            Subject::OursOnError => ("**log-center**, flight recorder, not written", Some("log-center")),
            Subject::Bunyan => ("tracing-bunyan-formatter", Some("tracing-bunyan-formatter")),
            Subject::JsonSubscriber => ("json-subscriber", Some("json-subscriber")),
            Subject::FmtJson => ("tracing-subscriber `fmt().json()`", Some("tracing-subscriber")),
            Subject::Sentry => ("sentry-tracing", Some("sentry-tracing")),
        }
    }

    /// Makes it the subscriber of this process, until the process ends.
    pub(crate) fn install(self) -> Result<()> {
        let writer = || Mutex::new(io::sink());
        match self {
            Subject::Empty => global(Empty),
            Subject::Ours => {
                let (layer, guard) = log_center::layer("shop").without_endpoint().writer(writer()).build()?;
                std::mem::forget(guard);
                global(layer)
            }
            Subject::OursForwarded => {
                let (layer, guard) = log_center::layer("shop").endpoint(NOBODY).writer(writer()).build()?;
                // Not dropped: that would wait for a server that does not come.
                std::mem::forget(guard);
                global(layer)
            }
            Subject::OursOnError => {
                let (layer, guard) = log_center::layer("shop")
                    .endpoint(NOBODY)
                    .forward(ForwardMode::OnError)
                    .write_filter(Targets::new().with_default(LevelFilter::OFF))
                    .writer(writer())
                    .build()?;
                std::mem::forget(guard);
                global(layer)
            }
            Subject::Bunyan => {
                global(JsonStorageLayer.and_then(BunyanFormattingLayer::new("shop".to_owned(), writer())))
            }
            Subject::JsonSubscriber => global(json_subscriber::layer().with_writer(writer())),
            Subject::FmtJson => global(tracing_subscriber::fmt::layer().json().with_writer(writer())),
            Subject::Sentry => {
                let options = ClientOptions::new()
                    .dsn("http://key@127.0.0.1:9/1")
                    .transport(|_: &ClientOptions| Arc::new(Discard) as Arc<dyn Transport>);
                Hub::main().bind_client(Some(Arc::new(Client::from(options))));
                #[expect(
                    deprecated,
                    reason = "still what programs use; its parts, each behind a filter, cost more"
                )]
                let layer = sentry_tracing::layer();
                global(layer)
            }
        }
    }
}

fn global<L>(layer: L) -> Result<()>
where
    L: Layer<tracing_subscriber::layer::Layered<LevelFilter, registry::Registry>> + Send + Sync,
{
    Ok(set_global_default(registry().with(LevelFilter::INFO).with(layer))?)
}

struct Empty;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Empty {}

struct Discard;

impl Transport for Discard {
    fn send_envelope(&self, envelope: Envelope) {
        drop(envelope);
    }
}
