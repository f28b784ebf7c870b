//! `files`: uploading, listing, reading and deleting.

use serde_json::json;

use crate::asking::Ask;
use crate::each_database;
use crate::running::{BASE, MAX_UPLOAD_BYTES, Running, refused, refused_request};
use crate::uploads::{CONVERSATION, conversations, id, ids, send};

each_database!(
    a_file_comes_back_as_it_was_sent,
    a_file_that_cannot_be_learnt_from_is_refused_with_its_lines,
    what_a_form_says_wrong_is_named_and_nothing_stays,
    files_are_listed_in_pages_of_a_purpose,
    a_file_is_its_owners_alone,
    a_file_that_a_job_needs_stays,
);

async fn a_file_comes_back_as_it_was_sent(server: &Running) {
    let content = format!("{CONVERSATION}\n{CONVERSATION}\n");
    let fields = [
        ("purpose", "fine-tune"),
        ("expires_after[anchor]", "created_at"),
        ("expires_after[seconds]", "3600"),
    ];
    // Some clients send the file first, others last.
    for place in [0, 3] {
        let answer =
            send(server, &server.alice, &fields, Some((place, "../train.jsonl", content.as_bytes()))).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let file = answer.json();
        let created = file["created_at"].as_i64().unwrap();
        let expected = json!({
            "id": file["id"], "object": "file", "bytes": content.len(), "created_at": created,
            "expires_at": created + 3600, "filename": "train.jsonl", "purpose": "fine-tune", "status": "processed",
        });
        assert_eq!(file, expected);
        let path = format!("/v1/files/{}", id(&file));
        assert!(path.starts_with("/v1/files/file-"));
        assert_eq!(server.get(&path).await, file);

        let bytes = server.ask(Ask::get(&format!("{path}/content")).bearer(&server.alice.token)).await;
        assert_eq!((bytes.status, bytes.text()), (200, content.clone()));
        let disposition = "attachment; filename=\"train.jsonl\"; filename*=UTF-8''train.jsonl";
        assert_eq!(bytes.header("content-disposition").as_deref(), Some(disposition));
        // A browser that shows it all the same runs nothing in it.
        assert!(bytes.header("content-security-policy").unwrap().starts_with("sandbox; default-src 'none'"));
        assert_eq!(bytes.header("content-length"), Some(content.len().to_string()));

        let deleted = server.ask(Ask::new("DELETE", &path).bearer(&server.alice.token)).await;
        assert_eq!(deleted.json(), json!({ "id": file["id"], "object": "file", "deleted": true }));
        let gone = server.ask(Ask::get(&path).bearer(&server.alice.token)).await;
        let expected =
            (404, "invalid_request_error".into(), Some("id".into()), Some("file_not_found".into()));
        assert_eq!(refused(&gone), expected);
    }
}

async fn a_file_that_cannot_be_learnt_from_is_refused_with_its_lines(server: &Running) {
    let content = format!("{CONVERSATION}\nnot json\n{}\n", CONVERSATION.replace("assistant", "robot"));
    let file = Some((1, "train.jsonl", content.as_bytes()));
    let answer = send(server, &server.alice, &[("purpose", "fine-tune")], file).await;
    assert_eq!(refused_request(&answer), ("file".into(), "invalid_training_file".into()));
    let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("2 problems"), "{message}");
    assert!(message.contains("line 2: bad JSON") && message.contains("line 3, field `role`"), "{message}");
    assert_eq!(ids(&server.get("/v1/files").await).len(), 0);
    assert_eq!(server.spooled_files(), 0);
    // For another purpose it may be anything.
    let file = Some((1, "notes.txt", content.as_bytes()));
    let answer = send(server, &server.alice, &[("purpose", "user_data")], file).await;
    assert_eq!((answer.status, &answer.json()["purpose"]), (200, &json!("user_data")));
}

