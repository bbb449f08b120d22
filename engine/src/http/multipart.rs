//! `multipart/form-data`, which clients use to send parameters that are too long for a URL.

use std::sync::Arc;

use http_body_util::BodyStream;
use hyper::body::Incoming;

use crate::exception::{Exception, Kind};
use crate::statement::external::{self, File};
use crate::statement::text::MAX_STATEMENT_BYTES;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Most of a form besides its files: the longest statement, and as much again of parameters.
const MAX_FIELD_BYTES: u64 = 2 * MAX_STATEMENT_BYTES as u64;

/// Largest form.
const MAX_FORM_BYTES: u64 = MAX_FIELD_BYTES + external::MAX_BYTES;

/// Requests whose files are held at the same time, 64 MiB at most; others wait.
const FILES_AT_ONCE: usize = 4;

static PLACES: Semaphore = Semaphore::const_new(FILES_AT_ONCE);

/// What a form holds.
#[derive(Debug, Default)]
pub(super) struct Form {
    pub(super) fields: Vec<(String, String)>,
    pub(super) files: Vec<File>,
}

/// The boundary, if a request's body is a form.
pub(super) fn boundary(headers: &http::HeaderMap) -> Result<Option<String>, Exception> {
    let Some(value) = headers.get(http::header::CONTENT_TYPE) else { return Ok(None) };
    let value = value.to_str().unwrap_or_default();
    if !value.trim_start().to_ascii_lowercase().starts_with("multipart/form-data") {
        return Ok(None);
    }
    multer::parse_boundary(value).map(Some).map_err(malformed)
}

/// Reads a form.
pub(super) async fn read(body: Incoming, boundary: String) -> Result<Form, Exception> {
    use futures_util::{StreamExt as _, future};
    let data = BodyStream::new(body)
        .filter_map(|frame| future::ready(frame.map(|frame| frame.into_data().ok()).transpose()));
    let limits = multer::SizeLimit::new().whole_stream(MAX_FORM_BYTES);
    let mut multipart =
        multer::Multipart::with_constraints(data, boundary, multer::Constraints::new().size_limit(limits));
    let mut form = Form::default();
    let (mut place, mut left) = (None, MAX_FIELD_BYTES);
    while let Some(mut field) = multipart.next_field().await.map_err(malformed)? {
        let Some(name) = field.name().map(str::to_owned) else {
            return Err(Exception::new(Kind::BadArguments, "a part of the form has no name"));
        };
        if field.file_name().is_some() {
            let place = match &place {
                Some(place) => Arc::clone(place),
                None => Arc::clone(place.insert(Arc::new(enter().await?))),
            };
            if form.files.len() == external::MAX_TABLES {
                return Err(too_large(format_args!("the form has more than {} files", external::MAX_TABLES)));
            }
            form.files.push(File { name, data: field.bytes().await.map_err(malformed)?, place });
            continue;
        }
        let mut value = Vec::new();
        while let Some(piece) = field.chunk().await.map_err(malformed)? {
            left = left.checked_sub(piece.len() as u64).ok_or_else(|| {
                too_large(format_args!("the form has more than {MAX_FIELD_BYTES} bytes besides its files"))
            })?;
            value.extend_from_slice(&piece);
        }
        let value = String::from_utf8(value).map_err(|_| {
            Exception::new(Kind::BadArguments, format_args!("the part {name} of the form is not valid UTF-8"))
        })?;
        form.fields.push((name, value));
    }
    Ok(form)
}

async fn enter() -> Result<SemaphorePermit<'static>, Exception> {
    PLACES.acquire().await.map_err(|_| Exception::new(Kind::Aborted, "the engine is shutting down"))
}

fn too_large(message: std::fmt::Arguments<'_>) -> Exception {
    Exception::new(Kind::QueryIsTooLarge, message)
}

fn malformed(error: multer::Error) -> Exception {
    match error {
        multer::Error::StreamSizeExceeded { limit } => {
            Exception::new(Kind::QueryIsTooLarge, format_args!("the form is longer than {limit} bytes"))
        }
        error => Exception::new(Kind::BadArguments, format_args!("the form cannot be read: {error}")),
    }
}
