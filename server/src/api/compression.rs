//! Answers are compressed for whoever asks for it with `Accept-Encoding`: gzip, br or zstd.

use axum::extract::Request;
use axum::http::header::ACCEPT_ENCODING;
use axum::http::{HeaderMap, HeaderValue};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};

/// Smallest body that is compressed, in bytes: a smaller one fits into one packet anyway. A body whose size nobody knows before its end is
/// compressed.
const COMPRESSED_BYTES_MIN: u64 = 1 << 10;

/// What the layer can do. `x-gzip` is another name of gzip.
const ENCODINGS: [&str; 4] = ["gzip", "x-gzip", "br", "zstd"];

/// Compresses all but small answers, pictures, and server-sent events: whoever follows those wants each one when it comes.
pub(crate) fn compression() -> CompressionLayer<impl Predicate> {
    let predicate =
        SizeAbove::new(COMPRESSED_BYTES_MIN).and(NotForContentType::IMAGES).and(NotForContentType::SSE);
    CompressionLayer::new().compress_when(predicate)
}

/// Takes out of the request what the layer cannot do. It would answer 406 to who accepts nothing that it knows, after the report is stored;
/// such a client gets the answer as it is.
pub(crate) fn with_known_encodings(mut request: Request) -> Request {
    let headers = request.headers_mut();
    if headers.contains_key(ACCEPT_ENCODING) {
        let known = known(headers);
        headers.remove(ACCEPT_ENCODING);
        let known = HeaderValue::try_from(known).ok().filter(|known| !known.is_empty());
        headers.extend(known.map(|known| (ACCEPT_ENCODING, known)));
    }
    request
}

fn known(headers: &HeaderMap) -> String {
    let all = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let all = all.flat_map(|value| value.split(','));
    let is_known = |encoding: &&str| {
        let name = encoding.split(';').next().unwrap_or_default().trim();
        ENCODINGS.iter().any(|known| known.eq_ignore_ascii_case(name))
    };
    all.filter(is_known).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    #[track_caller]
    fn check(accepted: &[&str], expected: Option<&str>) {
        let mut request = Request::new(Body::empty());
        for value in accepted {
            request.headers_mut().append(ACCEPT_ENCODING, value.parse().unwrap());
        }
        let request = with_known_encodings(request);
        let kept: Vec<_> = request.headers().get_all(ACCEPT_ENCODING).iter().collect();
        assert_eq!(kept, expected.into_iter().collect::<Vec<_>>(), "{accepted:?}");
    }

    #[test]
    fn what_nobody_here_knows_is_passed_over() {
        check(&[], None);
        check(&["gzip"], Some("gzip"));
        check(&["gzip;q=0.5", "deflate, ZSTD"], Some("gzip;q=0.5, ZSTD"));
        check(&["identity;q=0"], None);
        check(&["*;q=0"], None);
        check(&["identity;q=0, br"], Some(" br"));
    }
}
