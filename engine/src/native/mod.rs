//! The format `Native` as clients of a newer protocol read it.
//!
//! libchdb writes blocks as for a client that says nothing of itself. One that names a revision by
//! `client_protocol_version`, as Go's client and with it Grafana's data source do, expects two things more:
//!
//! ```text
//! 01 00  02 ff ff ff ff  00                  of no overflow, of no bucket; since the first revision
//! columns rows (name type  00  data)*        00: the column is written in the usual way; since 54454
//! ```
//! The data are not changed, but where a column ends has to be found, which is what `types` knows.

mod changing;
mod reader;
mod types;

use reader::Reader;
use types::Type;

use crate::exception::{Exception, Kind};

/// The revision since which each column says how it is written.
const CUSTOM_SERIALIZATION: u64 = 54_454;

const BLOCK_INFO: [u8; 8] = [1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0];

/// Writes whole blocks again, as a client of that revision reads them. Revision 0 is what libchdb writes.
pub(crate) fn for_revision(blocks: &[u8], revision: u64) -> Result<Vec<u8>, Exception> {
    let mut out = Vec::with_capacity(blocks.len() + 256);
    let mut reader = Reader::new(blocks);
    while !reader.is_at_end() {
        out.extend_from_slice(&BLOCK_INFO);
        block(&mut reader, revision, &mut out)?;
    }
    Ok(out)
}

fn block(reader: &mut Reader<'_>, revision: u64, out: &mut Vec<u8>) -> Result<(), Exception> {
    let start = reader.rest();
    let (columns, rows) = (reader.number()?, reader.number()?);
    out.extend_from_slice(reader.since(start));
    for _ in 0..columns {
        let start = reader.rest();
        reader.text()?;
        let name = reader.text()?;
        out.extend_from_slice(reader.since(start));
        if revision >= CUSTOM_SERIALIZATION {
            out.push(0);
        }
        if rows == 0 {
            continue;
        }
        let of = std::str::from_utf8(name).ok().and_then(Type::parse).ok_or_else(|| unknown(name))?;
        let start = reader.rest();
        of.read_prefix(reader)?.skip(reader, rows)?;
        out.extend_from_slice(reader.since(start));
    }
    Ok(())
}

fn unknown(name: &[u8]) -> Exception {
    Exception::new(
        Kind::NotImplemented,
        format_args!(
            "a column of type {} for a client with client_protocol_version in format Native; cast it, for example to String",
            String::from_utf8_lossy(name)
        ),
    )
}
