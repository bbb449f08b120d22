use log_center::Builder;
use std::time::Duration;

#[track_caller]
fn check(expected: &str, builder: Builder) {
    let Err(error) = builder.build() else { panic!("accepted, but {expected}") };
    assert_eq!(error.to_string(), expected);
}

#[test]
fn bad_settings_are_named() {
    let layer = || log_center::layer("shop").without_endpoint();
    let long = "x".repeat(200);
    check("the service's name must not be empty", log_center::layer(" ").without_endpoint());
    check(
        "the service's name must be at most 128 bytes long, is 200",
        log_center::layer(&long).without_endpoint(),
    );
    check("environment must be at most 64 bytes long, is 200", layer().environment(&long));
    check("version must not hold control characters", layer().version("1\n2"));
    check("commit_hash must not be empty", layer().commit_hash(""));
    check("queue_bytes and queue_records must be at least 1", layer().queue_records(0));
    check("stat_interval must be at least 100ms", layer().stat_interval(Duration::from_millis(99)));
    check(
        "endpoint=\"localhost:8002\": must begin with http:// or https://",
        layer().endpoint("localhost:8002"),
    );
    check("endpoint=\"ftp://x\": must begin with http:// or https://", layer().endpoint("ftp://x"));
    check("endpoint=\"http://x y\": is not a URL", layer().endpoint("http://x y"));
    check("endpoint=\"http://x/?a=b\": must not have a query", layer().endpoint("http://x/?a=b"));
    #[cfg(not(feature = "tls"))]
    check(
        "endpoint=\"https://x\": https needs the feature `tls` of the crate log-center",
        layer().endpoint("https://x"),
    );
}
