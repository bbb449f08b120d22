//! Who calls, and from where.

use base64::Engine as _;
use http::{HeaderMap, header};

use crate::exception::{Exception, Kind};
use crate::statement::User;

/// Finds the user in `Authorization`, ClickHouse's headers or the URL, in this order.
///
/// Known are `default` and `reader`, both without a password.
pub(super) fn user(
    headers: &HeaderMap,
    url_user: Option<&str>,
    url_password: Option<&str>,
) -> Result<User, Exception> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let (name, password) = if let Some(value) = headers.get(header::AUTHORIZATION) {
        basic(value.to_str().unwrap_or_default())?
    } else if text("x-clickhouse-user").is_some() || text("x-clickhouse-key").is_some() {
        let password = text("x-clickhouse-key").unwrap_or_default();
        (text("x-clickhouse-user").unwrap_or("default").to_owned(), password.to_owned())
    } else {
        (url_user.unwrap_or("default").to_owned(), url_password.unwrap_or_default().to_owned())
    };
    let user = match name.as_str() {
        "" | "default" => User::Full,
        "reader" => User::Reader,
        _ => return Err(refused(&name)),
    };
    if password.is_empty() { Ok(user) } else { Err(refused(&name)) }
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
            "{name}: Authentication failed: known users are `default` and `reader`, both without a password"
        ),
    )
}

/// Refuses what a web page of another site made a browser send.
///
/// Nobody logs in here, so any page could otherwise drop a table with a form post. A page's own request
/// names a foreign `Origin`; a name that a page's site points to this machine (DNS rebinding) shows in
/// `Host`. Programs send neither.
pub(super) fn check_origin(headers: &HeaderMap, allow_remote: bool) -> Result<(), Exception> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(origin) = text(header::ORIGIN)
        && !origin.split_once("://").is_some_and(|(_, host)| is_loopback(host))
    {
        return Err(Exception::new(
            Kind::AccessDenied,
            format_args!("requests from web pages of other sites are refused (Origin: {origin})"),
        ));
    }
    if let Some(host) = text(header::HOST)
        && !allow_remote
        && !is_loopback(host)
    {
        return Err(Exception::new(
            Kind::AccessDenied,
            format_args!("this engine answers for localhost only, not for {host}"),
        ));
    }
    Ok(())
}

fn is_loopback(authority: &str) -> bool {
    let Ok(authority) = authority.parse::<http::uri::Authority>() else { return false };
    let host = authority.host().trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
