//! Questions to models, as far as they go without one that answers: which model is meant, and what is told of faults.

use std::time::{Duration, Instant};

use gradus_app::serving::ServingOptions;
use gradus_testkit::Kind;
use serde_json::{Value, json};

use crate::asking::Ask;
use crate::each_database;
use crate::running::{BASE, Running, refused, refused_request};
use crate::wire::Connection;

each_database!(
    a_question_is_refused_by_its_parameter,
    a_viewer_may_ask_with_a_token_of_theirs,
    a_question_that_is_longer_than_any_model_reads_is_refused,
    a_model_that_is_lost_is_told_before_a_stream_begins,
);

const BOTH: [&str; 2] = ["/v1/chat/completions", "/v1/responses"];

fn question(path: &str, more: Value) -> Ask {
    let mut body = match path {
        "/v1/responses" => json!({ "model": BASE, "input": "hello" }),
        _ => json!({ "model": BASE, "messages": [{ "role": "user", "content": "hello" }] }),
    };
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Ask::post(path).json(&body)
}

async fn a_question_is_refused_by_its_parameter(server: &Running) {
    for path in BOTH {
        let ask = async |more: Value| server.ask(question(path, more).bearer(&server.alice.token)).await;
        assert_eq!(refused_request(&ask(json!({ "temperature": 3 })).await).0, "temperature");
        assert_eq!(refused_request(&ask(json!({ "tools": [{}] })).await).0, "tools");
        assert_eq!(refused_request(&ask(json!({ "metadata": vec![0; 1000] })).await).0, "metadata");
        for name in ["gpt-9", "gemma3-270m", "../etc"] {
            let (status, _, param, code) = refused(&ask(json!({ "model": name })).await);
            let expected = (404, Some("model"), Some("model_not_found"));
            assert_eq!((status, param.as_deref(), code.as_deref()), expected, "{name}");
        }
        let to_be_had = ask(json!({ "model": "gemma3-270m" })).await;
        assert!(to_be_had.text().contains("`gradus models pull gemma3-270m`"), "{}", to_be_had.text());
        let looking = server.ask(question(path, json!({})).bearer(&server.alice_reads)).await;
        assert_eq!(refused(&looking).0, 403, "a token that may only look");
        let broken = Ask::post(path).bearer(&server.alice.token).header("content-type", "application/json");
        assert_eq!(refused_request(&server.ask(broken.body("{")).await).1, "not_json");
    }
}

async fn a_viewer_may_ask_with_a_token_of_theirs(server: &Running) {
    for path in BOTH {
        let answer = server.ask(question(path, json!({})).bearer(&server.vera.token)).await;
        // The model was found and asked; no process runs it here.
        assert_eq!(refused(&answer).3.as_deref(), Some("model_lost"), "{}", answer.text());
    }
}

async fn a_question_that_is_longer_than_any_model_reads_is_refused(server: &Running) {
    for path in BOTH {
        let long = json!({ "user": "x".repeat(2 << 20) });
        let answer = server.ask(question(path, long).bearer(&server.alice.token)).await;
        assert_eq!(refused(&answer).0, 413);
    }
}

/// Sends a question that nobody answers, and waits until it is among those that wait.
async fn asked(server: &Running, question: Ask) -> Connection {
    let before = server.models.state().requests;
    let mut connection = Connection::open(server.address).await;
    connection.send(question.bytes(false)).await;
    let deadline = Instant::now() + Duration::from_secs(20);
    while server.models.state().requests <= before {
        assert!(Instant::now() < deadline, "the question reaches the model");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    connection
}

/// A process that says nothing, so that every question waits.
fn silent() -> ServingOptions {
    ServingOptions::new("sleep", ["600".into()])
}

#[tokio::test]
async fn a_user_has_a_share_of_the_questions_and_others_have_theirs() {
    let models = ServingOptions { requests_of_asker: 2, ..silent() };
    let server = Running::with_models(Kind::Sqlite, models).await.unwrap();
    let question = |token: &str| question(BOTH[0], json!({})).bearer(token);
    let first = asked(&server, question(&server.alice.token)).await;
    let _second = asked(&server, question(&server.alice.token)).await;
    let answer = server.ask(question(&server.alice.token)).await;
    let expected = (429, "rate_limit_error".into(), None, Some("too_many_requests".into()));
    assert_eq!(refused(&answer), expected);
    assert!(answer.header("retry-after").is_some());
    let _others = asked(&server, question(&server.bob.token)).await;
    // Whoever goes away makes room for themselves.
    drop(first);
    while server.models.state().requests == 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    asked(&server, question(&server.alice.token)).await;
    server.end().await;
}

/// What a process holds, in bytes.
#[cfg(target_os = "linux")]
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    1024 * line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn questions_take_little_memory_while_their_answers_are_awaited() {
    let server = Running::with_models(Kind::Sqlite, silent()).await.unwrap();
    let before = resident_bytes();
    let mut waiting = Vec::new();
    for number in 0..20 {
        // A hundred times its length as values, in a field that changes no answer.
        let long = json!({ "safety_identifier": vec![json!([]); 600_000] });
        let question = question(BOTH[number % 2], long).bearer(&server.alice.token);
        waiting.push(asked(&server, question).await);
    }
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 300 << 20, "{} MiB for 20 questions of 2 MB", grown >> 20);
    drop(waiting);
    server.end().await;
}

async fn a_model_that_is_lost_is_told_before_a_stream_begins(server: &Running) {
    for path in BOTH {
        for stream in [false, true] {
            let ask = question(path, json!({ "stream": stream })).bearer(&server.alice.token);
            let answer = server.ask(ask).await;
            let expected = (503, "server_error".into(), None, Some("model_lost".into()));
            assert_eq!(refused(&answer), expected, "{}", answer.text());
            assert_eq!(answer.header("retry-after").as_deref(), Some("1"));
        }
    }
}
