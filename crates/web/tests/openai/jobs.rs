//! `fine_tuning/jobs`: making, listing and looking at jobs.

use gradus_app::store::models::{self, TrainedModel};
use gradus_app::store::training_jobs::checkpoints::{self, Checkpoint};
use gradus_app::store::training_jobs::events::{self, NewEvent};
use gradus_app::store::training_jobs::{self, Progress};
use gradus_app::store::{Json, Key};
use gradus_domain::{CheckpointId, Id, ModelId, TrainingJobId, TrainingJobStep};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::asking::Ask;
use crate::each_database;
use crate::running::{BASE, Running, refused, refused_request};
use crate::uploads::{conversations, id, ids, send};

each_database!(
    a_job_is_made_as_asked_for,
    a_request_that_is_sent_again_makes_no_second_job,
    what_cannot_be_trained_is_refused_by_name,
    jobs_are_listed_in_pages_by_their_notes,
    events_come_newest_first_in_pages,
    checkpoints_show_what_was_measured,
    a_finished_job_names_its_model,
);

/// A job of Alice's on a file of hers.
pub(crate) async fn job(server: &Running, more: Value) -> Value {
    let file = conversations(server, &server.alice).await;
    let mut body = json!({ "model": BASE, "training_file": file });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    server.post("/v1/fine_tuning/jobs", &body).await
}

/// The id that the services know a job by.
pub(crate) fn own_id(job: &Value) -> TrainingJobId {
    let digits = id(job).strip_prefix("ftjob-").unwrap().to_owned();
    TrainingJobId::from_uuid(Uuid::try_parse(&digits).unwrap())
}

/// Takes steps of a job as a worker does.
pub(crate) async fn take(server: &Running, job: &Value, steps: &[TrainingJobStep]) {
    for &step in steps {
        let id = own_id(job);
        let taken = server
            .services
            .store
            .write(move |tx| async move { training_jobs::step(&tx, id, step, None).await });
        taken.await.unwrap();
    }
}

async fn a_job_is_made_as_asked_for(server: &Running) {
    let training = conversations(server, &server.alice).await;
    let validation = conversations(server, &server.alice).await;
    let given = json!({ "n_epochs": 2, "batch_size": 4, "learning_rate_multiplier": 0.5 });
    let body = json!({
        "model": BASE, "training_file": training, "validation_file": validation, "suffix": "biology", "seed": 7,
        "metadata": { "course": "b1" },
        "method": { "type": "supervised", "supervised": { "hyperparameters": given } },
    });
    let made = server.post("/v1/fine_tuning/jobs", &body).await;
    for (field, expected) in [
        ("object", json!("fine_tuning.job")),
        ("status", json!("queued")),
        ("model", json!(BASE)),
        ("training_file", json!(training)),
        ("validation_file", json!(validation)),
        ("seed", json!(7)),
        ("metadata", json!({ "course": "b1" })),
        ("hyperparameters", given.clone()),
        ("method", json!({ "type": "supervised", "supervised": { "hyperparameters": given } })),
        ("user_provided_suffix", json!("biology")),
        ("result_files", json!([])),
        ("fine_tuned_model", Value::Null),
        ("finished_at", Value::Null),
        ("trained_tokens", Value::Null),
        ("error", Value::Null),
    ] {
        assert_eq!(made[field], expected, "{field}");
    }
    assert!(id(&made).starts_with("ftjob-"));
    assert_eq!(server.get(&format!("/v1/fine_tuning/jobs/{}", id(&made))).await, made);
    let usual = job(server, json!({})).await;
    let expected = json!({ "n_epochs": "auto", "batch_size": 16, "learning_rate_multiplier": 1.0 });
    assert_eq!((&usual["hyperparameters"], &usual["seed"]), (&expected, &json!(0)));
}

