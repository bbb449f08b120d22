//! Elixir: `(shop 0.1.0) lib/shop/cart.ex:42: Shop.Cart.total/1`.

use super::frame::Frame;
use super::location::{has_extension, location};
use super::search::{find, split_once};

/// Applications of Elixir and of Erlang's OTP.
const FOREIGN: [&str; 15] = [
    "compiler",
    "crypto",
    "eex",
    "elixir",
    "erts",
    "ex_unit",
    "iex",
    "inets",
    "kernel",
    "logger",
    "mix",
    "public_key",
    "sasl",
    "ssl",
    "stdlib",
];

const EXTENSIONS: [&str; 8] = ["ex", "exs", "eex", "heex", "leex", "erl", "xrl", "yrl"];

pub(super) fn frame(text: &str) -> Option<Frame<'_>> {
    let (application, place) = match text.strip_prefix('(') {
        Some(rest) => split_once(rest, ") ")?,
        None => ("", text),
    };
    let end = find(place, ": ")?;
    let found = location(&place[..end]).filter(|found| !found.column)?;
    let application = application.split(' ').next().unwrap_or_default();
    let mut frame = Frame::of(found.file, found.line);
    frame.own &= !FOREIGN.contains(&application) && !frame.file.starts_with("deps/");
    has_extension(frame.file, &EXTENSIONS).then_some(frame)
}
