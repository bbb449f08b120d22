use anyhow::{Context, Result};
use std::collections::VecDeque;
use std::net::{SocketAddr, TcpListener};
use std::thread;

/// How a server is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Server {
    /// Nobody listens.
    Refused,
    /// It takes every connection and says nothing.
    Silent,
}

/// Connections of the silent server that are kept open. Its clients have given up on older ones.
const KEPT_CONNECTIONS: usize = 64;

/// Nothing listens there, on any machine worth the name; a port that was free a moment ago may be taken by now.
const NOBODY: &str = "127.0.0.1:1";

/// Both of them.
pub(super) struct Servers {
    silent: SocketAddr,
}

impl Servers {
    pub(super) fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("no port to be had")?;
        let silent = listener.local_addr()?;
        thread::spawn(move || {
            let mut kept = VecDeque::new();
            for connection in listener.incoming() {
                kept.push_back(connection);
                if kept.len() > KEPT_CONNECTIONS {
                    kept.pop_front();
                }
            }
        });
        Ok(Self { silent })
    }

    pub(super) fn url(&self, kind: Server) -> String {
        match kind {
            Server::Refused => format!("http://{NOBODY}"),
            Server::Silent => format!("http://{}", self.silent),
        }
    }
}
