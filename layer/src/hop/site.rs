use super::HopRecord;
use std::error::Error;
use tracing::Span;
use tracing_core::callsite::{Callsite, DefaultCallsite};
use tracing_core::field::{FieldSet, Value};
use tracing_core::metadata::Kind;
use tracing_core::{Dispatch, Event, Field, Level, LevelFilter, Metadata, identify_callsite};

/// Field names of every hop's event.
const FIELDS: &[&str] = &["message", "hop"];

/// One kind of hop record: its constant message, its level and the target to filter it by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Site {
    message: &'static str,
    callsite: &'static DefaultCallsite,
}

/// The events are made by hand: a macro's would go to the thread's subscriber, which need not be the span's,
/// and would blame a line in this crate for what went wrong in a program.
macro_rules! site {
    ($name:ident, $target:literal, $level:ident, $message:literal) => {
        #[doc = $message]
        pub(crate) const $name: Site = {
            static CALLSITE: DefaultCallsite = {
                static METADATA: Metadata<'static> = Metadata::new(
                    $message,
                    $target,
                    Level::$level,
                    None,
                    None,
                    None,
                    FieldSet::new(FIELDS, identify_callsite!(&CALLSITE)),
                    Kind::EVENT,
                );
                DefaultCallsite::new(&METADATA)
            };
            Site { message: $message, callsite: &CALLSITE }
        };
    };
}

#[cfg(feature = "tower")]
impl Site {
    site!(REQUEST_RECEIVED, "log_center::request", INFO, "request received");
    site!(REQUEST_ANSWERED, "log_center::request", INFO, "request answered");
    site!(REQUEST_FAILED, "log_center::request", WARN, "request failed");
    site!(REQUEST_CANCELLED, "log_center::request", INFO, "request cancelled");
    site!(REQUEST_PANICKED, "log_center::request", ERROR, "request panicked");
}

#[cfg(feature = "reqwest")]
impl Site {
    site!(CALL_BEGINS, "log_center::call", INFO, "call begins");
    site!(CALL_ANSWERED, "log_center::call", INFO, "call answered");
    site!(CALL_FAILED, "log_center::call", WARN, "call failed");
}

impl Site {
    /// Writes a record inside of a span, if anybody wants it.
    pub(crate) fn write(self, span: &Span, make: impl FnOnce() -> HopRecord) {
        span.with_subscriber(|(id, dispatch)| {
            if !self.is_enabled(dispatch) {
                return;
            }
            let metadata = self.callsite.metadata();
            let fields = metadata.fields();
            let mut fields_in_order = fields.iter();
            let (Some(message), Some(hop)) = (fields_in_order.next(), fields_in_order.next()) else { return };
            let record = make();
            let error: &(dyn Error + 'static) = &record;
            let values: [(&Field, Option<&dyn Value>); 2] =
                [(&message, Some(&self.message)), (&hop, Some(&error))];
            dispatch.event(&Event::new_child_of(id.clone(), metadata, &fields.value_set(&values)));
        });
    }

    fn is_enabled(self, dispatch: &Dispatch) -> bool {
        let metadata = self.callsite.metadata();
        if *metadata.level() > LevelFilter::current() {
            return false;
        }
        let interest = self.callsite.interest();
        !interest.is_never() && (interest.is_always() || dispatch.enabled(metadata))
    }
}
