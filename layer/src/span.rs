//! What the layer keeps of a span: its fields, escaped, and the way to the spans around it.
//!
//! A node is looked up in the registry once per event; from there links lead outwards, because each look-up costs
//! more than following all of them. A field recorded late is written into the node, so every open child sees it.

use crate::fields::{Column, Fields};
use crate::limits::KEPT_SPANS;
use std::cell::{Cell, RefCell};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use tracing_core::{Field, Metadata};

/// How many callsites a thread knows the [`Kind`] of.
const KINDS: usize = 64;

thread_local! {
    /// The buffers of closed spans, for the next ones.
    static KEPT: RefCell<Vec<Fields>> = const { RefCell::new(Vec::new()) };

    /// Kinds by the address of the callsite's metadata, which stays what it is.
    static KNOWN: [Cell<(usize, Kind)>; KINDS] =
        const { [const { Cell::new((0, Kind { declares_columns: false, opens_request: false })) }; KINDS] };
}

/// A span, as long as it or one inside of it lives.
pub(crate) struct SpanNode {
    fields: RwLock<Fields>,
    parent: Option<Arc<SpanNode>>,
    /// The nearest span around this one that can set a column.
    columns_above: Option<Arc<SpanNode>>,
    kind: Kind,
}

/// What the spans of one callsite have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    declares_columns: bool,
    /// It declares a `req_id`, be it for later: `url`, `ip` and `ua` are the client's.
    pub(crate) opens_request: bool,
}

impl Kind {
    /// By the names of the fields, which are compared once for each thread as long as few callsites share the place.
    pub(crate) fn of(metadata: &'static Metadata<'static>) -> Self {
        let address = std::ptr::from_ref(metadata).addr();
        let read = || {
            let opens_request = metadata.fields().field(Column::ReqId.name()).is_some();
            let declares = |field: Field| Column::named(field.name()).is_some();
            Self { opens_request, declares_columns: metadata.fields().iter().any(declares) }
        };
        let known = |kinds: &[Cell<(usize, Kind)>; KINDS]| {
            // Metadata is larger than 64 bytes, so neighbours fall into different places.
            let place = &kinds[address / 64 % KINDS];
            if place.get().0 != address {
                place.set((address, read()));
            }
            place.get().1
        };
        KNOWN.try_with(known).unwrap_or_else(|_| read())
    }
}

impl SpanNode {
    /// Takes over what was captured, and leaves empty buffers for it.
    pub(crate) fn new(
        kind: Kind,
        parent: Option<Arc<SpanNode>>,
        captured: Option<&mut Fields>,
    ) -> Arc<SpanNode> {
        let columns_above = parent.as_ref().and_then(|parent| {
            if parent.kind.declares_columns { Some(Arc::clone(parent)) } else { parent.columns_above.clone() }
        });
        let mut fields = KEPT
            .try_with(|kept| kept.try_borrow_mut().ok().and_then(|mut kept| kept.pop()))
            .ok()
            .flatten()
            .unwrap_or_default();
        if let Some(captured) = captured {
            std::mem::swap(captured, &mut fields);
        }
        let fields = RwLock::new(fields);
        Arc::new(SpanNode { fields, parent, columns_above, kind })
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn is_outermost(&self) -> bool {
        self.parent.is_none()
    }

    /// This span and those around it, from the inside out.
    pub(crate) fn outwards(&self) -> impl Iterator<Item = &SpanNode> {
        std::iter::successors(Some(self), |node| node.parent.as_deref())
    }

    /// Of those, the ones that can set a column.
    pub(crate) fn with_columns(&self) -> impl Iterator<Item = &SpanNode> {
        let first = if self.kind.declares_columns { Some(self) } else { self.columns_above.as_deref() };
        std::iter::successors(first, |node| node.columns_above.as_deref())
    }

    pub(crate) fn fields(&self) -> RwLockReadGuard<'_, Fields> {
        self.fields.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds what was recorded on the span after it was made; what it said before under the same name is gone.
    pub(crate) fn record(&self, later: &Fields) {
        self.fields.write().unwrap_or_else(PoisonError::into_inner).update(later);
    }
}

impl Drop for SpanNode {
    fn drop(&mut self) {
        let _ = KEPT.try_with(|kept| {
            let Ok(mut kept) = kept.try_borrow_mut() else { return };
            let fields = self.fields.get_mut().unwrap_or_else(PoisonError::into_inner);
            if kept.len() < KEPT_SPANS && !fields.is_oversized() {
                let mut fields = std::mem::take(fields);
                fields.clear();
                kept.push(fields);
            }
        });
    }
}
