//! Frames that begin with `at`: V8 and what imitates it (Hermes, Internet Explorer, PhantomJS), Java, Kotlin, .NET, Rust.

use super::frame::{Best, Frame, HEADING};
use super::line::{Line, trim_end};
use super::location::{has_extension, is_file, line_number, location, trailing_number};
use super::own;
use super::search::{find, split_last, split_once, starts};

/// Files of programs for the JVM. Their frames name a file without its directory, and no column.
const JVM_EXTENSIONS: [&str; 6] = ["java", "kt", "kts", "scala", "groovy", "clj"];

/// Files that a message may name as `at cart.js:12`.
const SOURCE_EXTENSIONS: [&str; 18] = [
    "js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx", "vue", "svelte", "bundle", "jsbundle", "html",
    "rs", "java", "kt", "cs", "dart",
];

#[derive(Default)]
pub(super) struct Reader<'a> {
    indented: Best<'a>,
    /// Frames that are not indented. They count only if no frame is: then the stack has lost its indentation, else
    /// they are part of a message.
    flush: Best<'a>,
    /// How many errors of .NET enclose what is read.
    enclosing: i64,
}

impl<'a> Reader<'a> {
    /// Whether the line is of one of these forms.
    pub(super) fn read(&mut self, line: Line<'a>, number: usize, rank: i64) -> bool {
        let Some(call) = line.text.strip_prefix("at ") else {
            return self.read_heading(line.text, number);
        };
        let (call, ends_inner) = match call.strip_suffix("<---") {
            Some(call) => (trim_end(call), true),
            None => (call, false),
        };
        let best = if line.indent > 0 { &mut self.indented } else { &mut self.flush };
        if let Some(frame) = dotnet(call).or_else(|| frame(call)) {
            best.offer(frame, rank.saturating_add(self.enclosing), number);
        }
        self.enclosing -= i64::from(ends_inner && self.enclosing > 0);
        true
    }

    /// What stands above the frames: .NET's nesting, and places that no frame repeats if there is no backtrace.
    fn read_heading(&mut self, text: &'a str, number: usize) -> bool {
        if text.starts_with("--- End of inner exception stack trace") {
            self.enclosing -= i64::from(self.enclosing > 0);
            return true;
        }
        // .NET writes an inner error behind this, before the frames of both.
        self.enclosing += starts(text, "---> ").count() as i64;
        let Some(frame) =
            rust_panic(text).or_else(|| if number == 1 { node_syntax_error(text) } else { None })
        else {
            return false;
        };
        self.indented.offer(frame, HEADING, number);
        self.flush.offer(frame, HEADING, number);
        true
    }

    pub(super) fn best(&self) -> &Best<'a> {
        if self.indented.has_frames() || !self.flush.has_frames() { &self.indented } else { &self.flush }
    }
}

/// `Shop.Cart.Add(Item i) in C:\src\Cart.cs:line 42`, and Mono's `Shop.Cart.Add (Item i) [0x0001a] in /src/Cart.cs:42`.
fn dotnet(call: &str) -> Option<Frame<'_>> {
    let (method, place) = match split_once(call, ") in ") {
        Some((method, place)) => (method, place),
        None => split_once(call, "] in ").filter(|(method, _)| method.contains("[0x"))?,
    };
    let (file, line) = match split_last(place, ":line ") {
        Some((file, line)) => (file, line),
        None if method.contains("[0x") => trailing_number(place)?,
        None => return None,
    };
    let line = line_number(line)?;
    let own = own::is_own_method(method) && own::is_own(file);
    is_file(file).then_some(Frame { file, line, own })
}

