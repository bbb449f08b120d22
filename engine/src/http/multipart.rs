//! `multipart/form-data`, which clients use to send parameters that are too long for a URL.

use std::sync::Arc;

use hyper::body::Incoming;

use super::arrival::{self, Room};
use crate::exception::{Exception, Kind};
use crate::limits::MAX_STATEMENT_BYTES;
use crate::statement::external::{self, File};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Most of a form besides its files: the longest statement, and as much again of parameters.
const MAX_FIELD_BYTES: u64 = 2 * MAX_STATEMENT_BYTES as u64;

/// Largest form.
const MAX_FORM_BYTES: u64 = MAX_FIELD_BYTES + external::MAX_BYTES;

/// Requests whose files are held while their statements run, 64 MiB at most; others wait. As many again are kept for who shows the
/// password.
const FILES_AT_ONCE: usize = 4;

static STRANGERS_PLACES: Semaphore = Semaphore::const_new(FILES_AT_ONCE);
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

/// Reads a form. A stranger has a `room`, in which it counts.
pub(super) async fn read(
    body: Incoming,
    boundary: String,
    room: Option<Arc<Room>>,
) -> Result<Form, Exception> {
    let places = if room.is_some() { &STRANGERS_PLACES } else { &PLACES };
    let data = arrival::pieces(body, room);
    let limits = multer::SizeLimit::new().whole_stream(MAX_FORM_BYTES);
    let mut multipart =
        multer::Multipart::with_constraints(data, boundary, multer::Constraints::new().size_limit(limits));
    let mut form = Form::default();
    let mut files = Vec::new();
    let mut left = MAX_FIELD_BYTES;
    while let Some(mut field) = multipart.next_field().await.map_err(malformed)? {
        let Some(name) = field.name().map(str::to_owned) else {
            return Err(Exception::new(Kind::BadArguments, "a part of the form has no name"));
        };
        if field.file_name().is_some() {
            if files.len() == external::MAX_TABLES {
                return Err(too_large(format_args!("the form has more than {} files", external::MAX_TABLES)));
            }
            files.push((name, field.bytes().await.map_err(malformed)?));
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
    if !files.is_empty() {
        // Only now that they are here: who sends slowly keeps nobody out.
        let place = Arc::new(enter(places).await?);
        form.files.extend(files.into_iter().map(|(name, data)| File { name, data, place: place.clone() }));
    }
    Ok(form)
}

async fn enter(places: &'static Semaphore) -> Result<SemaphorePermit<'static>, Exception> {
    places.acquire().await.map_err(|_| Exception::new(Kind::Aborted, "the engine is shutting down"))
}

fn too_large(message: std::fmt::Arguments<'_>) -> Exception {
    Exception::new(Kind::QueryIsTooLarge, message)
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
