//! Tables that come with a request, as files of a form.

use crate::process::{Engine, PASSWORD, plain_client};

/// Asks with one file called `mine`.
async fn ask(engine: &Engine, query: &str, file: impl Into<Vec<u8>>) -> (u16, String) {
    let mut body = b"--b\r\nContent-Disposition: form-data; name=\"mine\"; filename=\"f\"\r\n\r\n".to_vec();
    body.extend_from_slice(&file.into());
    body.extend_from_slice(b"\r\n--b--\r\n");
    let sent = plain_client()
        .post(format!("{}?{query}", engine.url()))
        .header("Content-Type", "multipart/form-data; boundary=b")
        .body(body)
        .send()
        .await
        .expect("answer");
    (sent.status().as_u16(), sent.text().await.expect("text"))
}

const SUM: &str = "query=SELECT%20sum(a),%20max(b)%20FROM%20mine";

#[tokio::test]
async fn rows_of_many_formats_come_in() {
    let engine = Engine::start();
    for (description, file) in [
        ("mine_structure=a%20UInt8,b%20String", "1\tx\n2\ty\n"),
        ("mine_format=CSV&mine_structure=a%20UInt8,%60b%60%20LowCardinality(String)", "1,x\n2,y\n"),
        ("mine_format=CSVWithNames&mine_structure=a%20UInt8,b%20String", "b,a\nx,1\ny,2\n"),
        (
            "mine_format=JSONEachRow&mine_structure=a%20Nullable(UInt8),b%20String",
            "{\"a\":1,\"b\":\"x\"}{\"a\":2,\"b\":\"y\"}",
        ),
        ("mine_format=RowBinary&mine_structure=a%20UInt8,b%20String", "\u{1}\u{1}x\u{2}\u{1}y"),
    ] {
        assert_eq!(
            ask(&engine, &format!("{SUM}&{description}"), file).await,
            (200, "3\ty\n".to_owned()),
            "{description}"
        );
    }
    let types = "query=SELECT%20sum(_1)%20FROM%20mine&mine_types=UInt8";
    assert_eq!(ask(&engine, types, "1\n2\n").await, (200, "3\n".to_owned()));
    assert_eq!(ask(&engine, types, "").await, (200, "0\n".to_owned()));
}

#[tokio::test]
async fn nothing_is_left_of_them() {
    let engine = Engine::start();
    let session = format!("session_id=s&user=default&password={PASSWORD}");
    let query = format!("{SUM}&{session}&mine_structure=a%20UInt8,b%20String");
    for _ in 0..2 {
        assert_eq!(ask(&engine, &query, "1\tx\n").await, (200, "1\tx\n".to_owned()));
    }
    let (status, _) = engine.post(&session, "SELECT * FROM mine").await;
    assert_eq!(status, 404);
    assert_eq!(
        engine.ask("SELECT count() FROM system.tables WHERE name = 'mine' OR is_temporary").await,
        "0"
    );
}

#[tokio::test]
async fn a_reader_gains_nothing_by_them() {
    let engine = Engine::start_with(&["--reader-databases", "default"]);
    engine.ask("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a").await;
    let good = "mine_structure=a%20UInt8,b%20String";
    for query in [
        "query=INSERT%20INTO%20t%20SELECT%20a%20FROM%20mine&mine_structure=a%20UInt8".to_owned(),
        "query=CREATE%20TABLE%20u%20ENGINE%20%3D%20Memory%20AS%20SELECT%20*%20FROM%20mine&mine_structure=a%20UInt8".to_owned(),
        "query=DROP%20TABLE%20mine&mine_structure=a%20UInt8".to_owned(),
        format!("{SUM}&mine_structure=a%20UInt8%20DEFAULT%20file('/etc/passwd')"),
        format!("{SUM}&mine_structure=a%20UInt8,b%20String)%20ENGINE%20%3D%20File(CSV"),
        format!("{SUM}&mine_structure=a%20AggregateFunction(sum,UInt8)"),
        format!("{SUM}&{good}&mine_format=Values"),
        format!("{SUM}&{good}&mine_format=Template"),
        format!("{SUM}&{good}&mine_format=Protobuf"),
        format!("{SUM}&{good}&mine_format=CSV&format_schema=x"),
        SUM.to_owned(),
    ] {
        let (status, text) = ask(&engine, &query, "1\tx\n").await;
        assert!((400..=500).contains(&status) && text.contains("DB::Exception"), "{query}: {status} {text}");
    }
    let (status, text) = ask(&engine, &format!("{SUM}&{good}"), "no number\tx\n").await;
    assert!(status >= 400 && text.contains("DB::Exception"), "{status} {text}");
    let (status, text) = ask(&engine, &format!("{SUM}&{good}"), vec![b'1'; 20 << 20]).await;
    assert_eq!(status, 413, "{text}");
    assert_eq!(engine.ask("SELECT count() FROM t").await, "0");
    assert_eq!(engine.ask("SELECT count() FROM system.tables WHERE database = 'default'").await, "1");
}
