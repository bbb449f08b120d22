//! `log-center schema`: the schema as statements.

use crate::store::schema::{self, Part};
use std::io::{self, Write};

/// Which part of it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The statements are those that the server runs at its start, in their order, as it runs them in the embedded \
ClickHouse. They need no server. Tables may change from version to version, views do not.

  log-center schema --views | less")]
pub struct SchemaArgs {
    /// Only the views, which are what queries should read.
    #[arg(long)]
    views: bool,
}

/// Prints it on standard output.
///
/// # Errors
/// Standard output cannot be written.
pub fn run(args: &SchemaArgs) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for Part { name, statements } in schema::parts() {
        if args.views && !schema::is_view(name) {
            continue;
        }
        writeln!(out, "-- {name}")?;
        for statement in statements {
            writeln!(out, "{statement};\n")?;
        }
    }
    out.flush()
}
