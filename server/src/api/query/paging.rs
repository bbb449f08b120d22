use super::Count;
use crate::api::cursor;
use crate::error::ApiError;
use crate::store::limits::{PAGE_ITEMS, PAGE_ITEMS_MAX};
use crate::store::place::Place;
use serde::Deserialize;
use utoipa::IntoParams;

/// How many items an answer has at most.
pub(crate) type Items = Count<PAGE_ITEMS, PAGE_ITEMS_MAX>;

/// Which page of a list is wanted.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Paging {
    /// Items on the page at most.
    #[serde(default)]
    #[param(inline)]
    limit: Items,
    /// The `next_cursor` of the page before; the other parameters stay the same.
    cursor: Option<String>,
}

impl Paging {
    /// How many items the page has at most.
    pub(crate) fn limit(&self) -> u32 {
        self.limit.0
    }

    /// The numbers in the cursor. `question` is what the cursor was made with.
    ///
    /// # Errors
    /// 422 naming `cursor`.
    pub(crate) fn after<const N: usize>(&self, question: &str) -> Result<Option<[u64; N]>, ApiError> {
        self.cursor.as_deref().map(|word| cursor::decode(question, word)).transpose()
    }

    /// The same, for a list of what happened.
    ///
    /// # Errors
    /// 422 naming `cursor`.
    pub(crate) fn after_place(&self, question: &str) -> Result<Option<Place>, ApiError> {
        Ok(self.after(question)?.map(Place::of_numbers))
    }
}
