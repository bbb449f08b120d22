use crate::attributes::Attributes;

/// What does not fit the fields of a record, or of an object in it, on its way to `attributes`.
#[derive(Debug, Default)]
pub(crate) struct Leftovers {
    /// Where the object stands: empty, or `err.`.
    path: String,
    attributes: Attributes,
    /// Which known members are in there whole.
    kept: Vec<&'static str>,
    /// The texts that were cut, with their lengths in bytes.
    cuts: Vec<(String, usize)>,
    /// A member of the record itself that has the name under which the cuts are told.
    own_cut: Option<String>,
}

/// The name under which the cuts are told, and in there the one of a member that had this name already.
pub(crate) const CUT: &str = "cut";
const OWN: &str = "own";

impl Leftovers {
    /// Keeps a member that the contract does not know.
    pub(crate) fn keep(&mut self, key: &str, raw: &str) {
        if self.path.is_empty() && key == CUT {
            self.own_cut = Some(raw.to_owned());
        } else {
            self.attributes.json(key, raw);
        }
    }

    /// Keeps a known member whole.
    pub(crate) fn keep_known(&mut self, key: &'static str, raw: &str) {
        self.kept.push(key);
        self.attributes.json(key, raw);
    }

    /// Keeps the text of a known member, unless the member is kept already.
    pub(crate) fn keep_text(&mut self, key: &'static str, text: &str) {
        if !self.kept.contains(&key) {
            self.attributes.text(key, text);
        }
    }

    /// The same for a number.
    pub(crate) fn keep_number(&mut self, key: &'static str, number: u32) {
        if !self.kept.contains(&key) {
            self.attributes.checked(key, &number.to_string());
        }
    }

    /// Notes that a text is cut which had so many bytes.
    pub(crate) fn cut(&mut self, key: &str, bytes: usize) {
        self.cuts.push((format!("{}{key}", self.path), bytes));
    }

    /// For what is left over in an object that is a member.
    pub(crate) fn of_member(&self, key: &str) -> Self {
        Self { path: format!("{}{key}.", self.path), ..Self::default() }
    }

    /// Takes back what is left over in that object. It stands under its key.
    pub(crate) fn adopt(&mut self, key: &str, mut inner: Self) {
        if !inner.attributes.is_empty() {
            self.attributes.checked(key, &inner.attributes.finish());
        }
        self.cuts.append(&mut inner.cuts);
    }

    /// All of it as one JSON object; empty if there is nothing.
    pub(crate) fn finish(mut self) -> String {
        match (self.cuts.is_empty(), self.own_cut) {
            (true, None) => {}
            (true, Some(own)) => self.attributes.json(CUT, &own),
            (false, own) => {
                let mut told = Attributes::default();
                for (path, bytes) in &self.cuts {
                    told.checked(path, &bytes.to_string());
                }
                if let Some(own) = own {
                    told.json(OWN, &own);
                }
                self.attributes.checked(CUT, &told.finish());
            }
        }
        self.attributes.finish()
    }
}
