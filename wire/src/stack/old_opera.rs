//! Opera before version 11: `Error thrown at line 42, column 12 in total() in http://shop/cart.js:`, `Line 44 of linked script
//! http://shop/cart.js`.

use super::frame::Frame;
use super::location::{is_file, line_number, scheme, without_query};

pub(super) fn frame(text: &str) -> Option<Frame<'_>> {
    if let Some(rest) = text.strip_prefix("Line ") {
        let (line, rest) = rest.split_once(" of ")?;
        let (_, place) = rest.split_once("script ")?;
        let place = place.strip_prefix("in ").unwrap_or(place);
        return of_address(place.split_once(": In ").map_or(place, |(place, _)| place), line);
    }
    let rest =
        text.strip_prefix("Error thrown at line ").or_else(|| text.strip_prefix("called from line "))?;
    let (line, rest) = rest.split_once(", column ")?;
    of_address(rest.rsplit_once(" in ")?.1, line)
}

fn of_address<'a>(place: &'a str, line: &str) -> Option<Frame<'a>> {
    let file = without_query(place.trim_end_matches(':'));
    let line = line_number(line)?;
    (is_file(file) && scheme(file).is_some()).then(|| Frame::of(file, line))
}
