use serde::Serialize;
use utoipa::ToSchema;

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// What is on the page.
    pub items: Vec<T>,
    /// Asks for the next page as `cursor`, together with the same other parameters; `null` on the last page.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// A page of `limit` items out of rows of which one more was asked for than fits.
    pub(super) fn cut(mut rows: Vec<T>, limit: u32, cursor: impl FnOnce(&[T]) -> Option<String>) -> Self {
        let limit = limit as usize;
        let has_next = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = if has_next { cursor(&rows) } else { None };
        Page { items: rows, next_cursor }
    }
}
