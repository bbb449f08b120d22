//! What a row of the table of fields is, and the macro that reads the table.
//!
//! A macro and not a build step: what it makes stands where the table stands, so that the compiler, rustdoc and an editor
//! know it without a generated file, and a mistake is shown in the row where it was made. The macro itself does nothing but copy: each
//! of its parts is a piece of Rust with one line repeated for each row. What differs between types of columns is in
//! [`ColumnType`](super::kind::ColumnType), what is computed from the table in functions over [`Column`].

use super::field::Field;

/// A column of `event_store`: a row of the table.
#[derive(Debug)]
pub struct Column {
    /// Its name, there and in the view `events`.
    pub name: &'static str,
    /// Its type, as ClickHouse calls it.
    pub sql_type: &'static str,
    /// Its type in the views.
    pub view_type: &'static str,
    /// Its value in the views.
    pub(crate) in_view: fn(&str) -> String,
    /// What it holds, in one line.
    pub comment: &'static str,
    /// Its place in a record as the API answers it; `None` if it is not answered.
    pub record: Option<Member>,
    /// The field of a search that it is; `None` if nobody can search for it.
    pub search: Option<Field>,
    /// The views besides `events` that have it as it is.
    pub(crate) views: &'static [&'static str],
    /// The first version of the spool's rows that has it.
    pub(crate) since: u8,
}

/// A place in a record: `tm`, or `err.msg` in the object `err`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// The object that it is in.
    pub object: Option<&'static str>,
    /// Its name there.
    pub name: &'static str,
    /// Whether it is there although it is empty, provided that its object is.
    pub is_always: bool,
}

impl Member {
    /// The place that is written so.
    pub(super) const fn new(path: &'static str, is_always: bool) -> Self {
        let bytes = path.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            if bytes[at] == b'.' {
                let (object, rest) = path.split_at(at);
                let (_, name) = rest.split_at(1);
                return Self { object: Some(object), name, is_always };
            }
            at += 1;
        }
        Self { object: None, name: path, is_always }
    }
}