/// `name (file:line:column)` and `file:line:column` of V8 and Rust, `com.acme.Cart.add(Cart.java:10) ~[shop.jar:1.2]` of
/// Java.
fn frame(call: &str) -> Option<Frame<'_>> {
    // Node's inspection of an error opens its properties behind the last frame.
    let call = without_packaging(call.strip_suffix(" {").unwrap_or(call));
    let Some((name, place)) = name_and_place(call) else {
        let call = call.strip_prefix("async ").unwrap_or(call);
        let found = location(call)?;
        let is_plain =
            found.column || call.contains(['/', '\\']) || has_extension(found.file, &SOURCE_EXTENSIONS);
        return is_plain.then(|| Frame::of(found.file, found.line));
    };
    if place.starts_with("eval at ") {
        return evaluated(place);
    }
    let place = place.strip_prefix("address at ").unwrap_or(place);
    let Some(found) = location(place) else {
        // Without debug information Java names only the file.
        let own = own::is_own_class(name);
        return is_jvm_file(place).then_some(Frame { file: place, line: 0, own });
    };
    let mut frame = Frame::of(found.file, found.line);
    if !found.column && !found.file.contains(['/', '\\']) {
        frame.own &= own::is_own_class(name);
    }
    Some(frame)
}

fn is_jvm_file(place: &str) -> bool {
    is_file(place) && has_extension(place, &JVM_EXTENSIONS) && !place.contains(['/', '\\', ' '])
}

/// A frame without the archive of its class: ` ~[shop.jar:1.2]`, ` [shop.jar!/:na]`.
fn without_packaging(call: &str) -> &str {
    let Some(inside) = call.strip_suffix(']') else { return call };
    let cut = inside.rfind(" ~[").or_else(|| inside.rfind(" [")).map(|start| trim_end(&call[..start]));
    cut.filter(|call| call.ends_with(')')).unwrap_or(call)
}

/// `name (place)`. Names and places may have parentheses, too.
fn name_and_place(call: &str) -> Option<(&str, &str)> {
    let inner = call.strip_suffix(')')?;
    let paired = paired_parenthesis(call);
    let after_blank = |open: usize| call[..open].ends_with(' ');
    let open = match paired {
        Some(open) if after_blank(open) || is_jvm_place(&inner[open + 1..]) => open,
        _ => find(call, " (").map(|blank| blank + 1).or(paired)?,
    };
    Some((trim_end(&call[..open]), inner.get(open + 1..)?))
}

/// The parenthesis that opens what the last one closes.
fn paired_parenthesis(call: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (index, byte) in call.bytes().enumerate().rev() {
        match byte {
            b')' => depth += 1,
            b'(' if depth == 1 => return Some(index),
            b'(' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn is_jvm_place(place: &str) -> bool {
    is_jvm_file(trailing_number(place).map_or(place, |(file, _)| file))
}

/// The place of the outermost `eval`, which alone is in a file: `eval at run (eval at load (/srv/a.js:3:4), <anonymous>:1:1),
/// <anonymous>:2:9`.
fn evaluated(place: &str) -> Option<Frame<'_>> {
    let mut rest = place;
    while let Some(inner) = rest.strip_prefix("eval at ") {
        rest = split_once(inner, " (")?.1;
    }
    let ends = rest.bytes().enumerate().filter(|&(_, byte)| byte == b')').map(|(end, _)| end);
    let columns = |end: &usize| trailing_number(&rest[..*end]).is_some();
    let found = location(&rest[..ends.into_iter().find(columns)?])?;
    Some(Frame::of(found.file, found.line))
}

/// `thread 'main' panicked at src/cart.rs:12:9:`, before Rust 1.73 `panicked at 'no cart', src/cart.rs:12:9`.
fn rust_panic(text: &str) -> Option<Frame<'_>> {
    let (_, place) = split_once(text, "panicked at ")?;
    let place = if place.starts_with(['\'', '"']) { place.rsplit_once(", ")?.1 } else { place };
    let found = location(place.strip_suffix(':').unwrap_or(place)).filter(|found| found.column)?;
    Some(Frame::of(found.file, found.line))
}

/// `/srv/cart.js:12`, with which Node begins the stack of a syntax error: all frames are its own loader's.
fn node_syntax_error(text: &str) -> Option<Frame<'_>> {
    let found =
        location(text).filter(|found| !found.column && has_extension(found.file, &SOURCE_EXTENSIONS))?;
    let absolute = found.file.starts_with(['/', '\\']) || found.file.get(1..2) == Some(":");
    (absolute || found.file.starts_with("file://")).then(|| Frame::of(found.file, found.line))
}
