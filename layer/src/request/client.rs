use http::HeaderName;
use http::header::COOKIE;
use http::request::Parts;
use std::net::{IpAddr, SocketAddr};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Where the address of the client comes from. Anybody can send any header: name one only if a proxy in front of this
/// service sets it, and nobody reaches the service around that proxy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ClientAddress {
    /// The other end of the connection. The default.
    #[default]
    Peer,
    /// `X-Forwarded-For`, to which each proxy has appended the address that it saw. So many entries from the end the
    /// client's stands: 1 with a single proxy in front. What the client itself wrote there is further left.
    ForwardedFor {
        /// How many proxies there are; 0 counts as 1.
        proxies: usize,
    },
    /// A header with one address, e.g. `X-Real-IP`, which the proxy must overwrite.
    Header(HeaderName),
}

impl ClientAddress {
    /// The client's address. The peer's if the header that was named is absent or holds none.
    pub(super) fn of(&self, parts: &Parts, peer: Option<IpAddr>) -> Option<IpAddr> {
        let named = match self {
            ClientAddress::Peer => None,
            ClientAddress::ForwardedFor { proxies } => {
                // Several headers of one name are one list.
                let lists: Vec<&str> = parts
                    .headers
                    .get_all(FORWARDED_FOR)
                    .iter()
                    .filter_map(|value| value.to_str().ok())
                    .collect();
                lists.iter().flat_map(|list| list.split(',')).rev().nth(proxies.max(&1) - 1).and_then(address)
            }
            ClientAddress::Header(name) => text(parts, name).and_then(address),
        };
        named.or(peer)
    }
}

/// An address, with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse().ok().map(|address: SocketAddr| address.ip()))
}

/// The long-lived id of the client's device: by the header, else by the cookie.
pub(super) fn rrdid<'a>(parts: &'a Parts, header: &HeaderName, cookie: &str) -> Option<&'a str> {
    text(parts, header).or_else(|| {
        let cookies = parts.headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        cookies.flat_map(|value| value.split(';')).find_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            (name.trim() == cookie).then(|| value.trim().trim_matches('"')).filter(|id| !id.is_empty())
        })
    })
}

/// A header's value, if it is visible text.
pub(super) fn text<'a>(parts: &'a Parts, name: &HeaderName) -> Option<&'a str> {
    parts.headers.get(name)?.to_str().ok().map(str::trim).filter(|value| !value.is_empty())
}
