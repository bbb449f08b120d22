//! Who calls.

use std::net::IpAddr;

use base64::Engine as _;
use http::{HeaderMap, header};

use crate::exception::{Exception, Kind};
use crate::password::Password;
use crate::statement::Caller;

/// Finds the caller in `Authorization`, ClickHouse's headers or the URL, in this order.
///
/// Who shows no password reads, whatever the name. With the password `default` may write.
pub(super) fn find(
    headers: &HeaderMap,
    url_user: Option<&str>,
    url_password: Option<&str>,
    password: &Password,
    peer: IpAddr,
) -> Result<Caller, Exception> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let (name, shown) = match headers.get(header::AUTHORIZATION) {
        Some(value) => basic(value.to_str().unwrap_or_default())?,
        None => {
            let name = text("x-clickhouse-user").or(url_user).unwrap_or_default();
            let shown = text("x-clickhouse-key").or(url_password).unwrap_or_default();
            (name.to_owned(), shown.to_owned())
        }
    };
    if shown.is_empty() {
        return Ok(Caller::Stranger(peer));
    }
    match (password.matches(&shown), name.as_str()) {
        (true, "" | "default") => Ok(Caller::Writer),
        (true, "reader") => Ok(Caller::Reader),
        _ => Err(refused(&name)),
    }
}

fn basic(value: &str) -> Result<(String, String), Exception> {
    let credentials = value
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
        .and_then(|(_, encoded)| base64::engine::general_purpose::STANDARD.decode(encoded.trim()).ok())
        .and_then(|decoded| String::from_utf8(decoded).ok());
    match credentials.as_deref().and_then(|text| text.split_once(':')) {
        Some((name, password)) => Ok((name.to_owned(), password.to_owned())),
        None => Err(Exception::new(
            Kind::AuthenticationFailed,
            "Authorization must be `Basic` with base64 of name:password",
        )),
    }
}

fn refused(name: &str) -> Exception {
    Exception::new(
        Kind::AuthenticationFailed,
        format_args!(
            "{name}: Authentication failed: the password is not the one in the server's password file, or the user is \
             neither `default` nor `reader`. Without a password everybody may read"
        ),
    )
}
