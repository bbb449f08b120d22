//! Values inside of `attributes` and `extra` are compared as what they stand for, and what is absent with nothing.

use super::{found, record, send};
use crate::harness::{Server, a_report, answer};
use reqwest::StatusCode;
use serde_json::{Value, json};

/// A report whose context is this JSON, byte for byte.
async fn report(server: &Server, line_number: u32, context: &str) {
    let mut report = a_report(line_number);
    report["context"] = json!({});
    report["error"]["message"] = json!(format!("r{line_number}"));
    let body = report.to_string().replace("\"context\":{}", &format!("\"context\":{context}"));
    let sent = server.post("/api/v1/logs/report").header("Content-Type", "application/json").body(body);
    answer(sent.send().await.unwrap(), StatusCode::OK).await;
}

/// The lines of the reports that a search finds, the first one first.
async fn lines(server: &Server, q: &str) -> Vec<u64> {
    let response = server.get("/api/v1/events").query(&[("q", q)]).send().await.unwrap();
    let page = answer(response, StatusCode::OK).await;
    let items = page["items"].as_array().unwrap().iter();
    let mut lines: Vec<u64> = items.map(|item| item["err"]["line_number"].as_u64().unwrap()).collect();
    lines.sort_unstable();
    lines
}

#[tokio::test]
async fn values_of_the_context_are_compared_and_not_their_json() {
    let server = Server::start().await;
    let contexts = [
        r#"{"customer":"M\u00fcller"}"#,
        r#"{"path":"C:\\temp\\new"}"#,
        r#"{"words":"say \"hi\""}"#,
        r#"{"url2":"\/cart\/pay"}"#,
        r#"{"customer":"Müller & Söhne"}"#,
        r#"{"note":"a\nb\tc","list":[{"deep":"D\u00c9EP"}, 4711, true, null]}"#,
        r#"{"emoji":"\ud83d\ude00","empty":""}"#,
        r#"{"looks":"{\"customer\": \"Meier\"}","tail":"ends with \\"}"#,
    ];
    for (number, context) in contexts.into_iter().enumerate() {
        report(&server, number as u32 + 1, context).await;
    }
    server.sql_becomes("SELECT count() FROM events", "8").await;
    for (q, expected) in [
        // The whole text, in any letter case.
        ("müller", vec![1, 5]),
        ("MÜLLER", vec![1, 5]),
        ("attributes:müller", vec![1, 5]),
        (r#""C:\temp""#, vec![2]),
        (r#""C:\\\\temp""#, vec![]),
        (r#""say \"hi\"""#, vec![3]),
        ("/cart/pay", vec![4]),
        (r"\/cart", vec![]),
        ("u00fc", vec![]),
        ("\"a\nb\"", vec![6]),
        (r"a\nb", vec![]),
        ("déep", vec![6]),
        ("4711", vec![6]),
        ("😀", vec![7]),
        ("ud83d", vec![]),
        // What holds the values together is none.
        ("customer", vec![8]),
        (r#""\",\"""#, vec![]),
        ("\"\\\":\"", vec![8]),
        ("{", vec![8]),
        ("null", vec![]),
        ("deep", vec![]),
        (r#""with \\""#, vec![8]),
        ("attributes:*cart*", vec![4]),
        ("attributes:MÜLLER*", vec![1, 5]),
        // By key, to the letter.
        ("attributes.customer:Müller", vec![1]),
        ("attributes.customer:müller", vec![]),
        ("context.customer:M*", vec![1, 5]),
        (r#"attributes.customer:"Müller & Söhne""#, vec![5]),
        ("attributes.customer:(Müller OR \"Müller & Söhne\")", vec![1, 5]),
        ("attributes.customer:* attributes.customer!=Müller", vec![5]),
        (r"attributes.path:C:\temp\new", vec![2]),
        (r"attributes.path:*\temp*", vec![2]),
        (r#"attributes.words:"say \"hi\"""#, vec![3]),
        ("attributes.url2:/cart/pay", vec![4]),
        ("attributes.note:\"a\nb\tc\"", vec![6]),
        ("attributes.list:4711", vec![6]),
        ("attributes.list:true", vec![6]),
        ("attributes.list.deep:*", vec![]),
        ("attributes.list:>4000", vec![6]),
        ("attributes.empty:*", vec![7]),
        (r#"attributes.empty:"""#, vec![7]),
        ("attributes.customer:Meier", vec![]),
        ("attributes.nobody:*", vec![]),
        ("-attributes.customer:* -attributes.list:* -attributes.path:*", vec![3, 4, 7, 8]),
    ] {
        assert_eq!(lines(&server, q).await, expected, "{q}");
    }
}

#[tokio::test]
async fn keys_of_attributes_are_paths() {
    let server = Server::start().await;
    send(
        &server,
        &[
            record(9000, "a", json!({"cause": {"code": "ECONN", "tries": 3}})),
            record(8000, "b", json!({"cause.code": "ECONN", "tries": "3"})),
            record(7000, "c", json!({"cause": {"code.http": 502.0}, "code": -1.5})),
            record(6000, "d", json!({"my key": {"x:y": "v"}, "tries": 30, "at\"home": 1})),
            record(
                5000,
                "e",
                json!({"cause": {"code": null}, "tries": "many", "id": 9_007_199_254_740_993_u64}),
            ),
        ],
    )
    .await;
    for (q, expected) in [
        ("attributes.cause.code:ECONN", "ba"),
        ("ATTRIBUTES.cause.code:ECONN", "ba"),
        ("attributes.Cause.code:ECONN", ""),
        ("attributes.cause:ECONN", "a"),
        ("attributes.cause.code:*", "ba"),
        ("attributes.cause.code.http:502", "c"),
        ("attributes.cause.code.http:[500 TO 599]", "c"),
        ("attributes.code:<0", "c"),
        ("attributes.code:-1.50", "c"),
        ("attributes.tries:3", "b"),
        ("attributes.cause.tries:3", "a"),
        ("attributes.tries:>=3", "db"),
        ("attributes.tries:{3 TO *]", "d"),
        ("attributes.tries:m*", "e"),
        ("attributes.tries!=3", "edca"),
        ("attributes.tries:(3 OR many)", "eb"),
        (r#"attributes."my key"."x:y":v"#, "d"),
        (r#"attributes."at\"home":1"#, "d"),
        (r#"attributes."cause.code":ECONN"#, "b"),
        // Whole numbers are the same to the last digit only.
        ("attributes.id:9007199254740993", "e"),
        ("attributes.id:9007199254740992", ""),
    ] {
        assert_eq!(found(&server, q).await.concat(), expected, "{q}");
    }
}

#[tokio::test]
async fn keys_of_extra_are_found_whatever_quotes_they_need() {
    let server = Server::start().await;
    send(
        &server,
        &[
            record(9000, "a", json!({"extra": "code=5 note=\"50% off, code=7\" flag"})),
            record(8000, "b", json!({"extra": "code=50 note=\"say \\\"hi\\\" C:\\\\new\\nline\""})),
            record(7000, "c", json!({"extra": "mycode=5 code= http.status=200"})),
            record(6000, "d", json!({"extra": {"who": "Ann Müller", "n": 12.5, "on": true}})),
            record(5000, "e", json!({"extra": ""})),
        ],
    )
    .await;
    for (q, expected) in [
        ("extra.code:5", "a"),
        ("extra.code:5*", "ba"),
        ("extra.code:7", ""),
        ("extra.code:>=5", "ba"),
        ("extra.code:[6 TO 100]", "b"),
        ("extra.code:*", "cba"),
        (r#"extra.code:"""#, "c"),
        ("extra.code!=5", "edcb"),
        ("extra.flag:*", "a"),
        ("extra.http.status:200", "c"),
        (r#"extra.note:"50% off, code=7""#, "a"),
        ("extra.note:50%*", "a"),
        ("extra.note:5_%*", ""),
        ("extra.note:\"say \\\"hi\\\" C:\\new\nline\"", "b"),
        (r#"extra.who:"Ann Müller""#, "d"),
        ("extra.n:(12.5 OR 13)", "d"),
        ("extra.on:true", "d"),
        // As text: as it is written, and as what it stands for.
        ("code=5", "cba"),
        (r#""say \"hi\"""#, "b"),
        (r#"extra:"C:\new""#, "b"),
        ("\"new\nline\"", "b"),
    ] {
        assert_eq!(found(&server, q).await.concat(), expected, "{q}");
    }
}

#[tokio::test]
async fn what_is_absent_is_never_below_above_or_equal() {
    let server = Server::start().await;
    let ended = |status: u16, tm: Value| json!({"event": "client-res", "scope": "visit", "extra": format!("status={status} method=GET"), "tm": tm});
    send(
        &server,
        &[
            record(9000, "a", ended(200, json!(0))),
            record(8000, "b", ended(503, json!(100))),
            record(7000, "c", json!({"pid": 0})),
            record(6000, "d", json!({"uid": "", "perf": {"rss": 7, "cpu": 0}})),
        ],
    )
    .await;
    for (q, expected) in [
        ("status:<500", "a"),
        ("status:>=0", "ba"),
        ("status:0", ""),
        ("status!=200", "dcb"),
        ("-status:<500", "dcb"),
        ("status:[* TO 599]", "ba"),
        ("tm:<=0", "a"),
        ("tm:0", "a"),
        ("tm:[* TO *]", "ba"),
        ("tm!=0", "dcb"),
        ("pid:<5", ""),
        ("pid:*", "dba"),
        ("err.line_number:<1", ""),
        ("issue:<1", ""),
        ("perf.cpu:<1", "d"),
        ("service_res.http_code:<1000", ""),
        (r#"uid:"""#, ""),
        ("uid:**", ""),
        (r#"url:"""#, ""),
        ("-uid:*", "dcba"),
        ("uid!=x", "dcba"),
        ("state:ok", "a"),
        ("state:error", "b"),
        ("state!=ok", "dcb"),
        ("-state:*", "dc"),
        ("attributes.tm:<5", ""),
        ("extra.status:<500", "a"),
    ] {
        assert_eq!(found(&server, q).await.concat(), expected, "{q}");
    }
    let messages = ["a", "b", "c", "d"].map(|msg| json!({"value": msg, "count": 1}));
    let facets = server.json("/api/v1/events/facets?fields=status,msg,pid,service_res.http_code,state").await;
    assert_eq!(
        facets,
        json!({
            "status": [{"value": "", "count": 2}, {"value": "200", "count": 1}, {"value": "503", "count": 1}],
            "msg": messages,
            "pid": [{"value": "7", "count": 3}, {"value": "", "count": 1}],
            "service_res.http_code": [{"value": "", "count": 4}],
            "state": [{"value": "", "count": 2}, {"value": "error", "count": 1}, {"value": "ok", "count": 1}],
        })
    );
}

/// A level between two names counts as the lower one.
#[tokio::test]
async fn levels_between_names_count_as_the_lower_name() {
    let server = Server::start().await;
    let levels = [5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 255];
    let records: Vec<Value> = levels
        .into_iter()
        .enumerate()
        .map(|(number, level)| record(number as i64 * 10, &format!("{level} "), json!({"level": level})))
        .collect();
    send(&server, &records).await;
    for (q, expected) in [
        ("level:error", "50 55 "),
        ("level:warn", "40 45 "),
        ("level:trace", "5 10 15 "),
        ("level:fatal", "60 65 255 "),
        ("level:>warn", "50 55 60 65 255 "),
        ("level:>fatal", ""),
        ("level:<=debug", "5 10 15 20 25 "),
        ("level:<debug", "5 10 15 "),
        ("level:55", "55 "),
        ("level:>55", "60 65 255 "),
        ("level:[info TO warn]", "30 35 40 45 "),
        ("level:{info TO error}", "40 45 "),
        ("level:(error OR 35)", "35 50 55 "),
        ("level!=fatal level:>=error", "50 55 "),
        ("-level:<error", "50 55 60 65 255 "),
    ] {
        assert_eq!(found(&server, q).await.concat(), expected, "{q}");
    }
}
