//! The fields that can be asked for, and the columns that hold them.

/// A field of an event.
#[derive(Debug, PartialEq)]
pub struct Field {
    /// Its name in a search.
    pub name: &'static str,
    /// Other names that people try.
    pub(super) aliases: &'static [&'static str],
    /// What it holds, as SQL over `event_store AS e`.
    pub(crate) column: &'static str,
    /// How it is compared.
    pub(super) kind: Kind,
}

/// How the values of a field are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// As a whole.
    Word,
    /// The same, and it is stored in lower case.
    LowerWord,
    /// By what it contains.
    Text,
    /// As a number, which may be absent.
    Number,
    /// As a number that is 0 where it is absent.
    Id,
    /// As a level: by its name or number.
    Level,
}

const fn field(
    name: &'static str,
    aliases: &'static [&'static str],
    column: &'static str,
    kind: Kind,
) -> Field {
    Field { name, aliases, column, kind }
}

/// All fields, in the order of the documentation.
pub static FIELDS: [Field; 38] = [
    field("level", &[], "e.level", Kind::Level),
    field("service", &["project", "name"], "e.project", Kind::Word),
    field("environment", &["env"], "e.environment", Kind::LowerWord),
    field("version", &[], "e.version", Kind::Word),
    field("commit_hash", &["commit"], "e.commit_hash", Kind::Word),
    field("hostname", &["host"], "e.hostname", Kind::Word),
    field("pid", &[], "e.pid", Kind::Id),
    field("scope", &[], "e.scope", Kind::LowerWord),
    field("event", &[], "e.event", Kind::LowerWord),
    field("source", &[], "e.source", Kind::LowerWord),
    field("msg", &["message"], "e.msg", Kind::Text),
    field("extra", &[], "e.extra", Kind::Text),
    field("req_id", &["request_id", "request"], "e.req_id", Kind::Word),
    field("span_id", &[], "e.span_id", Kind::Word),
    field("parent_id", &[], "e.parent_id", Kind::Word),
    field("uid", &["user", "user_id"], "e.uid", Kind::Word),
    field("rrdid", &[], "e.rrdid", Kind::Word),
    field("url", &[], "e.url", Kind::Text),
    field("ip", &[], "e.ip", Kind::Word),
    field("ua", &["user_agent"], "e.ua", Kind::Text),
    field("method", &[], "e.method", Kind::Word),
    field("route", &[], "e.route", Kind::Word),
    field("status", &[], "e.status", Kind::Id),
    field("tm", &["duration_ms"], "e.tm", Kind::Number),
    field("issue", &["issue_id"], "e.issue_id", Kind::Id),
    field("err.type", &["type"], "e.err_type", Kind::Word),
    field("err.msg", &["err", "error"], "e.err_msg", Kind::Text),
    field("err.stack", &["stack"], "e.err_stack", Kind::Text),
    field("err.file_path", &["file"], "e.err_file_path", Kind::Word),
    field("err.line_number", &["line"], "e.err_line_number", Kind::Id),
    field("service_req.host", &["called"], "e.service_host", Kind::Word),
    field("service_req.path", &[], "e.service_path", Kind::Word),
    field("service_req.route", &[], "e.service_route", Kind::Word),
    field("service_res.http_code", &["http_code"], "e.service_http_code", Kind::Number),
    field("service_res.tm", &[], "e.service_tm", Kind::Number),
    field("perf.rss", &["rss"], "e.perf_rss", Kind::Number),
    field("perf.cpu", &["cpu"], "e.perf_cpu", Kind::Number),
    field("attributes", &["context"], "e.attributes", Kind::Text),
];

impl Field {
    /// The field of that name, in any letter case.
    pub(crate) fn named(name: &str) -> Option<&'static Field> {
        let is_it = |known: &&str| known.eq_ignore_ascii_case(name);
        FIELDS.iter().find(|field| is_it(&field.name) || field.aliases.iter().any(&is_it))
    }

    /// Whether its values are few enough words to be counted each.
    pub(crate) fn is_word(&self) -> bool {
        matches!(self.kind, Kind::Word | Kind::LowerWord | Kind::Level)
    }
}
