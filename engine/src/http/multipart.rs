//! `multipart/form-data`, which clients use to send parameters that are too long for a URL.

use std::sync::Arc;

use hyper::body::Incoming;

use super::arrival::{self, Room};
use crate::exception::{Exception, Kind};
use crate::limits::MAX_STATEMENT_BYTES;

/// Largest form: the longest statement, and as much again of parameters.
const MAX_FORM_BYTES: u64 = 2 * MAX_STATEMENT_BYTES as u64;

/// The boundary, if a request's body is a form.
pub(super) fn boundary(headers: &http::HeaderMap) -> Result<Option<String>, Exception> {
    let Some(value) = headers.get(http::header::CONTENT_TYPE) else { return Ok(None) };
    let value = value.to_str().unwrap_or_default();
    if !value.trim_start().to_ascii_lowercase().starts_with("multipart/form-data") {
        return Ok(None);
    }
    multer::parse_boundary(value).map(Some).map_err(malformed)
}

/// Reads a form's fields.
pub(super) async fn read(
    body: Incoming,
    boundary: String,
    room: Option<Arc<Room>>,
) -> Result<Vec<(String, String)>, Exception> {
    let data = arrival::pieces(body, room);
    let limits = multer::SizeLimit::new().whole_stream(MAX_FORM_BYTES);
    let mut form =
        multer::Multipart::with_constraints(data, boundary, multer::Constraints::new().size_limit(limits));
    let mut fields = Vec::new();
    while let Some(field) = form.next_field().await.map_err(malformed)? {
        if field.file_name().is_some() {
            return Err(Exception::new(
                Kind::NotImplemented,
                "external tables (files in a form) are not implemented by this engine",
            ));
        }
        let Some(name) = field.name().map(str::to_owned) else {
            return Err(Exception::new(Kind::BadArguments, "a part of the form has no name"));
        };
        fields.push((name, field.text().await.map_err(malformed)?));
    }
    Ok(fields)
}

fn malformed(error: multer::Error) -> Exception {
    match error {
        multer::Error::StreamSizeExceeded { limit } => {
            Exception::new(Kind::QueryIsTooLarge, format_args!("the form is longer than {limit} bytes"))
        }
        multer::Error::StreamReadFailed(error) => match error.downcast::<Exception>() {
            Ok(exception) => *exception,
            Err(error) => {
                Exception::new(Kind::NetworkError, format_args!("the form cannot be read: {error}"))
            }
        },
        error => Exception::new(Kind::BadArguments, format_args!("the form cannot be read: {error}")),
    }
}
