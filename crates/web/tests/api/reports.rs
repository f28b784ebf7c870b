//! Model tests with their submissions, and the reports on them.

use serde_json::{Value, json};

use crate::each_database;
use crate::server::Server;
use crate::things::id;

each_database!(
    a_test_is_drafted_given_answers_run_and_cancelled,
    a_test_needs_something_to_mark,
    a_report_is_written_shown_and_deleted,
    a_report_is_about_a_completed_test,
);

fn answers(count: usize) -> Value {
    let answer = |number: usize| json!({ "student": format!("s{number}"), "question": "1", "answer": "Green.", "expected": "2" });
    json!({ "submissions": (0..count).map(answer).collect::<Vec<_>>() })
}

async fn a_test_is_drafted_given_answers_run_and_cancelled(server: &Server) {
    let alice = server.people.alice();
    let test = server.model_test(alice).await;
    let path = format!("/api/v1/model-tests/{test}");
    let submissions = format!("{path}/submissions");
    assert_eq!(server.ok(alice.post(&submissions).json(&answers(3))).await["total"], 3);
    assert_eq!(server.ok(alice.post(&submissions).json(&answers(2))).await["total"], 5);
    let page = server.ok(alice.get(&format!("{submissions}?from=2&limit=2"))).await;
    let places: Vec<_> =
        page["items"].as_array().unwrap().iter().map(|answer| answer["position"].clone()).collect();
    assert_eq!((places, page["next"].as_u64()), (vec![json!(2), json!(3)], Some(4)));
    for count in [0, 1001] {
        assert_eq!(server.refusal(alice.post(&submissions).json(&answers(count))).await.0, 422);
    }
    assert_eq!(server.ok(alice.post(&format!("{path}/run"))).await["state"], "queued");
    let late = alice.post(&submissions).json(&answers(1));
    assert_eq!(server.refusal(late).await, (409, "in_use".to_owned()));
    assert_eq!(server.refusal(alice.delete(&path)).await, (409, "in_use".to_owned()));
    assert_eq!(server.ok(alice.post(&format!("{path}/cancel"))).await["state"], "cancelled");
    server.ok(alice.delete(&path)).await;
    assert_eq!(server.count(alice, "/api/v1/model-tests").await, 0);
}

async fn a_test_needs_something_to_mark(server: &Server) {
    let (alice, bob) = (server.people.alice(), server.people.bob());
    let (model, (_, version)) = (server.model(alice).await, server.ready_dataset(alice).await);
    let new = json!({ "name": "June", "model": model, "dataset_version": version });
    assert_eq!(server.refusal(bob.post("/api/v1/model-tests").json(&new)).await.0, 404);
    let test = id(&server.ok(alice.post("/api/v1/model-tests").json(&new)).await);
    let run = alice.post(&format!("/api/v1/model-tests/{test}/run"));
    assert_eq!(server.refusal(run).await, (422, "invalid".to_owned()));
    let papers = server.document(alice, "papers").await;
    let half = json!({ "name": "June", "model": model, "dataset_version": version, "papers": [papers] });
    let answer = server.ask(alice.post("/api/v1/model-tests").json(&half)).await;
    assert_eq!(answer.json()["errors"][0]["field"], "body.known_marks");
}

async fn a_report_is_written_shown_and_deleted(server: &Server) {
    let alice = server.people.alice();
    let report = server.report(alice).await;
    let path = format!("/api/v1/reports/{report}");
    assert_eq!(server.ok(alice.get(&path)).await["state"], "queued");
    assert_eq!(server.refusal(alice.get(&format!("{path}/page"))).await, (404, "not_found".to_owned()));
    server.write_report(&report, "<!doctype html><title>June</title>").await;
    let page = server.ask(alice.get(&format!("{path}/page"))).await;
    assert_eq!((page.status, page.text().as_str()), (200, "<!doctype html><title>June</title>"));
    assert_eq!(page.header("content-type").as_deref(), Some("text/html; charset=utf-8"));
    let security = page.header("content-security-policy").unwrap();
    assert!(
        security.starts_with("sandbox; default-src 'none'") && !security.contains("script"),
        "{security}"
    );
    assert_eq!(server.ok(alice.get(&format!("{path}/figures"))).await, json!({ "kappa": 0.8 }));
    assert_eq!(server.ok(alice.post(&format!("{path}/retry"))).await["state"], "queued");
    server.ok(alice.delete(&path)).await;
    assert_eq!(server.refusal(alice.get(&path)).await.0, 404);
}

async fn a_report_is_about_a_completed_test(server: &Server) {
    let (alice, bob) = (server.people.alice(), server.people.bob());
    let draft = server.model_test(alice).await;
    let new = |test: &str| json!({ "name": "June", "model_test": test });
    let answer = server.ask(alice.post("/api/v1/reports").json(&new(&draft))).await;
    assert_eq!(answer.json()["errors"][0]["field"], "body.model_test");
    let test = server.completed_test(alice).await;
    assert_eq!(server.refusal(bob.post("/api/v1/reports").json(&new(&test))).await.0, 404);
    let report = id(&server.ok(alice.post("/api/v1/reports").json(&new(&test))).await);
    let used = alice.delete(&format!("/api/v1/model-tests/{test}"));
    assert_eq!(server.refusal(used).await, (409, "in_use".to_owned()));
    server.ok(alice.delete(&format!("/api/v1/reports/{report}"))).await;
    server.ok(alice.delete(&format!("/api/v1/model-tests/{test}"))).await;
}
