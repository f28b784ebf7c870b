//! Questions to models, as far as they go without one that answers: which model is meant, and what is told of faults.

use serde_json::{Value, json};

use crate::asking::Ask;
use crate::each_database;
use crate::running::{BASE, Running, refused, refused_request};

each_database!(
    a_question_is_refused_by_its_parameter,
    a_viewer_may_ask_with_a_token_of_theirs,
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
        for name in ["gpt-9", "gemma3-270m", "../etc"] {
            let (status, _, param, code) = refused(&ask(json!({ "model": name })).await);
            let expected = (404, Some("model"), Some("model_not_found"));
            assert_eq!((status, param.as_deref(), code.as_deref()), expected, "{name}");
        }
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
