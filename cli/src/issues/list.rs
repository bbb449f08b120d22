//! `log-center issues list`.

use super::Issue;
use crate::Ending;
use crate::client::{Client, SILENCE, ServerArgs};
use crate::list;
use crate::out::{Out, say};
use crate::parameters::Parameters;
use crate::record::moment;
use crate::style::{BOLD, ColorArgs, DIM, WARNING, of_level, plain};

/// The most issues that are listed: all are kept until they are shown.
const ISSUES_MAX: u32 = 10_000;

/// How many are listed if nobody says.
const ISSUES: u32 = 50;

/// Which issues. What is absent does not restrict.
#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// Only of this project.
    #[arg(long, visible_alias = "service")]
    project: Option<String>,

    /// Only seen in this environment.
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,

    /// Only seen in this version.
    #[arg(long)]
    version: Option<String>,

    /// Only those whose latest occurrence has this level: error, warning, critical.
    #[arg(long)]
    level: Option<String>,

    /// Only in one of these states, separated by commas: new, verifying, cannot_reproduce, pending_fix, fixing, fix_failed,
    /// fixed, verified, deployed.
    #[arg(long, value_name = "STATES")]
    status: Option<String>,

    /// Only with this text in type, latest message or file path, in any letter case.
    #[arg(long)]
    text: Option<String>,

    /// Only last seen at this time (2026-11-20T10:30:00Z) or for this age (30m, 24h, 7d), or later.
    #[arg(long)]
    since: Option<String>,

    /// Only last seen before this time.
    #[arg(long)]
    until: Option<String>,

    /// Their order: last_seen, first_seen, count or users. Default: last_seen.
    #[arg(long)]
    sort: Option<String>,

    /// asc or desc. Default: desc.
    #[arg(long)]
    order: Option<String>,

    /// How many issues at most.
    #[arg(long, short = 'n', value_name = "N", default_value_t = ISSUES,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(ISSUES_MAX)))]
    limit: u32,

    /// Print each issue as JSON on one line.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    server: ServerArgs,

    #[command(flatten)]
    color: ColorArgs,
}

/// The names of the cells of a line that no person reads.
const COLUMNS: [&str; 11] = [
    "id",
    "project",
    "status",
    "level",
    "count",
    "users",
    "first_seen",
    "last_seen",
    "type",
    "message",
    "place",
];

pub(super) fn run(args: &ListArgs) -> anyhow::Result<Ending> {
    let parameters = Parameters::default()
        .with("project", args.project.as_deref())
        .with("environment", args.environment.as_deref())
        .with("version", args.version.as_deref())
        .with("level", args.level.as_deref())
        .with("status", args.status.as_deref().map(super::set::state))
        .with("text", args.text.as_deref())
        .with("since", args.since.as_deref())
        .with("until", args.until.as_deref())
        .with("sort", args.sort.as_deref())
        .with("order", args.order.as_deref());
    let client = Client::new(&args.server, SILENCE);
    let found = list::first(&client, "/api/v1/issues", &parameters, args.limit as usize)?;
    found.print(&mut Out::colored(args.color), args.json, &COLUMNS, show)?;
    if found.has_more {
        say(format!("the first {} are shown; -n shows more", args.limit));
    } else if found.items.is_empty() {
        say("no issue is found");
    }
    Ok(Ending::Done)
}

fn show(out: &mut Out, issue: &Issue) -> std::io::Result<()> {
    if out.is_terminal() {
        let style = of_level(&issue.level);
        out.wrapped(
            format_args!(
                "{BOLD}{}{BOLD:#}  {WARNING}{}{WARNING:#} {style}{}{style:#} {} × {} {DIM}{} last {}{DIM:#}",
                issue.id,
                plain(&issue.status),
                plain(&issue.level),
                issue.count,
                plain(&issue.project_id),
                users(issue.users),
                moment(&issue.last_seen),
            ),
            HANG,
        )?;
        return out.wrapped(format_args!("{:HANG$}{}", "", issue.title()), HANG);
    }
    out.cells([
        &*issue.id.to_string(),
        &issue.project_id,
        &issue.status,
        &issue.level,
        &issue.count.to_string(),
        &issue.users.to_string(),
        &issue.first_seen,
        &issue.last_seen,
        &issue.r#type,
        &issue.message,
        &issue.place(),
    ])
}

/// How far the second line of an issue stands to the right.
const HANG: usize = 4;

/// `17 users`.
pub(super) fn users(count: u64) -> String {
    if count == 1 { "1 user".to_owned() } else { format!("{count} users") }
}

impl Issue {
    /// What it is, on a line.
    pub(super) fn title(&self) -> String {
        let title = format!("{}: {}", plain(&self.r#type), plain(&self.message));
        match &*self.place() {
            "" => title,
            place => format!("{title} {DIM}({}){DIM:#}", plain(place)),
        }
    }

    /// The file and line that raise it; empty, if they are unknown.
    fn place(&self) -> String {
        match &*self.file_path {
            "" | "unknown" => String::new(),
            path => format!("{path}:{}", self.line_number),
        }
    }
}
