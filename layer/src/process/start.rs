//! The record that a service has started: what an operator wants to know of it when it does not do what it should.

use super::STARTED;
use crate::forward::ForwardMode;
use crate::layer::Core;
use crate::line::{Pairs, Plain};
use log_center_wire::{Level, Scope};
use std::env;
use std::sync::Arc;
use std::thread;

pub(super) fn tell(core: &Arc<Core>) {
    let program = env::current_exe().ok();
    let program = program.as_deref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy());
    let cores = thread::available_parallelism().map_or(0, |cores| cores.get());
    let mut extra = Pairs::default();
    extra.text("program", program.as_deref().unwrap_or("unknown"));
    extra.text("os", env::consts::OS);
    extra.text("arch", env::consts::ARCH);
    extra.number("cores", cores as u64);
    extra.text("layer", env!("CARGO_PKG_VERSION"));
    extra.text("build", if cfg!(debug_assertions) { "debug" } else { "release" });
    extra.text("panic", if cfg!(panic = "abort") { "abort" } else { "unwind" });
    extra.text("forwards", core.own_filter.mode().map_or("off", ForwardMode::as_str));
    core.tell(
        &STARTED,
        &Plain {
            level: Level::Info,
            scope: Scope::Desc,
            msg: STARTED.name(),
            columns: "",
            extra: extra.as_bytes(),
        },
    );
}