async fn a_request_that_is_sent_again_makes_no_second_job(server: &Running) {
    let file = conversations(server, &server.alice).await;
    let body = json!({ "model": BASE, "training_file": file, "metadata": { "a": "b" }, "suffix": "x",
        "hyperparameters": { "learning_rate_multiplier": 1.8 } });
    let send = async |retries: &str, body: &Value| {
        let ask = Ask::post("/v1/fine_tuning/jobs").bearer(&server.alice.token).json(body);
        id(&server.ask(ask.header("x-stainless-retry-count", retries)).await.json())
    };
    let first = send("0", &body).await;
    server.clock.advance_seconds(59);
    assert_eq!(send("1", &body).await, first);
    assert_eq!(send("2", &body).await, first);
    let mut other = body.clone();
    other["suffix"] = json!("y");
    assert_ne!(send("1", &other).await, first, "another request");
    server.clock.advance_seconds(2);
    let second = send("1", &body).await;
    assert_ne!(second, first, "too long ago");
    assert_ne!(send("0", &body).await, second, "asked for anew");
    assert_eq!(ids(&server.get("/v1/fine_tuning/jobs").await).len(), 4);
}

async fn what_cannot_be_trained_is_refused_by_name(server: &Running) {
    let file = conversations(server, &server.alice).await;
    let bobs = conversations(server, &server.bob).await;
    let notes = send(server, &server.alice, &[("purpose", "evals")], Some((0, "a.txt", b"a"))).await;
    let notes = id(&notes.json());
    let unknown = format!("file-{}", "0".repeat(32));
    for (body, param) in [
        (json!({ "training_file": file }), "model"),
        (json!({ "model": "gpt-9", "training_file": file }), "model"),
        (json!({ "model": BASE }), "training_file"),
        (json!({ "model": BASE, "training_file": "file-1" }), "training_file"),
        (json!({ "model": BASE, "training_file": unknown }), "training_file"),
        (json!({ "model": BASE, "training_file": bobs }), "training_file"),
        (json!({ "model": BASE, "training_file": notes }), "training_file"),
        (json!({ "model": BASE, "training_file": file, "validation_file": bobs }), "validation_file"),
        (json!({ "model": BASE, "training_file": file, "method": { "type": "dpo" } }), "method.type"),
        (json!({ "model": BASE, "training_file": file, "integrations": [{}] }), "integrations"),
        (
            json!({ "model": BASE, "training_file": file, "hyperparameters": { "n_epochs": 0 } }),
            "hyperparameters.n_epochs",
        ),
        (json!({ "model": BASE, "training_file": file, "colour": "red" }), "colour"),
    ] {
        let ask = Ask::post("/v1/fine_tuning/jobs").bearer(&server.alice.token).json(&body);
        assert_eq!(refused_request(&server.ask(ask).await).0, param, "{body}");
    }
    assert_eq!(ids(&server.get("/v1/fine_tuning/jobs").await).len(), 0);
    let body = json!({ "model": BASE, "training_file": file });
    for token in [&server.vera.token, &server.alice_reads] {
        let ask = Ask::post("/v1/fine_tuning/jobs").bearer(token).json(&body);
        assert_eq!(refused(&server.ask(ask).await).0, 403);
    }
}

async fn jobs_are_listed_in_pages_by_their_notes(server: &Running) {
    let mut made = Vec::new();
    for course in ["a", "b", "a"] {
        made.push(id(&job(server, json!({ "metadata": { "course": course, "year": "1" } })).await));
    }
    made.push(id(&job(server, json!({})).await));
    let list = async |query: &str| {
        let list = server.get(&format!("/v1/fine_tuning/jobs?{query}")).await;
        (ids(&list), list["has_more"].as_bool().unwrap())
    };
    let of = |numbers: &[usize]| numbers.iter().map(|&number| made[number].clone()).collect::<Vec<_>>();
    assert_eq!(list("").await, (of(&[3, 2, 1, 0]), false));
    assert_eq!(list("limit=2").await, (of(&[3, 2]), true));
    assert_eq!(list(&format!("limit=2&after={}", made[2])).await, (of(&[1, 0]), false));
    assert_eq!(list("metadata[course]=a&metadata[year]=1").await, (of(&[2, 0]), false));
    assert_eq!(list("metadata%5Bcourse%5D=a&limit=1").await, (of(&[2]), true));
    assert_eq!(list("metadata[course]=c").await, (of(&[]), false));
    assert_eq!(list("metadata=null").await, (of(&[3]), false));
    let bobs = server.ask(Ask::get("/v1/fine_tuning/jobs").bearer(&server.bob.token)).await;
    assert_eq!(ids(&bobs.json()).len(), 0);
    for under in ["", "/events", "/checkpoints"] {
        let ask = Ask::get(&format!("/v1/fine_tuning/jobs/{}{under}", made[0])).bearer(&server.bob.token);
        assert_eq!(refused(&server.ask(ask).await).0, 404);
    }
}

