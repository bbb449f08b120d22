//! Events that are more than their level says. They are ordinary events of `tracing` under a name of their own, which
//! the layer knows them by.

/// An event of the business, for analysts to count: what was sold, not how the program fared. Takes what
/// [`tracing::info!`](https://docs.rs/tracing/latest/tracing/macro.info.html) takes, `target:` and `parent:`
/// included, and is filtered like an INFO event.
///
/// Its record has the `scope` `biz`, inside a request with the request's ids as well. The message names the event,
/// the fields are what is counted: a constant message, and names that stay.
///
/// ```
/// let records = log_center::testing::capture("shop", || {
///     let _request = tracing::info_span!("request", req_id = "req_abc123", uid = 42).entered();
///     log_center::biz!(sku = "A-7", amount_cents = 1999, currency = "EUR", "order placed");
/// });
/// assert_eq!(records[0]["scope"], "biz");
/// assert_eq!(records[0]["msg"], "order placed");
/// assert_eq!(records[0]["uid"], "42");
/// assert_eq!(records[0]["extra"], "sku=A-7 amount_cents=1999 currency=EUR");
/// ```
///
/// In the server's database that is one row of the view `biz_events`, to be counted by `msg`, `extra`, `uid` and day.
#[macro_export]
macro_rules! biz {
    ($($arguments:tt)+) => {
        $crate::__private::tracing::info!(name: "log_center::biz", $($arguments)+)
    };
}

/// An event after which the process cannot go on and an operator is needed. Takes what
/// [`tracing::error!`](https://docs.rs/tracing/latest/tracing/macro.error.html) takes, and is filtered like an ERROR
/// event. It ends nothing: that is the program's to do.
///
/// Its record has level 60 and, as every ERROR, an `err` and an `event_id`, and is sent to the server.
///
/// ```
/// let records = log_center::testing::capture("shop", || {
///     if let Err(error) = "eighty".parse::<u16>() {
///         log_center::fatal!(error = &error as &dyn std::error::Error, "no port to listen on");
///     }
/// });
/// assert_eq!(records[0]["level"], 60);
/// assert_eq!(records[0]["err"]["type"], "ParseIntError");
/// ```
#[macro_export]
macro_rules! fatal {
    ($($arguments:tt)+) => {
        $crate::__private::tracing::error!(name: "log_center::fatal", $($arguments)+)
    };
}

/// What the macros need in a program that does not depend on it by this name. No part of the interface.
#[doc(hidden)]
pub mod __private {
    pub use tracing;
}
