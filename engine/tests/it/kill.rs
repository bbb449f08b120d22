//! `KILL QUERY` by the query id that the client gave.

use crate::process::{Engine, PASSWORD, plain_client, running, stranger};

const LONG: &str = "SELECT count() FROM numbers(1000000000000) WHERE sin(number) > 2";

async fn start(engine: &Engine, client: reqwest::Client, id: &str) -> tokio::task::JoinHandle<String> {
    let url = format!("{}?max_threads=1&query_id={id}", engine.url());
    let asked = tokio::spawn(async move {
        let answer = client.post(url).body(LONG).send().await.expect("answer");
        answer.text().await.unwrap_or_default()
    });
    engine.until(&running(id), "1").await;
    asked
}

#[tokio::test]
async fn ends_ones_own_statement() {
    let engine = Engine::start();
    let forms = [
        "KILL QUERY WHERE query_id = 'mine'",
        "KILL QUERY WHERE query_id='mine' SYNC",
        "kill query where (query_id = 'mine') async",
        "KILL QUERY WHERE query_id IN ('other', 'mine') SYNC",
        "KILL QUERY WHERE 'mine' = query_id;",
        "KILL QUERY WHERE query_id = {id:String} FORMAT JSONEachRow",
    ];
    for client in [stranger(), plain_client()] {
        for sql in forms {
            let asked = start(&engine, client.clone(), "mine").await;
            let request = client.post(format!("{}?param_id=mine", engine.url())).body(sql);
            let answer = request.send().await.expect("answer");
            assert_eq!(answer.status(), 200, "{sql}");
            let text = answer.text().await.expect("text");
            assert!(text.contains("mine") && text.contains("sin(number)"), "{sql}: {text}");
            assert!(
                !sql.contains("SYNC") || sql.contains("ASYNC") || text.starts_with("finished"),
                "{sql}: {text}"
            );
            let ended = asked.await.expect("the statement");
            assert!(ended.contains("Code: 394.") || ended.contains("Code: 236."), "{sql}: {ended}");
            engine.until(&running("mine"), "0").await;
        }
    }
}

#[tokio::test]
async fn leaves_those_of_others() {
    let engine = Engine::start();
    let asked = start(&engine, plain_client(), "theirs").await;
    let kill = |query: &str| {
        let url = format!("{}?{query}", engine.url());
        stranger().post(url).body("KILL QUERY WHERE query_id = 'theirs' SYNC").send()
    };
    let answer = kill("").await.expect("answer");
    assert_eq!((answer.status().as_u16(), answer.text().await.expect("text")), (200, String::new()));
    // A reader with the password is another one, too.
    let answer = kill(&format!("user=reader&password={PASSWORD}")).await.expect("answer");
    assert_eq!(answer.text().await.expect("text"), "");
    for sql in
        ["KILL QUERY WHERE 1", "KILL QUERY WHERE query_id = 'a' OR 1", "KILL QUERY WHERE query_id != 'a'"]
    {
        let answer = stranger().post(engine.url()).body(sql).send().await.expect("answer");
        assert!(answer.status().as_u16() >= 400, "{sql}");
    }
    // A page's image must not end anything.
    let url = format!("{}?query=KILL+QUERY+WHERE+query_id%3D'theirs'&password={PASSWORD}", engine.url());
    assert!(stranger().get(url).send().await.expect("answer").status().as_u16() >= 400);
    let (status, text) = engine.post("", "KILL QUERY WHERE query_id = 'theirs' TEST").await;
    assert!(status == 200 && text.starts_with("waiting"), "{status} {text}");
    assert_eq!(engine.ask(&running("theirs")).await, "1");
    engine.ask("KILL QUERY WHERE query_id = 'theirs' SYNC").await;
    asked.await.expect("the statement");
}