async fn events_come_newest_first_in_pages(server: &Running) {
    let job = job(server, json!({})).await;
    let own = own_id(&job);
    for step in 1..=3 {
        let event = NewEvent {
            kind: "metrics",
            level: "info",
            message: format!("Step {step}/3"),
            data: json!({ "step": step, "train_loss": 0.5 }),
        };
        let added =
            server.services.store.write(move |tx| async move { events::append(&tx, own, event).await });
        added.await.unwrap();
    }
    let path = format!("/v1/fine_tuning/jobs/{}/events", id(&job));
    let all = server.get(&path).await;
    let messages: Vec<&str> =
        all["data"].as_array().unwrap().iter().map(|event| event["message"].as_str().unwrap()).collect();
    assert_eq!(messages[..3], ["Step 3/3", "Step 2/3", "Step 1/3"]);
    assert!(messages[3].contains("was created"), "{messages:?}");
    let newest = &all["data"][0];
    assert_eq!((&newest["object"], &newest["type"]), (&json!("fine_tuning.job.event"), &json!("metrics")));
    assert_eq!(newest["data"], json!({ "step": 3, "train_loss": 0.5 }));
    assert_eq!((&all["data"][3]["type"], &all["data"][3]["data"]), (&json!("message"), &json!({})));

    let first = server.get(&format!("{path}?limit=3")).await;
    assert_eq!((ids(&first).len(), &first["has_more"]), (3, &json!(true)));
    let after = first["last_id"].as_str().unwrap();
    let rest = server.get(&format!("{path}?limit=3&after={after}")).await;
    assert_eq!((ids(&rest), &rest["has_more"]), (ids(&all)[3..].to_vec(), &json!(false)));
    let wrong = Ask::get(&format!("{path}?after=ftevent-1")).bearer(&server.alice.token);
    assert_eq!(refused_request(&server.ask(wrong).await).0, "after");
}

async fn checkpoints_show_what_was_measured(server: &Running) {
    let job = job(server, json!({ "suffix": "biology" })).await;
    let own = own_id(&job);
    let path = format!("/v1/fine_tuning/jobs/{}/checkpoints", id(&job));
    assert_eq!(ids(&server.get(&path).await).len(), 0);
    for step in [5, 10] {
        let stored = server.services.store.write(move |tx| async move {
            let checkpoint = Checkpoint {
                id: Key(CheckpointId::new()),
                training_job_id: Key(own),
                step,
                training_loss: Some(0.5),
                validation_loss: (step > 5).then_some(0.75),
                bytes: 1,
                created_at: tx.now(),
            };
            checkpoints::insert(&tx, checkpoint, Vec::new()).await
        });
        stored.await.unwrap();
    }
    let all = server.get(&path).await;
    let (newest, first) = (&all["data"][0], &all["data"][1]);
    assert_eq!(
        (&newest["object"], &newest["step_number"]),
        (&json!("fine_tuning.job.checkpoint"), &json!(10))
    );
    let metrics = json!({ "step": 10, "train_loss": 0.5, "valid_loss": 0.75, "full_valid_loss": 0.75 });
    assert_eq!((&newest["metrics"], &newest["fine_tuning_job_id"]), (&metrics, &job["id"]));
    assert_eq!(first["metrics"], json!({ "step": 5, "train_loss": 0.5 }));
    let name = newest["fine_tuned_model_checkpoint"].as_str().unwrap();
    assert!(name.starts_with(&format!("ft:{BASE}:biology:")) && name.ends_with(":ckpt-step-10"), "{name}");
    let question = json!({ "model": name, "messages": [{ "role": "user", "content": "hello" }] });
    let further = json!({ "model": name, "training_file": job["training_file"] });
    for (path, body) in [("/v1/chat/completions", question), ("/v1/fine_tuning/jobs", further)] {
        let answer = server.ask(Ask::post(path).bearer(&server.alice.token).json(&body)).await;
        let expected = ("model".to_owned(), "checkpoint_not_supported".to_owned());
        assert_eq!(refused_request(&answer), expected, "{path}");
    }
    let part = server.get(&format!("{path}?limit=1")).await;
    assert_eq!((ids(&part), &part["has_more"]), (vec![id(newest)], &json!(true)));
    let rest = server.get(&format!("{path}?after={}", id(newest))).await;
    assert_eq!(ids(&rest), [id(first)]);
    let wrong = Ask::get(&format!("{path}?after=ftckpt-{}", "0".repeat(32))).bearer(&server.alice.token);
    assert_eq!(refused_request(&server.ask(wrong).await).0, "after");
}

