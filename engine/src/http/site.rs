//! Which web page made a browser send a request, and by which name it found this machine.
//!
//! Everybody may read here without a password. A page of another site must not use its visitor's browser to do so: not
//! by a request of its own (`Origin`, `Sec-Fetch-Site`), and not by a name of its own that it points to this machine
//! (DNS rebinding, which shows in `Host`). Programs send neither of the first two.

use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, StatusCode, Uri};

/// Why nothing is done for a request.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) reason: &'static str,
}

const OTHER_SITE: Refusal = Refusal {
    status: StatusCode::FORBIDDEN,
    reason: "Code: 497. DB::Exception: requests from web pages of other sites are refused; another port of this \
             machine is another site. (ACCESS_DENIED)\n",
};

const OTHER_HOST: Refusal = Refusal {
    status: StatusCode::MISDIRECTED_REQUEST,
    reason: "Code: 497. DB::Exception: this server does not know the host in the request. Use an IP address or \
             localhost, or add the name to LOG_CENTER_HOSTS. (ACCESS_DENIED)\n",
};

/// Refuses what a page of another site made a browser send. Each header counts as often as it comes.
pub(super) fn check(uri: &Uri, headers: &HeaderMap, hosts: &[String]) -> Result<(), Refusal> {
    let known = |authority: Option<Authority>| authority.is_some_and(|named| is_known(&named, hosts));
    if uri.authority().is_some_and(|named| !is_known(named, hosts)) {
        return Err(OTHER_HOST);
    }
    if !headers.get_all(HOST).iter().all(|host| known(Authority::try_from(host.as_bytes()).ok())) {
        return Err(OTHER_HOST);
    }
    let fetched_here = |value: &[u8]| matches!(value, b"same-origin" | b"none");
    if !headers.get_all("sec-fetch-site").iter().all(|value| fetched_here(value.as_bytes())) {
        return Err(OTHER_SITE);
    }
    let host = headers.get(HOST).map(|host| host.as_bytes());
    let own = |origin: &[u8]| host.is_some() && origin.strip_prefix(b"http://") == host;
    if !headers.get_all(ORIGIN).iter().all(|origin| own(origin.as_bytes())) {
        return Err(OTHER_SITE);
    }
    Ok(())
}

/// An IP address cannot be pointed elsewhere, nor can `localhost` in a browser.
fn is_known(authority: &Authority, hosts: &[String]) -> bool {
    let host = authority.host().trim_matches(['[', ']']);
    let is_named = |name: &str| host.eq_ignore_ascii_case(name.trim());
    host.parse::<std::net::IpAddr>().is_ok()
        || is_named("localhost")
        || hosts.iter().any(|name| is_named(name))
}
