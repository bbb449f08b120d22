use crate::limits::FILE_PATH_BYTES;

/// Where an error was raised, from the text of its stack: the first frame that can be read.
///
/// Four forms are known, told apart by their frames:
/// - V8: `    at name (file:///app/x.js:10:5)` or `    at /app/x.js:10:5`
/// - Python: `  File "app/x.py", line 42, in name`; the frame that raised is the last one
/// - Rust: `             at ./src/main.rs:10:5` under a numbered frame
/// - Java: `\tat com.acme.Pay.run(Pay.java:10)`
pub(crate) fn origin(stack: &str) -> Option<(String, u32)> {
    let python = stack.lines().filter_map(python_frame).next_back();
    python.or_else(|| stack.lines().find_map(at_frame)).filter(|(path, _)| path.len() <= FILE_PATH_BYTES)
}

fn python_frame(line: &str) -> Option<(String, u32)> {
    let rest = line.trim_start().strip_prefix("File \"")?;
    let (path, rest) = rest.split_once("\", line ")?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    Some((path.to_owned(), digits.parse().ok()?))
}

fn at_frame(line: &str) -> Option<(String, u32)> {
    let rest = line.trim().strip_prefix("at ")?;
    let place = match rest.strip_suffix(')').and_then(|rest| rest.rsplit_once('(')) {
        Some((_, place)) => place,
        None => rest,
    };
    let (head, last) = place.rsplit_once(':')?;
    let last: u32 = last.parse().ok()?;
    // `path:line:column`, or Java's `File.java:line`.
    match head.rsplit_once(':') {
        Some((path, line)) if line.parse::<u32>().is_ok() => Some((path.to_owned(), line.parse().ok()?)),
        _ => Some((head.to_owned(), last)),
    }
    .filter(|(path, _)| !path.is_empty())
}
