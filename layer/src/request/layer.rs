use super::client::ClientAddress;
use super::service::RequestService;
use http::HeaderName;
use http::request::Parts;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use tower_layer::Layer;

/// The layer for services. Its settings are for the whole service; clones share them.
#[derive(Debug, Clone)]
#[must_use = "a layer does nothing until it is put on a service"]
pub struct RequestLayer {
    settings: Settings,
}

/// Finds something in the head of a request.
type Find<T> = Arc<dyn Fn(&Parts) -> Option<T> + Send + Sync>;

#[derive(Clone)]
pub(super) struct Settings {
    pub(super) address: ClientAddress,
    pub(super) rrdid_header: HeaderName,
    pub(super) rrdid_cookie: Arc<str>,
    pub(super) route: Find<String>,
    pub(super) peer: Find<IpAddr>,
}

impl RequestLayer {
    /// With the defaults that the methods tell.
    pub fn new() -> Self {
        let settings = Settings {
            address: ClientAddress::default(),
            rrdid_header: HeaderName::from_static("x-rrdid"),
            rrdid_cookie: "rrdid".into(),
            route: Arc::new(matched_path),
            peer: Arc::new(connected),
        };
        Self { settings }
    }

    /// Where `d.ip` comes from. Default: [`ClientAddress::Peer`]; no header is trusted that is not named here.
    pub fn client_address(mut self, from: ClientAddress) -> Self {
        self.settings.address = from;
        self
    }

    /// The header that holds `rrdid`. It goes before the cookie. Default: `x-rrdid`.
    pub fn rrdid_header(mut self, name: HeaderName) -> Self {
        self.settings.rrdid_header = name;
        self
    }

    /// The cookie that holds `rrdid`. Default: `rrdid`.
    pub fn rrdid_cookie(mut self, name: &str) -> Self {
        self.settings.rrdid_cookie = name.into();
        self
    }

    /// How to find the pattern that a request matched. Default: axum's `MatchedPath` with the feature `axum`, for
    /// which the layer has to be one of the `Router`; else none, and records have no `route`.
    pub fn route(mut self, find: impl Fn(&Parts) -> Option<String> + Send + Sync + 'static) -> Self {
        self.settings.route = Arc::new(find);
        self
    }

    /// How to find the other end of the connection. Default: axum's `ConnectInfo<SocketAddr>` with the feature
    /// `axum`, for which the service has to be made by `into_make_service_with_connect_info`; else none.
    pub fn peer(mut self, find: impl Fn(&Parts) -> Option<IpAddr> + Send + Sync + 'static) -> Self {
        self.settings.peer = Arc::new(find);
        self
    }
}

impl Default for RequestLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for RequestLayer {
    type Service = RequestService<S>;

    fn layer(&self, inner: S) -> RequestService<S> {
        RequestService::new(inner, self.settings.clone())
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("address", &self.address).finish_non_exhaustive()
    }
}

#[cfg(feature = "axum")]
fn matched_path(parts: &Parts) -> Option<String> {
    parts.extensions.get::<axum::extract::MatchedPath>().map(|path| path.as_str().to_owned())
}

#[cfg(feature = "axum")]
fn connected(parts: &Parts) -> Option<IpAddr> {
    use axum::extract::ConnectInfo;
    use std::net::SocketAddr;
    parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip())
}

#[cfg(not(feature = "axum"))]
fn matched_path(_: &Parts) -> Option<String> {
    None
}

#[cfg(not(feature = "axum"))]
fn connected(_: &Parts) -> Option<IpAddr> {
    None
}