async fn what_a_form_says_wrong_is_named_and_nothing_stays(server: &Running) {
    let content = format!("{CONVERSATION}\n");
    let file = Some((0, "train.jsonl", content.as_bytes()));
    for (fields, param, code) in [
        (vec![], "purpose", "missing_required_parameter"),
        (vec![("purpose", "batch")], "purpose", "unsupported_value"),
        (vec![("purpose", "fun")], "purpose", "invalid_value"),
        (vec![("purpose", "evals"), ("mood", "good")], "mood", "unknown_parameter"),
    ] {
        let answer = send(server, &server.alice, &fields, file).await;
        assert_eq!(refused_request(&answer), (param.into(), code.into()), "{fields:?}");
    }
    let answer = send(server, &server.alice, &[("purpose", "evals")], None).await;
    assert_eq!(refused_request(&answer).0, "file");
    let long = vec![b'x'; MAX_UPLOAD_BYTES as usize + 1];
    let answer = send(server, &server.alice, &[("purpose", "evals")], Some((0, "a", &long))).await;
    assert_eq!(refused(&answer).0, 413);
    let json = Ask::post("/v1/files").bearer(&server.alice.token).json(&json!({ "purpose": "evals" }));
    assert_eq!(refused(&server.ask(json).await).0, 415);
    assert_eq!(server.spooled_files(), 0);
    assert_eq!(ids(&server.get("/v1/files").await).len(), 0);
}

async fn files_are_listed_in_pages_of_a_purpose(server: &Running) {
    let mut sent = Vec::new();
    for _ in 0..3 {
        sent.push(conversations(server, &server.alice).await);
        server.clock.advance_seconds(1);
    }
    let other = send(server, &server.alice, &[("purpose", "evals")], Some((0, "a.txt", b"a"))).await;
    let other = id(&other.json());
    let newest_first = [other.as_str(), &sent[2], &sent[1], &sent[0]];
    let all = server.get("/v1/files").await;
    assert_eq!(ids(&all), newest_first);
    assert_eq!((&all["has_more"], &all["last_id"]), (&json!(false), &json!(sent[0])));
    let first = server.get("/v1/files?limit=2&purpose=fine-tune").await;
    assert_eq!((ids(&first), &first["has_more"]), (vec![sent[2].clone(), sent[1].clone()], &json!(true)));
    let rest = server.get(&format!("/v1/files?limit=2&purpose=fine-tune&after={}", sent[1])).await;
    assert_eq!((ids(&rest), &rest["has_more"]), (vec![sent[0].clone()], &json!(false)));
    assert_eq!(ids(&server.get("/v1/files?order=asc&limit=1").await), [sent[0].as_str()]);
    for (query, param) in [
        ("limit=0", "limit"),
        ("order=up", "order"),
        ("after=x", "after"),
        ("purpose=x", "purpose"),
        ("a=b", "a"),
    ] {
        let answer = server.ask(Ask::get(&format!("/v1/files?{query}")).bearer(&server.alice.token)).await;
        assert_eq!(refused_request(&answer).0, param);
    }
}

async fn a_file_is_its_owners_alone(server: &Running) {
    let file = conversations(server, &server.alice).await;
    for ask in [
        Ask::get(&format!("/v1/files/{file}")),
        Ask::get(&format!("/v1/files/{file}/content")),
        Ask::new("DELETE", &format!("/v1/files/{file}")),
    ] {
        let answer = server.ask(ask.bearer(&server.bob.token)).await;
        assert_eq!(refused(&answer).0, 404);
    }
    let list = server.ask(Ask::get("/v1/files").bearer(&server.bob.token)).await;
    assert_eq!(ids(&list.json()).len(), 0);
    let may_not = Ask::new("DELETE", &format!("/v1/files/{file}")).bearer(&server.alice_reads);
    assert_eq!(refused(&server.ask(may_not).await).0, 403);
    assert_eq!(ids(&server.get("/v1/files").await), [file]);
}

async fn a_file_that_a_job_needs_stays(server: &Running) {
    let file = conversations(server, &server.alice).await;
    server.post("/v1/fine_tuning/jobs", &json!({ "model": BASE, "training_file": file })).await;
    let path = format!("/v1/files/{file}");
    let answer = server.ask(Ask::new("DELETE", &path).bearer(&server.alice.token)).await;
    assert_eq!(refused_request(&answer).1, "in_use");
    assert_eq!(id(&server.get(&path).await), file);
}
