//! Error reports as a large service sends them: a thousand different bugs, each met by many users in many ways.

use fastrand::Rng;
use log_center_wire::Fingerprint;
use serde_json::json;

/// Different issues.
pub const ISSUES: usize = 1_000;

/// Different bodies of one issue.
pub const BODIES_AN_ISSUE: usize = 10;

/// What the random parts come from: every run sends the same.
const SEED: u64 = 2;

const ERROR_TYPES: [&str; 8] = [
    "ValueError",
    "TypeError",
    "KeyError",
    "requests.exceptions.ReadTimeout",
    "django.db.utils.OperationalError",
    "std::io::Error",
    "RangeError",
    "AttributeError",
];
const MODULES: [&str; 8] = ["users", "orders", "payments", "rooms", "search", "mail", "uploads", "billing"];
const FUNCTIONS: [&str; 8] = ["get", "post", "save", "load", "validate", "dispatch", "render", "commit"];
const METHODS: [&str; 4] = ["GET", "POST", "PUT", "DELETE"];

/// A request, ready to be sent, and the fingerprint that its answer has to name.
#[derive(Debug)]
pub struct Report {
    /// Head and body.
    pub request: Vec<u8>,
    /// Length of the body alone, in bytes.
    pub body_bytes: usize,
    /// What the answer has to say, in lower-case hex.
    pub fingerprint: String,
}

/// All reports of a run, in a random order that is always the same.
pub fn prepare(host: &str, project: &str) -> Vec<Report> {
    let mut rng = Rng::with_seed(SEED);
    let mut reports: Vec<_> = (0..ISSUES)
        .flat_map(|issue| std::iter::repeat_n(issue, BODIES_AN_ISSUE))
        .map(|issue| report(&mut rng, host, project, issue))
        .collect();
    rng.shuffle(&mut reports);
    reports
}

fn report(rng: &mut Rng, host: &str, project: &str, issue: usize) -> Report {
    let error_type = ERROR_TYPES[issue % ERROR_TYPES.len()];
    let module = MODULES[issue / ERROR_TYPES.len() % MODULES.len()];
    let file_path = format!("apps/{module}/views_{}.py", issue / 64);
    let line_number = 10 + issue % 64;
    let user = rng.u32(1..100_000);
    let request_id = format!("{:016x}{:016x}", rng.u64(..), rng.u64(..));
    let frame = |file: &str, line: usize, function: &str| {
        format!(
            "  File \"{file}\", line {line}, in {function}\n    return self.{function}(request, *args, **kwargs)\n"
        )
    };
    let mut stack = vec!["Traceback (most recent call last):\n".to_owned()];
    for _ in 0..rng.usize(2..6) {
        let [module, function] = [MODULES, FUNCTIONS].map(|list| list[rng.usize(0..list.len())]);
        stack.push(frame(&format!("apps/{module}/base.py"), rng.usize(1..400), function));
    }
    stack.push(frame(&file_path, line_number, FUNCTIONS[issue % FUNCTIONS.len()]));
    let message = format!("invalid literal in {module}: {:?} for user {user}", rng.u64(..));
    stack.push(format!("{error_type}: {message}\n"));
    let body = json!({
        "project_id": project,
        "environment": "production",
        "level": if rng.u8(0..10) == 0 { "CRITICAL" } else { "ERROR" },
        "version": format!("1.{}.{}", rng.u8(0..4), rng.u8(0..10)),
        "commit_hash": "9b2f6c1",
        "error": {
            "type": error_type,
            "message": message,
            "file_path": file_path,
            "line_number": line_number,
            "stack_trace": stack,
        },
        "context": {
            "url": format!("https://shop.example/api/{module}/{}", rng.u32(1..10_000)),
            "method": METHODS[rng.usize(0..METHODS.len())],
            "user_id": user.to_string(),
            "request_id": request_id,
            "ip": format!("203.0.113.{}", rng.u8(..)),
        },
    })
    .to_string();
    let head = format!(
        "POST /api/v1/logs/report HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    let line_number = u32::try_from(line_number).unwrap_or(u32::MAX);
    Report {
        request: [head.as_bytes(), body.as_bytes()].concat(),
        body_bytes: body.len(),
        fingerprint: Fingerprint::new(project, error_type, &file_path, line_number).to_string(),
    }
}
