//! What a request from a page of another web site is told, see [`crate::site`].

use http::{HeaderMap, StatusCode, Uri};

use crate::site::{self, Hosts};

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

/// Refuses what a page of another site made a browser send.
pub(super) fn check(uri: &Uri, headers: &HeaderMap, hosts: &Hosts) -> Result<(), Refusal> {
    let asked = hosts.asked(uri, headers).map_err(|_| OTHER_HOST)?;
    site::check_page(Some(asked), headers).map_err(|_| OTHER_SITE)
}
