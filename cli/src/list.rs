//! Lists of the API, page after page.

use super::client::{Client, unreadable};
use super::out::Out;
use super::parameters::Parameters;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// Items on one page: the most that the server gives.
const PAGE: usize = 500;

/// The beginning of a list.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// The items, each as JSON on one line.
    pub(super) items: Vec<String>,
    /// There are more.
    pub(super) has_more: bool,
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
    next_cursor: Option<String>,
}

impl Listed {
    /// Prints the items: as JSON, as `show` shows one to a person, or as it makes cells of one for a program, below their names.
    ///
    /// # Errors
    /// An item has another form than this program knows, or the output is closed.
    pub(super) fn print<T: DeserializeOwned>(
        &self,
        out: &mut Out,
        is_json: bool,
        columns: &[&str],
        show: impl Fn(&mut Out, &T) -> std::io::Result<()>,
    ) -> anyhow::Result<()> {
        if !is_json && !out.is_terminal() {
            out.cells(columns)?;
        }
        for text in &self.items {
            if is_json {
                out.json(text)?;
            } else {
                show(out, &item(text)?)?;
            }
        }
        Ok(out.flush()?)
    }
}

/// The first `count` items of a list.
///
/// # Errors
/// The server does not answer, or refuses.
pub(super) fn first(
    client: &Client,
    path: &str,
    parameters: &Parameters,
    count: usize,
) -> anyhow::Result<Listed> {
    let mut listed = Listed::default();
    let mut cursor = None;
    while listed.items.len() < count {
        let limit = (count - listed.items.len()).min(PAGE);
        let address =
            parameters.clone().with("limit", Some(limit)).with("cursor", cursor.as_deref()).behind(path);
        let text = client.text(client.get(&address, &[])?)?;
        let page: Page<'_> = serde_json::from_str(&text).map_err(|error| unreadable(&error))?;
        listed.items.extend(page.items.into_iter().map(|item| item.get().to_owned()));
        listed.has_more = page.next_cursor.is_some();
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    Ok(listed)
}

/// An item as what is shown of it.
///
/// # Errors
/// It has another form than this program knows.
pub(super) fn item<'a, T: Deserialize<'a>>(text: &'a str) -> anyhow::Result<T> {
    serde_json::from_str(text).map_err(|error| unreadable(&error))
}
