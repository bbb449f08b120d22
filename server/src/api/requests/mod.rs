//! `/api/v1/requests`: requests are found, and one is put back together.

mod list;
mod one;

use super::door::{Audience, Doors};
use utoipa_axum::routes;

/// The routes of this noun.
pub fn routes(doors: Doors) -> Doors {
    doors
        .documented(Audience::ThisSiteReads, routes!(list::list))
        .documented(Audience::ThisSiteReads, routes!(one::one))
}
