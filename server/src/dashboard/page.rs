//! What the pages look like.

use crate::api::issues::one::IssueDetail;
use crate::api::page::Page;
use crate::store::issue::{Issue, IssueFilter};
use crate::store::occurrence::Occurrence;
use crate::store::value::Time;
use log_center_wire::IssueStatus;
use maud::{DOCTYPE, Markup, html};
use url::form_urlencoded;

/// How they look. It is a file of its own for browsers, too, so that a page may hold no style.
pub(super) const STYLE: &str = include_str!("page.css");

const FIRST_REPORT: &str = r#"curl http://127.0.0.1:8002/api/v1/logs/report -H 'Content-Type: application/json' -d '{
  "project_id": "my_service", "environment": "development", "level": "ERROR",
  "error": {"type": "ValueError", "message": "my first error", "file_path": "app.py", "line_number": 1,
            "stack_trace": ["Traceback (most recent call last):", "ValueError: my first error"]}
}'"#;

/// The list, with the filter that it was made by and the query of its own address.
pub(super) fn issues(filter: &IssueFilter, query: &str, page: &Page<Issue>) -> Markup {
    let is_filtered = form_urlencoded::parse(query.as_bytes()).any(|(_, value)| !value.is_empty());
    frame(
        "Issues",
        html! {
            h1 { "Issues" }
            (filter_form(filter))
            @if page.items.is_empty() && is_filtered {
                p { "No issue passes this filter. " a href="/" { "Show all" } }
            } @else if page.items.is_empty() {
                p { "Nothing has been reported yet. The first report may come from a shell:" }
                pre { code { (FIRST_REPORT) } }
                p { "Reload this page afterwards. The API is documented at " code { "/docs" } " of the port that takes reports." }
            } @else {
                (issue_table(&page.items))
                @if let Some(cursor) = &page.next_cursor {
                    p { a rel="next" href=(next_page(query, cursor)) { "Next page" } }
                }
            }
        },
    )
}

fn filter_form(filter: &IssueFilter) -> Markup {
    html! {
        form method="get" action="/" role="search" {
            label { "Project" input name="project" value=(filter.project.as_deref().unwrap_or_default()); }
            label {
                "State"
                select name="status" {
                    option value="" { "any" }
                    @for status in IssueStatus::ALL {
                        option value=(status) selected[filter.status.contains(&status)] { (status) }
                    }
                }
            }
            label { "Text" input type="search" name="text" value=(filter.text.as_deref().unwrap_or_default()); }
            button { "Filter" }
        }
    }
}

fn issue_table(items: &[Issue]) -> Markup {
    html! {
        div.wide {
            table {
                caption { "Latest first, times in UTC" }
                thead {
                    tr {
                        th scope="col" { "Issue" }
                        th scope="col" { "Project" }
                        th scope="col" { "Level" }
                        th scope="col" { "State" }
                        th.number scope="col" { "Count" }
                        th.number scope="col" { "Users" }
                        th scope="col" { "First seen" }
                        th scope="col" { "Last seen" }
                    }
                }
                tbody {
                    @for issue in items {
                        tr {
                            td {
                                a href=(format!("/issues/{}", issue.id)) { (issue.r#type) }
                                p { (shortened(&issue.message)) }
                                p { small { (issue.file_path) ":" (issue.line_number) } }
                            }
                            td { (issue.project_id) }
                            td { (issue.level.as_str()) }
                            td { span.state { (issue.status.0) } }
                            td.number { (issue.count) }
                            td.number { (issue.users) }
                            td { (time(issue.first_seen)) }
                            td { (time(issue.last_seen)) }
                        }
                    }
                }
            }
        }
    }
}

/// One issue.
pub(super) fn issue(detail: &IssueDetail) -> Markup {
    let issue = &detail.issue;
    frame(
        &issue.r#type,
        html! {
            h1 { (issue.r#type) " " span.state { (issue.status.0) } }
            p { (issue.message) }
            dl {
                dt { "Project" } dd { (issue.project_id) }
                dt { "Raised in" } dd { (issue.file_path) ":" (issue.line_number) }
                dt { "Level" } dd { (issue.level.as_str()) }
                dt { "Occurrences" } dd { (issue.count) }
                dt { "Users" } dd { (issue.users) }
                dt { "First seen" } dd { (time(issue.first_seen)) }
                dt { "Last seen" } dd { (time(issue.last_seen)) }
                dt { "Environments" } dd { (issue.environments.join(", ")) }
                dt { "Versions" } dd { (issue.versions.join(", ")) }
                dt { "Fingerprint" } dd { code { (issue.fingerprint) } }
            }
            @if let Some(sample) = &detail.sample {
                (latest_occurrence(sample))
            }
        },
    )
}

fn latest_occurrence(sample: &Occurrence) -> Markup {
    html! {
        h2 { "Latest occurrence" }
        dl {
            dt { "Time" } dd { (time(sample.time)) }
            @for (name, value) in [
                ("Environment", &sample.environment),
                ("Version", &sample.version),
                ("Commit", &sample.commit_hash),
                ("Host", &sample.hostname),
                ("Request", &sample.request_id),
                ("User", &sample.user_id),
            ] {
                @if !value.is_empty() { dt { (name) } dd { (value) } }
            }
        }
        h3 { "Stack trace" }
        pre { code { (sample.stack_trace.0) } }
        @if let Some(context) = &sample.context.0 {
            h3 { "Context" }
            pre { code { (indented(context.get())) } }
        }
    }
}

/// Why there is nothing to see.
pub(super) fn failed(title: &str, text: &str) -> Markup {
    frame(title, html! { h1 { (title) } p { (text) } p { a href="/" { "All issues" } } })
}

fn frame(title: &str, content: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " – Log Center" }
                link rel="stylesheet" href="/page.css";
            }
            body {
                header { a href="/" { "Log Center" } }
                main { (content) }
            }
        }
    }
}

/// The query of the same list behind `cursor`.
fn next_page(query: &str, cursor: &str) -> String {
    let same = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "cursor");
    let mut next = form_urlencoded::Serializer::new("/?".to_owned());
    next.extend_pairs(same).append_pair("cursor", cursor).finish()
}

fn time(time: Time) -> Markup {
    let text = time.0.to_string();
    // Seconds are enough for a person.
    let short = text.split_once('.').map_or(text.as_str(), |(seconds, _)| seconds).replace('T', " ");
    html! { time datetime=(text) { (short) } }
}

/// How much of a message a row of the list shows, in characters.
const MESSAGE_CHARS: usize = 200;

fn shortened(message: &str) -> String {
    match message.char_indices().nth(MESSAGE_CHARS) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    }
}

fn indented(json: &str) -> String {
    let value: Result<serde_json::Value, _> = serde_json::from_str(json);
    value.and_then(|value| serde_json::to_string_pretty(&value)).unwrap_or_else(|_| json.to_owned())
}
