use crate::connection::Refusals;

/// An answer as it goes over the wire, after which the connection is closed.
macro_rules! answer {
    ($status:literal, $code:literal, $text:literal) => {
        concat!(
            "HTTP/1.1 ",
            $status,
            "\r\nContent-Type: text/plain; charset=UTF-8\r\nX-ClickHouse-Exception-Code: ",
            $code,
            "\r\nConnection: close\r\n\r\nCode: ",
            $code,
            ". DB::Exception: ",
            $text,
            "\n"
        )
    };
}

/// In ClickHouse's words.
pub(crate) const REFUSALS: Refusals = Refusals {
    slow_head: answer!(
        "408 Request Timeout",
        "209",
        "the head of the request did not arrive in time. (SOCKET_TIMEOUT)"
    ),
    too_many_connections: answer!(
        "503 Service Unavailable",
        "202",
        "too many connections. (TOO_MANY_SIMULTANEOUS_QUERIES)"
    ),
    bad_head: answer!("400 Bad Request", "36", "the head of the request is not HTTP. (BAD_ARGUMENTS)"),
    long_url: answer!(
        "414 URI Too Long",
        "229",
        "the URL is longer than 64 KiB; send the statement in the body of a POST. (QUERY_IS_TOO_LARGE)"
    ),
    long_head: answer!(
        "431 Request Header Fields Too Large",
        "229",
        "the head of the request is too long; send the statement in the body of a POST. (QUERY_IS_TOO_LARGE)"
    ),
};