/// Reads the table of fields. A row is
///
/// ```text
/// /// What the column holds.
/// name: Type { sent field; record "place" always; search Kind::….named(…); views [ … ]; empty value; since version; }
/// ```
/// where each of the parts may be left out, and `always`, too. `sent` names the field of a record of `wire` that is the value as it
/// is; what is judged or computed on the way has none.
macro_rules! columns {
    (
        members { $(
            #[doc = $comment:literal]
            $name:ident: $kind:ty {
                $(sent $($sent:ident).+;)?
                $(record $record:literal $($always:ident)?;)?
                $(search $search:expr;)?
                $(views $views:expr;)?
                $(empty $empty:expr;)?
                $(since $since:literal;)?
            }
        )* }
        computed { $(
            #[doc = $computed_comment:literal]
            $computed:ident: $computed_kind:ty = $compute:path {
                $(record $computed_record:literal $($computed_always:ident)?;)?
                $(search $computed_search:expr;)?
                $(views $computed_views:expr;)?
                $(since $computed_since:literal;)?
            }
        )* }
    ) => {
        /// What the server accepted: one row of `event_store` to be.
        #[derive(Debug, Clone, PartialEq)]
        pub struct Event<'a> {
            $(#[doc = $comment] pub $name: <$kind as ColumnType>::Value<'a>,)*
            /// What it is known by if it comes again; `None` = every arrival counts.
            pub identity: Option<Identity>,
        }

        impl<'a> Event<'a> {
            /// An event of a project of which nothing else is known.
            pub fn empty(project: Cow<'a, str>) -> Self {
                let empty = Self {
                    $($name: given!([$($empty)?] else <$kind as ColumnType>::empty()),)*
                    identity: None,
                };
                Self { project, ..empty }
            }

            /// What a record says in so many words: its values for the rows with `sent`, which it loses. The others are empty.
            pub fn sent(record: &mut log_center_wire::Record) -> Self {
                Self {
                    $($name: given!(
                        [$(std::mem::take(&mut record$(.$sent)+).into())?]
                        else given!([$($empty)?] else <$kind as ColumnType>::empty())
                    ),)*
                    identity: None,
                }
            }

            /// Hands the values of all columns over, in the order of [`COLUMNS`].
            pub(crate) fn write(&self, out: &mut impl Columns) {
                $(<$kind as ColumnType>::write(&self.$name, out);)*
                $(<$computed_kind as ColumnType>::write(&$compute(self), out);)*
            }
        }

        /// An event as it is read back: a bunyan record, and what the server knows of it.
        #[derive(Debug, Clone, clickhouse::Row, Deserialize)]
        pub struct Record {
            $($(
                #[doc = concat!("`", $record, "`:", $comment)]
                pub $name: <$kind as ColumnType>::Stored,
            )?)*
            $($(
                #[doc = concat!("`", $computed_record, "`:", $computed_comment)]
                pub $computed: <$computed_kind as ColumnType>::Stored,
            )?)*
            /// Which insert of the writer brought it.
            pub batch: u64,
            /// Which of the events of that batch with this time it is.
            pub ordinal: u32,
        }

        impl Record {
            /// Shows each value with its place in the record, in the order of the table.
            pub(super) fn each<'r>(&'r self, mut show: impl FnMut(Member, Shown<'r>)) {
                $($(
                    let member = const { Member::new($record, is_given!($($always)?)) };
                    show(member, <$kind as ColumnType>::shown(&self.$name));
                )?)*
                $($(
                    let member = const { Member::new($computed_record, is_given!($($computed_always)?)) };
                    show(member, <$computed_kind as ColumnType>::shown(&self.$computed));
                )?)*
            }
        }

        /// What the API's documentation says of the type of each column, in the order of [`COLUMNS`].
        pub(super) const SCHEMAS: &[fn() -> ObjectBuilder] = &[
            $(<$kind as ColumnType>::schema,)*
            $(<$computed_kind as ColumnType>::schema,)*
        ];

        /// All columns, in the order in which `Event::write` hands them over. `batch` and `ordinal`, which are not known before the
        /// event is about to be inserted, are not among them.
        pub const COLUMNS: &[Column] = &[
            $(Column {
                name: stringify!($name),
                sql_type: <$kind as ColumnType>::SQL,
                view_type: <$kind as ColumnType>::VIEW_SQL,
                in_view: <$kind as ColumnType>::in_view,
                comment: $comment.trim_ascii(),
                record: given!([$(Some(Member::new($record, is_given!($($always)?))))?] else None),
                search: given!([$(Some($search.of(concat!("e.", stringify!($name)))))?] else None),
                views: given!([$(&$views)?] else &[]),
                since: given!([$($since)?] else FIRST_VERSION),
            },)*
            $(Column {
                name: stringify!($computed),
                sql_type: <$computed_kind as ColumnType>::SQL,
                view_type: <$computed_kind as ColumnType>::VIEW_SQL,
                in_view: <$computed_kind as ColumnType>::in_view,
                comment: $computed_comment.trim_ascii(),
                record: given!(
                    [$(Some(Member::new($computed_record, is_given!($($computed_always)?))))?] else None
                ),
                search: given!(
                    [$(Some($computed_search.of(concat!("e.", stringify!($computed)))))?] else None
                ),
                views: given!([$(&$computed_views)?] else &[]),
                since: given!([$($computed_since)?] else FIRST_VERSION),
            },)*
        ];
    };
}

/// What stands in brackets, or else the other.
macro_rules! given {
    ([] else $default:expr) => {
        $default
    };
    ([$given:expr] else $default:expr) => {
        $given
    };
}

/// Whether the word is there.
macro_rules! is_given {
    () => {
        false
    };
    (always) => {
        true
    };
}

pub(super) use {columns, given, is_given};
