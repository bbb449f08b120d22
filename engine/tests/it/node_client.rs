//! npm's `@clickhouse/client`, unchanged; its own tests are in `tests/node`.

use std::path::Path;
use std::process::Command;

use crate::process::{Engine, PASSWORD};

#[test]
fn the_official_javascript_client_works() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node");
    if !project.join("node_modules").is_dir() {
        let installed =
            Command::new("npm").arg("ci").current_dir(&project).output().expect("npm is installed");
        assert!(installed.status.success(), "npm ci: {}", String::from_utf8_lossy(&installed.stderr));
    }
    let engine = Engine::start();
    let tested = Command::new("node")
        .args(["--test", "client.test.mjs"])
        .current_dir(&project)
        .env("ENGINE_URL", format!("http://default:{PASSWORD}@{}", engine.address))
        .output()
        .expect("node is installed");
    assert!(
        tested.status.success(),
        "{}{}",
        String::from_utf8_lossy(&tested.stdout),
        String::from_utf8_lossy(&tested.stderr)
    );
}
