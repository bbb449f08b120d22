//! Many hostile statements at `POST /api/v1/sql`: nothing but reading happens.

#[path = "../../../engine/tests/it/hostile/statements.rs"]
mod statements;

use crate::harness::{Server, answer};
use crate::sql::PATH;
use futures_util::StreamExt as _;
use reqwest::StatusCode;
use serde_json::json;
use statements::{Material, statements};

/// How many statements; `LOG_CENTER_HOSTILE_STATEMENTS` asks for more.
const STATEMENTS: usize = 250;

/// How many are under way at the same time: one turn is left for what is asked in between.
const AT_ONCE: usize = 3;

const SECRET: &str = "canary-in-a-file-outside";

/// What the database holds.
const STATE: &str = "SELECT (SELECT (count(), sum(a)) FROM t), (SELECT groupArray((name, create_table_query)) FROM (SELECT * FROM \
    system.tables WHERE database = currentDatabase() ORDER BY name)), (SELECT count() FROM system.functions)";

#[tokio::test]
async fn nothing_but_reading_happens() {
    let server = Server::start().await;
    let count = std::env::var("LOG_CENTER_HOSTILE_STATEMENTS").ok().and_then(|count| count.parse().ok());
    let directory = tempfile::tempdir().unwrap();
    let secret = directory.path().join("secret");
    std::fs::write(&secret, SECRET).unwrap();
    server.sql("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a").await;
    server.sql("INSERT INTO t SELECT number FROM numbers(100)").await;
    let names = |text: String| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let material = Material {
        functions: names(server.sql("SELECT name FROM system.functions ORDER BY name").await),
        table_functions: names(server.sql("SELECT name FROM system.table_functions ORDER BY name").await),
        secret: secret.display().to_string(),
        outside: directory.path().join("made").display().to_string(),
    };
    let before = server.sql(STATE).await;

    let made = statements(&material, count.unwrap_or(STATEMENTS));
    let asked = futures_util::stream::iter(&made).map(|sql| ask(&server, sql)).buffer_unordered(AT_ONCE);
    let mut asked = std::pin::pin!(asked.enumerate());
    while let Some((number, ())) = asked.next().await {
        if number % 100 == 0 {
            let one = server.post(PATH).json(&json!({"query": "SELECT 1 AS one"})).send().await.unwrap();
            assert_eq!(answer(one, StatusCode::OK).await["rows"], json!([[1]]));
        }
    }
    assert_eq!(server.sql(STATE).await, before);
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), SECRET);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    let log = server.log();
    assert!(!log.contains("panicked") && !log.contains("ERROR"), "{log}");
}

/// Asks. The answer is rows or a plain refusal, and holds no secret.
async fn ask(server: &Server, sql: &str) {
    let request = server.post(PATH).json(&json!({"query": sql, "timeout_seconds": 1, "max_rows": 100}));
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    // An answer that fails after its beginning is cut off.
    let text = response.text().await.unwrap_or_default();
    assert!(matches!(status, 200 | 400 | 422), "{sql:?}: {status} {text}");
    assert!(!text.contains(SECRET), "{sql:?}: {text}");
}
