//! The fields that a search can name, and the columns that hold them.

/// A field of an event.
#[derive(Debug, PartialEq)]
pub struct Field {
    /// Its name in a search.
    pub name: &'static str,
    /// Other names that people try.
    pub aliases: &'static [&'static str],
    /// What it holds, as SQL over `event_store AS e`.
    pub(crate) column: &'static str,
    /// How its values are compared.
    pub(super) kind: Kind,
    /// Whether a facet can count its values: there must be few different ones.
    is_countable: bool,
}

/// How the values of a field are compared, and what it holds where an event does not have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// As a whole, letter case included. Absent: empty.
    Word,
    /// As a whole; the column is in lower case, so letter case does not matter. Absent: empty.
    LowerWord,
    /// As one of these words. Absent: empty.
    Choice(&'static [&'static str]),
    /// By the text that it contains, in any letter case. Absent: empty.
    Text,
    /// By the values inside of its JSON, each as [`Kind::Text`]. Absent: empty.
    Json,
    /// As a number. Absent: NULL.
    Number,
    /// As a whole number. Absent: 0.
    Id,
    /// As a level, by its name or number. Never absent.
    Level,
    /// As a time. Never absent.
    Time,
}

const fn field(
    name: &'static str,
    aliases: &'static [&'static str],
    column: &'static str,
    kind: Kind,
) -> Field {
    let is_countable = matches!(kind, Kind::Word | Kind::LowerWord | Kind::Choice(_) | Kind::Level);
    Field { name, aliases, column, kind, is_countable }
}

/// A field whose values can be counted although its kind alone does not say so.
const fn countable(field: Field) -> Field {
    Field { is_countable: true, ..field }
}

/// The verdict on a hop, for the record that ends it.
const STATE: &str = "multiIf(e.event != 'client-res', '', \
    e.status >= 500 OR e.level >= 50 OR e.err_type != '' OR e.err_msg != '', 'error', 'ok')";

/// All fields, in the order of the documentation.
pub static FIELDS: [Field; 45] = [
    field("time", &[], "e.time", Kind::Time),
    field("level", &[], "e.level", Kind::Level),
    field("service", &["project", "name"], "e.project", Kind::Word),
    field("environment", &["env"], "e.environment", Kind::LowerWord),
    field("version", &[], "e.version", Kind::Word),
    field("commit_hash", &["commit"], "e.commit_hash", Kind::Word),
    field("hostname", &["host"], "e.hostname", Kind::Word),
    countable(field("pid", &[], "e.pid", Kind::Id)),
    field("scope", &[], "e.scope", Kind::LowerWord),
    field("event", &[], "e.event", Kind::LowerWord),
    field("state", &[], STATE, Kind::Choice(&["ok", "error"])),
    field("source", &[], "e.source", Kind::LowerWord),
    countable(field("msg", &["message"], "e.msg", Kind::Text)),
    field("extra", &[], "e.extra", Kind::Text),
    field("req_id", &["request_id", "request"], "e.req_id", Kind::Word),
    field("span_id", &[], "e.span_id", Kind::Word),
    field("parent_id", &[], "e.parent_id", Kind::Word),
    field("uid", &["user", "user_id"], "e.uid", Kind::Word),
    field("rrdid", &[], "e.rrdid", Kind::Word),
    field("url", &[], "e.url", Kind::Text),
    field("ip", &[], "e.ip", Kind::Word),
    countable(field("ua", &["user_agent"], "e.ua", Kind::Text)),
    field("method", &[], "e.method", Kind::Word),
    field("route", &[], "e.route", Kind::Word),
    countable(field("status", &[], "e.status", Kind::Id)),
    field("tm", &["duration_ms"], "e.tm", Kind::Number),
    countable(field("issue", &["issue_id"], "e.issue_id", Kind::Id)),
    field("err.type", &["type"], "e.err_type", Kind::Word),
    field("err.msg", &["err", "error"], "e.err_msg", Kind::Text),
    field("err.stack", &["stack"], "e.err_stack", Kind::Text),
    field("err.file_path", &["file"], "e.err_file_path", Kind::Word),
    field("err.line_number", &["line"], "e.err_line_number", Kind::Id),
    field("service_req.host", &["called"], "e.service_host", Kind::Word),
    field("service_req.path", &[], "e.service_path", Kind::Word),
    field("service_req.route", &[], "e.service_route", Kind::Word),
    field("service_req.payload", &[], "e.service_payload", Kind::Text),
    countable(field("service_res.http_code", &["http_code"], "e.service_http_code", Kind::Number)),
    field("service_res.tm", &[], "e.service_tm", Kind::Number),
    field("service_res.body", &[], "e.service_body", Kind::Text),
    field("service_res.err", &[], "e.service_err", Kind::Text),
    field("perf.rss", &["rss"], "e.perf_rss", Kind::Number),
    field("perf.cpu", &["cpu"], "e.perf_cpu", Kind::Number),
    field("event_id", &[], "e.event_id", Kind::Word),
    field("received_at", &[], "e.received_at", Kind::Time),
    field("attributes", &["context"], "e.attributes", Kind::Json),
];

impl Kind {
    /// Whether a text is looked for inside of its values, and not as a whole one.
    pub(super) const fn is_contained(self) -> bool {
        matches!(self, Kind::Text | Kind::Json)
    }
}

impl Field {
    /// The field of that name, in any letter case.
    pub(crate) fn named(name: &str) -> Option<&'static Field> {
        let is_it = |known: &&str| known.eq_ignore_ascii_case(name);
        FIELDS.iter().find(|field| is_it(&field.name) || field.aliases.iter().any(&is_it))
    }

    /// Whether a facet can count its values.
    pub fn is_countable(&self) -> bool {
        self.is_countable
    }

    /// Its value as text, as SQL over `event_store AS e`; empty where an event does not have the field.
    pub(crate) fn value_sql(&self) -> String {
        let column = self.column;
        match self.kind {
            Kind::Number => format!("ifNull(toString({column}), '')"),
            Kind::Id => format!("if({column} = 0, '', toString({column}))"),
            _ => format!("toString({column})"),
        }
    }
}
