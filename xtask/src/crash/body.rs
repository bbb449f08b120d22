//! The bodies that carry events.

use serde_json::{Value, json};

use super::payload::{Event, Kind, Place, place};

/// Who writes the records that are no errors.
const SERVICES: [&str; 3] = ["crash_gateway", "crash_orders", "crash_stock"];

/// Handling times are multiples of this many milliseconds, so that sums of them are exact.
const TM_STEP: u64 = 4;

impl Event {
    /// The body of `POST /api/v1/logs/report`. Only an error can be reported.
    pub(super) fn report(&self) -> Value {
        let issue = self.issue().unwrap_or_default();
        let Place { project, error_type, file_path, line_number } = place(issue);
        json!({
            "project_id": project,
            "environment": "staging",
            "level": "ERROR",
            "version": "1.4.2",
            "error": {
                "type": error_type,
                "message": format!("event {} of issue {issue}", self.id),
                "file_path": file_path,
                "line_number": line_number,
                "stack_trace": [format!("File \"{file_path}\", line {line_number}, in handle"), "  raise"],
            },
            "context": {"request_id": self.id.to_string(), "user_id": format!("user-{}", issue % 17)},
        })
    }

    /// The key by which an error that [names itself](Event::names_itself) is known, by whichever way it comes.
    pub(super) fn key(&self) -> String {
        format!("key-{}", self.id)
    }

    /// One record of `POST /api/v1/events`; `number=` in its `extra` is its id. The same event has the same text.
    pub(super) fn record(&self) -> Value {
        let Kind::Error(issue) = self.kind else { return self.ordinary_record() };
        let Place { project, error_type, file_path, line_number } = place(issue);
        let mut record = self.base(project, 50, "request failed");
        record["scope"] = json!("visit");
        record["event"] = json!("trace");
        record["req_id"] = json!(self.id.to_string());
        record["err"] = json!({
            "type": error_type,
            "msg": format!("event {} of issue {issue}", self.id),
            "stack": format!("File \"{file_path}\", line {line_number}, in handle"),
            "file_path": file_path,
            "line_number": line_number,
        });
        if self.names_itself() {
            record["event_id"] = json!(self.key());
        }
        record
    }

    fn ordinary_record(&self) -> Value {
        let number = self.id.number();
        let service = SERVICES[(number % SERVICES.len() as u64) as usize];
        let tm = number % 50 * TM_STEP;
        let status = [200, 200, 404, 500][(number / 3 % 4) as usize];
        let (scope, event, msg, extra) = match self.kind {
            Kind::Asked => {
                ("visit", "client-req", "request received", "method=GET route=/orders/{id}".to_owned())
            }
            Kind::Answered => (
                "visit",
                "client-res",
                "request handled",
                format!("method=GET route=/orders/{{id}} status={status}"),
            ),
            Kind::Called => ("visit", "service-end", "call answered", String::new()),
            Kind::CallFailed => ("visit", "service-err", "call failed", String::new()),
            Kind::Sampled => ("stat", "", "process sample", String::new()),
            Kind::Noted | Kind::Error(_) => ("desc", "", "cache filled", String::new()),
        };
        let level = if self.kind == Kind::CallFailed { 40 } else { 30 };
        let mut record = self.base(service, level, msg);
        record["scope"] = json!(scope);
        record["extra"] = json!(format!("number={} {extra}", self.id).trim_end());
        if scope == "visit" {
            record["event"] = json!(event);
            record["req_id"] = json!(self.id.request());
        }
        match self.kind {
            Kind::Answered => record["tm"] = json!(tm),
            Kind::Called | Kind::CallFailed => {
                record["service_req"] = json!({"host": "stock:8080", "path": format!("/items/{number}")});
                record["service_res"] = match self.kind {
                    Kind::Called => json!({"http_code": status, "tm": tm}),
                    _ => json!({"tm": tm, "err": "connection refused"}),
                };
            }
            Kind::Sampled => record["perf"] = json!({"rss": number * 4096, "cpu": number % 100}),
            _ => {}
        }
        record
    }

    fn base(&self, project: &str, level: u8, msg: &str) -> Value {
        let time = jiff::Timestamp::try_from(self.at).unwrap_or_default();
        json!({
            "v": 1, "level": level, "name": project, "hostname": "crash", "pid": 7,
            "time": time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
            "msg": msg, "environment": "staging", "extra": format!("number={}", self.id),
        })
    }
}
