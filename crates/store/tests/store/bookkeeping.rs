//! Failures, audit, workers, settings.

use gradus_domain::failure::{Category, Failure, Severity};
use gradus_domain::{AuditEventId, UserId};
use gradus_store::audit_events::{self, AuditEvent};
use gradus_store::workers::{self, Worker, WorkerFigures};
use gradus_store::{Json, Key, PageRequest, StoreError, error_events, server_settings};
use gradus_testkit::TestDatabase;
use serde_json::json;
use uuid::Uuid;

use super::each_database;
use super::samples::stored_user;

each_database!(
    failures_of_a_kind_are_one_row_until_they_are_dealt_with,
    audit_events_are_listed_by_user_and_in_all,
    workers_show_themselves_and_are_forgotten,
    a_setting_is_replaced_and_removed,
);

fn failure(message: &str) -> Failure {
    Failure {
        category: Category::Storage,
        severity: Severity::Error,
        is_transient: true,
        message: message.to_owned(),
    }
}

async fn failures_of_a_kind_are_one_row_until_they_are_dealt_with(database: &TestDatabase) {
    let store = database.open().await;
    let ada = stored_user(&store, "ada").await;
    let record = async |fingerprint: &'static str, message: &'static str| {
        let subject = Some(Uuid::now_v7());
        store
            .write(move |tx| async move {
                error_events::record(&tx, fingerprint, "blobs", &failure(message), subject).await
            })
            .await
            .unwrap();
    };
    let open =
        async || error_events::page(&store.reader(), true, &PageRequest::first(10)).await.unwrap().items;
    record("disk", "disk full on a").await;
    database.clock.advance_seconds(5);
    record("disk", "disk full on b").await;
    record("net", "no route").await;
    let events = open().await;
    assert_eq!(events.len(), 2);
    let disk = events.iter().find(|event| event.fingerprint == "disk").unwrap();
    assert_eq!((disk.count, disk.message.as_str()), (2, "disk full on b"));
    assert_eq!(disk.last_seen_at - disk.first_seen_at, chrono::TimeDelta::seconds(5));

    let id = disk.id.0;
    store.write(move |tx| async move { error_events::resolve(&tx, id, ada).await }).await.unwrap();
    let again = store.write(move |tx| async move { error_events::resolve(&tx, id, ada).await }).await;
    assert!(matches!(again, Err(StoreError::NotFound { .. })));
    record("disk", "disk full once more").await;
    let counts: Vec<_> = open().await.iter().map(|event| (event.fingerprint.clone(), event.count)).collect();
    assert_eq!(counts, [("disk".to_owned(), 1), ("net".to_owned(), 1)]);
    let all = error_events::page(&store.reader(), false, &PageRequest::first(10)).await.unwrap();
    assert_eq!(all.items.len(), 3);
    store.close().await.unwrap();
}

async fn audit_events_are_listed_by_user_and_in_all(database: &TestDatabase) {
    let store = database.open().await;
    let ada = stored_user(&store, "ada").await;
    store
        .write(move |tx| async move {
            for user in [Some(ada), None] {
                let event = AuditEvent {
                    id: Key(AuditEventId::new()),
                    at: tx.now(),
                    user_id: user.map(Key),
                    user_name: "ada\r\nforged line".to_owned(),
                    action: "login".to_owned(),
                    outcome: "done".to_owned(),
                    subject: None,
                    address: Some("::1".to_owned()),
                    request_id: None,
                    details: Json(json!({})),
                };
                audit_events::insert(&tx, event).await?;
            }
            Ok(())
        })
        .await
        .unwrap();
    let page = async |user: Option<UserId>| {
        audit_events::page(&store.reader(), user, &PageRequest::first(10)).await.unwrap().items
    };
    assert_eq!((page(None).await.len(), page(Some(ada)).await.len()), (2, 1));
    assert_eq!(page(Some(ada)).await[0].user_name, "ada\r\nforged line");
    store.close().await.unwrap();
}

async fn workers_show_themselves_and_are_forgotten(database: &TestDatabase) {
    let store = database.open().await;
    let id = Uuid::now_v7();
    let show = async |jobs: u32| {
        store
            .write(move |tx| async move {
                let worker = Worker {
                    id,
                    name: "host:1".to_owned(),
                    figures: Json(WorkerFigures {
                        jobs,
                        memory_bytes: 5,
                        tokens_per_second: Some(1234.5),
                        held_back: None,
                    }),
                    is_draining: false,
                    started_at: tx.now(),
                    seen_at: tx.now(),
                };
                workers::show(&tx, worker).await?;
                Ok(tx.now())
            })
            .await
            .unwrap()
    };
    let started = show(0).await;
    database.clock.advance_seconds(10);
    let seen = show(1).await;
    let alive = workers::alive(&store.reader(), seen).await.unwrap();
    assert_eq!(alive.len(), 1);
    assert_eq!((alive[0].figures.jobs, alive[0].started_at, alive[0].seen_at), (1, started, seen));
    store.write(move |tx| async move { workers::forget(&tx, id, started).await }).await.unwrap();
    assert_eq!(workers::alive(&store.reader(), started).await.unwrap(), []);
    store.close().await.unwrap();
}

async fn a_setting_is_replaced_and_removed(database: &TestDatabase) {
    let store = database.open().await;
    for value in [json!({"hash": "a"}), json!([1, null, "ü"])] {
        let put = value.clone();
        store.write(move |tx| async move { server_settings::put(&tx, "setup", put).await }).await.unwrap();
        assert_eq!(server_settings::find(&store.reader(), "setup").await.unwrap(), Some(value));
    }
    assert!(store.write(|tx| async move { server_settings::remove(&tx, "setup").await }).await.unwrap());
    assert!(!store.write(|tx| async move { server_settings::remove(&tx, "setup").await }).await.unwrap());
    assert_eq!(server_settings::find(&store.reader(), "setup").await.unwrap(), None);
    store.close().await.unwrap();
}
