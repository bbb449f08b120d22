//! Where an error was logged.

use crate::json::one_written_by;
use log_center_wire::limits::FILE_PATH_BYTES;
use tracing_core::callsite::DefaultCallsite;
use tracing_core::field::FieldSet;
use tracing_core::{Event, Kind, Level, Metadata, identify_callsite};

/// Longer than the server takes.
const FILE: &str = match std::str::from_utf8(&[b'f'; FILE_PATH_BYTES + 1]) {
    Ok(file) => file,
    Err(_) => "",
};

static CALLSITE: DefaultCallsite = DefaultCallsite::new(&METADATA);
static METADATA: Metadata<'static> = Metadata::new(
    "far away",
    "places",
    Level::ERROR,
    Some(FILE),
    Some(7),
    None,
    FieldSet::new(&["message"], identify_callsite!(&CALLSITE)),
    Kind::EVENT,
);

// Found by `layer-endurance fuzz`: with the mark of the cut it was three bytes longer than the server takes.
#[test]
fn a_path_that_is_cut_is_one_that_the_server_takes() {
    let record = one_written_by(|| {
        let values: [Option<&dyn tracing::Value>; 1] = [Some(&"far away")];
        Event::dispatch(&METADATA, &METADATA.fields().value_set_all(&values));
    });
    let path = record["err"]["file_path"].as_str().unwrap();
    assert!(path.starts_with("fff") && path.ends_with('…'), "{path}");
    assert_eq!((path.len(), &record["err"]["line_number"]), (FILE_PATH_BYTES, &7.into()));
}