/// Stores a model as the end of a job does.
pub(crate) async fn finish(server: &Running, job: &Value, name: &str) -> ModelId {
    use TrainingJobStep::{Complete, Evaluate, Prepare, Train};
    take(server, job, &[Prepare, Train]).await;
    let (own, owner, name, model_id) = (own_id(job), server.alice.id, name.to_owned(), ModelId::new());
    let written = server.services.store.write(move |tx| async move {
        let progress = Progress { epoch: Some(2.0), ..Progress::default() };
        training_jobs::report_progress(&tx, own, 10, Some(40), progress).await?;
        for (step, loss) in [(1, 2.5), (2, 1.25)] {
            let data = json!({ "step": step, "train_loss": loss });
            let event = NewEvent { kind: "metrics", level: "info", message: "A step".to_owned(), data };
            events::append(&tx, own, event).await?;
        }
        let model = TrainedModel {
            id: Key(model_id),
            owner_id: Key(owner),
            name,
            kind: "chat".to_owned(),
            base_model: BASE.to_owned(),
            training_job_id: Some(Key(own)),
            step: Some(10),
            bytes: 0,
            figures: Json(json!({ "tokens": 1234 })),
            metadata: Json(json!({})),
            created_at: tx.now(),
        };
        models::insert(&tx, model, Vec::new()).await
    });
    written.await.unwrap();
    take(server, job, &[Evaluate, Complete]).await;
    model_id
}

async fn a_finished_job_names_its_model(server: &Running) {
    let first = job(server, json!({})).await;
    let name = format!("ft:{BASE}:gradus:1a2b3c4d");
    finish(server, &first, &name).await;
    let done = server.get(&format!("/v1/fine_tuning/jobs/{}", id(&first))).await;
    for (field, expected) in [
        ("status", json!("succeeded")),
        ("fine_tuned_model", json!(name)),
        ("trained_tokens", json!(1234)),
        ("hyperparameters", json!({ "n_epochs": 8, "batch_size": 16, "learning_rate_multiplier": 1.0 })),
    ] {
        assert_eq!(done[field], expected, "{field}");
    }
    assert!(done["finished_at"].is_i64() && done["estimated_finish"].is_null(), "{done}");
    let results = done["result_files"][0].as_str().unwrap();
    let file = server.get(&format!("/v1/files/{results}")).await;
    assert_eq!(
        (&file["purpose"], &file["filename"]),
        (&json!("fine-tune-results"), &json!("step_metrics.csv"))
    );
    let path = format!("/v1/files/{results}/content");
    let content = server.ask(Ask::get(&path).bearer(&server.alice.token)).await;
    assert_eq!(content.text(), "step,train_loss,valid_loss\n1,2.5,\n2,1.25,\n");
    assert_eq!(file["bytes"], content.body.len());
    assert_eq!(refused(&server.ask(Ask::get(&path).bearer(&server.bob.token)).await).0, 404);

    let listed = server.get("/v1/files?purpose=fine-tune-results").await;
    assert_eq!(listed["data"], json!([file]));
    let others = Ask::get("/v1/files?purpose=fine-tune-results").bearer(&server.bob.token);
    assert_eq!(server.ask(others).await.json()["data"], json!([]));
    let delete = Ask::new("DELETE", &format!("/v1/files/{results}")).bearer(&server.alice.token);
    assert_eq!(refused_request(&server.ask(delete).await).1, "cannot_delete_result_file");

    let next = job(server, json!({ "model": name })).await;
    assert_eq!((&next["model"], &next["status"]), (&json!(name), &json!("queued")));
    let deleted =
        server.ask(Ask::new("DELETE", &format!("/v1/models/{name}")).bearer(&server.alice.token)).await;
    assert_eq!(deleted.status, 200, "{}", deleted.text());
    let next = server.get(&format!("/v1/fine_tuning/jobs/{}", id(&next))).await;
    assert_eq!(next["model"], BASE, "what is left of where it started");
}
