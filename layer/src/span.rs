//! What the layer keeps of a span: its fields, escaped, and the way to the spans around it.
//!
//! A node is looked up in the registry once per event; from there links lead outwards, because each look-up costs
//! more than following all of them. A field recorded late is written into the node, so every open child sees it.

use crate::capture::{Captured, Column, Pair, Piece};
use crate::limits::{EXTRA_FIELDS, KEPT_BUFFER_BYTES, KEPT_SPANS};
use std::cell::RefCell;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tracing_core::Metadata;

thread_local! {
    /// The buffers of closed spans, for the next ones.
    static KEPT: RefCell<Vec<SpanFields>> = const { RefCell::new(Vec::new()) };
}

/// A span, as long as it or one inside of it lives.
pub(crate) struct SpanNode {
    fields: RwLock<SpanFields>,
    parent: Option<Arc<SpanNode>>,
    /// The nearest span around this one that can set a column.
    columns_above: Option<Arc<SpanNode>>,
    declares_columns: bool,
    opens_request: bool,
}

/// The fields of one span.
#[derive(Default)]
pub(crate) struct SpanFields {
    pub(crate) text: Vec<u8>,
    pub(crate) columns: [Option<Piece>; Column::COUNT],
    pub(crate) pairs: Vec<Pair>,
}

/// Whether a span of this kind opens a request: it declares a `req_id`, be it for later.
pub(crate) fn opens_request(metadata: &Metadata<'_>) -> bool {
    metadata.fields().field(Column::ReqId.name()).is_some()
}

impl SpanNode {
    pub(crate) fn new(
        metadata: &Metadata<'_>,
        parent: Option<Arc<SpanNode>>,
        captured: &Captured,
    ) -> Arc<SpanNode> {
        let opens_request = opens_request(metadata);
        let declares_columns =
            opens_request || metadata.fields().iter().any(|field| Column::named(field.name()).is_some());
        let columns_above = parent.as_ref().and_then(|parent| {
            if parent.declares_columns { Some(Arc::clone(parent)) } else { parent.columns_above.clone() }
        });
        let mut fields = KEPT
            .try_with(|kept| kept.try_borrow_mut().ok().and_then(|mut kept| kept.pop()))
            .ok()
            .flatten()
            .unwrap_or_default();
        fields.take(captured);
        let fields = RwLock::new(fields);
        Arc::new(SpanNode { fields, parent, columns_above, declares_columns, opens_request })
    }

    /// Whether `url`, `ip` and `ua` of this span are the client's.
    pub(crate) fn opens_request(&self) -> bool {
        self.opens_request
    }

    /// This span and those around it, from the inside out.
    pub(crate) fn outwards(&self) -> impl Iterator<Item = &SpanNode> {
        std::iter::successors(Some(self), |node| node.parent.as_deref())
    }

    /// Of those, the ones that can set a column.
    pub(crate) fn with_columns(&self) -> impl Iterator<Item = &SpanNode> {
        let first = if self.declares_columns { Some(self) } else { self.columns_above.as_deref() };
        std::iter::successors(first, |node| node.columns_above.as_deref())
    }

    pub(crate) fn fields(&self) -> RwLockReadGuard<'_, SpanFields> {
        self.fields.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds what was recorded on the span after it was made; what it said before under the same name is gone.
    pub(crate) fn record(&self, captured: &Captured) {
        self.fields_mut().take(captured);
    }

    fn fields_mut(&self) -> RwLockWriteGuard<'_, SpanFields> {
        self.fields.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SpanFields {
    fn take(&mut self, captured: &Captured) {
        for (index, piece) in captured.columns.iter().enumerate() {
            if let Some(piece) = piece {
                if let Some(old) = self.columns[index].take() {
                    self.remove(old);
                }
                self.columns[index] = Some(self.append(piece.of(&captured.text)));
            }
        }
        for pair in &captured.pairs {
            let key = pair.key(&captured.text);
            let same = self.pairs.iter().position(|old| old.key(&self.text) == key);
            if let Some(index) = same {
                let old = self.pairs.remove(index);
                self.remove(old.whole);
            } else if self.pairs.len() == EXTRA_FIELDS {
                continue;
            }
            let whole = self.append(pair.whole.of(&captured.text));
            self.pairs.push(Pair { whole, key_end: whole.start + key.len() });
        }
    }

    fn append(&mut self, bytes: &[u8]) -> Piece {
        let start = self.text.len();
        self.text.extend_from_slice(bytes);
        Piece { start, end: self.text.len() }
    }

    /// Takes a piece out of the text and moves everything behind it up, so that a value recorded a million times
    /// takes the room of one.
    fn remove(&mut self, gone: Piece) {
        let length = gone.end - gone.start;
        self.text.drain(gone.start..gone.end);
        let moved = |position: usize| if position >= gone.end { position - length } else { position };
        for piece in self.columns.iter_mut().flatten() {
            *piece = Piece { start: moved(piece.start), end: moved(piece.end) };
        }
        for pair in &mut self.pairs {
            pair.whole = Piece { start: moved(pair.whole.start), end: moved(pair.whole.end) };
            pair.key_end = moved(pair.key_end);
        }
    }
}

impl Drop for SpanNode {
    fn drop(&mut self) {
        let mut fields = std::mem::take(&mut *self.fields_mut());
        if fields.text.capacity() > KEPT_BUFFER_BYTES || fields.text.capacity() == 0 {
            return;
        }
        fields.text.clear();
        fields.columns = Default::default();
        fields.pairs.clear();
        let _ = KEPT.try_with(|kept| {
            if let Ok(mut kept) = kept.try_borrow_mut() {
                if kept.len() < KEPT_SPANS {
                    kept.push(fields);
                }
            }
        });
    }
}
