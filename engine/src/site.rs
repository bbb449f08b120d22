//! By which name a request found this machine, and whether a page of another web site made a browser send it.
//!
//! Who may connect may read without a password. A page of another site must not use its visitor's browser to do so: not
//! by a request of its own (`Origin`, `Sec-Fetch-Site`), and not by a name of its own that it points to this machine
//! (DNS rebinding, which shows in `Host`). Programs send neither of the first two.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;

use http::header::{self, HOST, HeaderName, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Uri};

/// The names of this machine, besides its addresses and `localhost`, which cannot be pointed elsewhere. Cheap to clone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hosts(Arc<[String]>);

/// The host of a request is none of this machine, or the request leaves open which one it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownHost;

/// A page of another site made a browser send the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OtherSite;

/// A list of names that holds something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoHostName(String);

impl fmt::Display for NoHostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no host name; give names such as `logs.example.com`, without scheme, port or path, separated by commas",
            self.0
        )
    }
}

impl std::error::Error for NoHostName {}

impl FromStr for Hosts {
    type Err = NoHostName;

    fn from_str(list: &str) -> Result<Self, NoHostName> {
        let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
        let checked = names.map(|name| {
            let is_label = |label: &str| {
                !label.is_empty()
                    && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
            };
            let is_name = name.split('.').all(is_label);
            if is_name { Ok(name.to_owned()) } else { Err(NoHostName(name.to_owned())) }
        });
        Ok(Self(checked.collect::<Result<_, _>>()?))
    }
}

impl fmt::Display for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(","))
    }
}

impl Hosts {
    /// The host, with the port if there is one, by which a request found this machine.
    ///
    /// # Errors
    /// It names no host, several, or one that is not of this machine.
    pub fn asked<'a>(&self, uri: &'a Uri, headers: &'a HeaderMap) -> Result<&'a str, UnknownHost> {
        let mut named = headers.get_all(HOST).iter();
        let (first, further) = (named.next(), named.next());
        let in_header = first.map(|host| host.to_str().map_err(|_| UnknownHost)).transpose()?;
        let in_target = uri.authority().map(Authority::as_str);
        let asked = match (in_header, in_target) {
            (Some(header), Some(target)) if !header.eq_ignore_ascii_case(target) => return Err(UnknownHost),
            (Some(asked), _) | (None, Some(asked)) => asked,
            (None, None) => return Err(UnknownHost),
        };
        if further.is_none() && self.know(asked) { Ok(asked) } else { Err(UnknownHost) }
    }

    fn know(&self, asked: &str) -> bool {
        let Some((host, _)) = split(asked) else { return false };
        if let Some(bare) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            return bare.parse::<Ipv6Addr>().is_ok();
        }
        let is_named = |name: &str| host.eq_ignore_ascii_case(name);
        // A name with a colon is no authority; see `split`.
        host.parse::<IpAddr>().is_ok() || is_named("localhost") || self.0.iter().any(|name| is_named(name))
    }
}

/// Refuses what a page of another site made a browser send to the host `asked`, as [`Hosts::asked`] gave it. Another port is
/// another site. Each header counts as often as it comes.
///
/// # Errors
/// It did, or may have done so.
pub fn check_page(asked: Option<&str>, headers: &HeaderMap) -> Result<(), OtherSite> {
    let fetched_here = |value: &[u8]| matches!(value, b"same-origin" | b"none");
    let is_fetched_here =
        headers.get_all("sec-fetch-site").iter().all(|value| fetched_here(value.as_bytes()));
    if is_fetched_here { check_origin(asked, headers) } else { Err(OtherSite) }
}

/// The part of [`check_page`] that is about `Origin`.
///
/// # Errors
/// There is one, and it is not `asked` with the same scheme and port.
pub fn check_origin(asked: Option<&str>, headers: &HeaderMap) -> Result<(), OtherSite> {
    let is_own = |origin: &str| {
        let own = asked.and_then(|asked| origin_of(scheme(headers), asked));
        let (scheme, rest) = origin.split_once("://")?;
        Some(own.is_some() && origin_of(scheme, rest) == own)
    };
    let mut origins = headers.get_all(ORIGIN).iter();
    let all_own = origins.all(|origin| origin.to_str().ok().and_then(is_own).unwrap_or(false));
    if all_own { Ok(()) } else { Err(OtherSite) }
}

/// What no other site may do with an answer: embed, frame or guess at it. A browser says whose page asks only to `localhost` and
/// over TLS, and so these also keep pages from reading by a plain address or name.
const RULES: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
];

/// Tells browsers what they must not do with an answer. What it says itself, as a page does that needs its own styles, stays.
pub fn protect(answer: &mut HeaderMap) {
    for (name, rule) in &RULES {
        answer.entry(name).or_insert(HeaderValue::from_static(rule));
    }
}

/// How a browser reaches this machine: by TLS only if a proxy in between says so. No page can say it in a proxy's place: a
/// browser asks first whether it may send this header elsewhere, and is refused.
fn scheme(headers: &HeaderMap) -> &'static str {
    let said = headers.get("x-forwarded-proto").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let first = said.split(',').next().unwrap_or_default().trim();
    if first.eq_ignore_ascii_case("https") { "https" } else { "http" }
}

/// Scheme, host in lower case and port, of which each has one.
fn origin_of(scheme: &str, authority: &str) -> Option<(String, String, u16)> {
    let default = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let (host, port) = split(authority)?;
    Some((scheme.to_owned(), host.to_ascii_lowercase(), port.unwrap_or(default)))
}

/// Host and port; `None` for what is not just these.
fn split(authority: &str) -> Option<(&str, Option<u16>)> {
    let end = if authority.starts_with('[') {
        authority.find(']')? + 1
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (host, rest) = authority.split_at(end);
    match rest.strip_prefix(':') {
        None if rest.is_empty() => Some((host, None)),
        Some("") => Some((host, None)),
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some((host, Some(digits.parse().ok()?)))
        }
        _ => None,
    }
}
