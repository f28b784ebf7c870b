//! Long work is followed from its first state to its last, by whoever may see it and as long as they may; whoever comes back
//! misses nothing and is told nothing twice.

use gradus_app::store::datasets::versions::{self, Frozen};
use gradus_app::store::documents::{self, Reading};
use gradus_app::store::{StoreError, Transaction, blob_records, model_tests, reports};
use gradus_domain::{
    DatasetVersionId, DatasetVersionStep, DocumentId, DocumentStep, Id, ModelTestId, ModelTestStep, ReportId,
    ReportStep,
};
use serde_json::{Value, json};

use crate::asking::Ask;
use crate::each_database;
use crate::people::Person;
use crate::server::Server;
use crate::things::uuid;
use crate::wire::Connection;

each_database!(
    a_document_is_followed_until_it_was_read,
    a_dataset_version_is_followed_until_it_is_built,
    a_model_test_is_followed_until_it_is_over,
    a_report_is_followed_until_it_was_written,
    whoever_comes_back_gets_what_they_missed_and_nothing_twice,
    what_begins_anew_is_followed_by_whoever_comes_back,
    what_is_anothers_cannot_be_followed,
    a_stream_ends_when_a_share_does,
    a_stream_ends_with_what_it_is_about,
);

/// An event as it was sent.
#[derive(Debug)]
struct Event {
    number: u64,
    kind: String,
    shown: Value,
}

impl Event {
    fn state(&self) -> &str {
        self.shown["state"].as_str().unwrap()
    }
}

/// Someone's look at a thing that goes on.
struct Watch(Connection);

impl Watch {
    async fn of(server: &Server, ask: Ask) -> Self {
        let mut connection = server.connect().await;
        connection.send(ask.bytes(false)).await;
        let head = connection.head().await;
        assert_eq!((head.status, head.header("content-type").as_deref()), (200, Some("text/event-stream")));
        Self(connection)
    }

    /// The next event; none where the stream has ended.
    async fn next(&mut self) -> Option<Event> {
        let (mut number, mut kind) = (None, None);
        loop {
            let line = self.0.line().await?;
            // The last chunk is empty.
            if line == "0" {
                return None;
            }
            match line.split_once(": ") {
                Some(("id", text)) => number = Some(text.parse().unwrap()),
                Some(("event", text)) => kind = Some(text.to_owned()),
                Some(("data", text)) => {
                    let shown = serde_json::from_str(text).unwrap();
                    return Some(Event { number: number.unwrap(), kind: kind.unwrap(), shown });
                }
                _ => {}
            }
        }
    }

    /// The next event is this one.
    async fn expect(&mut self, number: u64, state: &str) -> Event {
        let event = self.next().await.expect("the stream goes on");
        assert_eq!((event.number, event.state(), event.kind.as_str()), (number, state, "snapshot"));
        event
    }

    /// The stream ends here; what it said last is what the thing's address shows.
    async fn expect_end(mut self, server: &Server, address: Ask, last: &Event) {
        let more = self.next().await;
        assert!(more.is_none(), "{more:?}");
        assert_eq!(server.ok(address).await, last.shown);
    }
}

fn stream(path: &str) -> String {
    format!("{path}/events/stream")
}

/// The stream of a thing for whoever saw it up to this event.
fn back(person: &Person, path: &str, last: u64) -> Ask {
    person.get(&stream(path)).header("last-event-id", &last.to_string())
}

fn row<T: Id>(id: &str) -> T {
    T::from_uuid(uuid(id))
}

/// What a worker does in one transaction.
async fn work<F>(server: &Server, change: impl FnOnce(Transaction) -> F + Send + 'static)
where
    F: Future<Output = Result<(), StoreError>> + Send + 'static,
{
    server.write(change).await;
}

async fn a_document_is_followed_until_it_was_read(server: &Server) {
    let alice = server.people.alice();
    let document = server.document(alice, "guide").await;
    let path = format!("/api/v1/documents/{document}");
    let mut watch = Watch::of(server, alice.get(&stream(&path))).await;
    watch.expect(1, "uploaded").await;
    let id: DocumentId = row(&document);
    work(server, move |tx| async move { documents::step(&tx, id, DocumentStep::Extract).await }).await;
    watch.expect(2, "extracting").await;
    let text_hash = server.state.services.archive.keep_bytes(b"{}".to_vec()).await.unwrap().hash.to_string();
    work(server, move |tx| async move {
        blob_records::settle(&tx, &text_hash).await?;
        let reading = Reading {
            format: "txt".to_owned(),
            pages: Some(7),
            quality: Some(0.5),
            text_hash,
            findings: Value::Null,
        };
        documents::accept(&tx, id, reading).await
    })
    .await;
    let last = watch.expect(3, "ready").await;
    assert_eq!(last.shown["pages"], 7);
    watch.expect_end(server, alice.get(&path), &last).await;
}

async fn a_dataset_version_is_followed_until_it_is_built(server: &Server) {
    let alice = server.people.alice();
    let (_, version) = server.dataset(alice).await;
    let path = format!("/api/v1/dataset-versions/{version}");
    let mut watch = Watch::of(server, alice.get(&stream(&path))).await;
    watch.expect(1, "queued").await;
    build(server, &version).await;
    watch.expect(2, "building").await;
    let id: DatasetVersionId = row(&version);
    let blob = server.state.services.archive.keep_bytes(version.clone().into_bytes()).await.unwrap();
    let frozen = Frozen {
        content_hash: "c".repeat(64),
        blob_hash: blob.hash.to_string(),
        figures: json!({ "warnings": [] }),
        examples: Vec::new(),
    };
    work(server, move |tx| async move { versions::freeze(&tx, id, frozen).await }).await;
    let last = watch.expect(3, "ready").await;
    watch.expect_end(server, alice.get(&path), &last).await;
}

async fn build(server: &Server, version: &str) {
    let id: DatasetVersionId = row(version);
    work(server, move |tx| async move { versions::step(&tx, id, DatasetVersionStep::Build).await }).await;
}

async fn a_model_test_is_followed_until_it_is_over(server: &Server) {
    let alice = server.people.alice();
    let test = server.model_test(alice).await;
    let path = format!("/api/v1/model-tests/{test}");
    // Of a draft there is nothing to wait for.
    let mut draft = Watch::of(server, alice.get(&stream(&path))).await;
    let seen = draft.expect(1, "draft").await;
    draft.expect_end(server, alice.get(&path), &seen).await;
    server.ok(alice.post(&format!("{path}/run"))).await;
    let mut watch = Watch::of(server, back(alice, &path, seen.number)).await;
    watch.expect(2, "queued").await;
    run(server, &test).await;
    watch.expect(3, "running").await;
    report_done(server, &test, 1).await;
    let half = watch.expect(4, "running").await;
    assert_eq!((&half.shown["done"], &half.shown["total"]), (&json!(1), &json!(3)));
    let id: ModelTestId = row(&test);
    work(server, move |tx| async move { model_tests::step(&tx, id, ModelTestStep::Cancel).await }).await;
    let last = watch.expect(5, "cancelled").await;
    watch.expect_end(server, alice.get(&path), &last).await;
}

async fn run(server: &Server, test: &str) {
    let id: ModelTestId = row(test);
    work(server, move |tx| async move { model_tests::step(&tx, id, ModelTestStep::Run).await }).await;
}

async fn report_done(server: &Server, test: &str, done: u64) {
    let id: ModelTestId = row(test);
    work(server, move |tx| async move { model_tests::report_done(&tx, id, done, 3).await }).await;
}

async fn a_report_is_followed_until_it_was_written(server: &Server) {
    let alice = server.people.alice();
    let report = server.report(alice).await;
    let path = format!("/api/v1/reports/{report}");
    let mut watch = Watch::of(server, alice.get(&stream(&path))).await;
    watch.expect(1, "queued").await;
    let id: ReportId = row(&report);
    work(server, move |tx| async move { reports::step(&tx, id, ReportStep::Generate).await }).await;
    watch.expect(2, "generating").await;
    let page = server.state.services.archive.keep_bytes(b"<title>June</title>".to_vec()).await.unwrap();
    let figures = server.state.services.archive.keep_bytes(b"{}".to_vec()).await.unwrap();
    let (page, figures) = (page.hash.to_string(), figures.hash.to_string());
    work(server, move |tx| async move { reports::complete(&tx, id, page, figures).await }).await;
    let last = watch.expect(3, "completed").await;
    watch.expect_end(server, alice.get(&path), &last).await;
}

async fn whoever_comes_back_gets_what_they_missed_and_nothing_twice(server: &Server) {
    let alice = server.people.alice();
    let test = server.model_test(alice).await;
    let path = format!("/api/v1/model-tests/{test}");
    server.ok(alice.post(&format!("{path}/run"))).await;
    run(server, &test).await;
    let mut watch = Watch::of(server, alice.get(&stream(&path))).await;
    let seen = watch.expect(3, "running").await;
    drop(watch);
    // What happens meanwhile is in one event, and the clock, which stands still here, has no part in it.
    for done in [1, 2] {
        report_done(server, &test, done).await;
    }
    let mut watch = Watch::of(server, back(alice, &path, seen.number)).await;
    let missed = watch.expect(5, "running").await;
    assert_eq!(missed.shown["done"], 2);
    drop(watch);
    // Whoever has missed nothing hears of nothing but what comes.
    let after = format!("{}?after={}", stream(&path), missed.number);
    let mut watch = Watch::of(server, alice.get(&after)).await;
    report_done(server, &test, 3).await;
    let end = watch.expect(6, "running").await;
    assert_eq!(end.shown["done"], 3);
    let id: ModelTestId = row(&test);
    work(server, move |tx| async move { model_tests::step(&tx, id, ModelTestStep::Cancel).await }).await;
    let last = watch.expect(7, "cancelled").await;
    watch.expect_end(server, alice.get(&path), &last).await;
    Watch::of(server, back(alice, &path, last.number))
        .await
        .expect_end(server, alice.get(&path), &last)
        .await;
}

async fn what_begins_anew_is_followed_by_whoever_comes_back(server: &Server) {
    let alice = server.people.alice();
    let report = server.report(alice).await;
    server.write_report(&report, "<title>June</title>").await;
    let path = format!("/api/v1/reports/{report}");
    let mut watch = Watch::of(server, alice.get(&stream(&path))).await;
    let written = watch.expect(3, "completed").await;
    watch.expect_end(server, alice.get(&path), &written).await;
    server.ok(alice.post(&format!("{path}/retry"))).await;
    let mut again = Watch::of(server, back(alice, &path, written.number)).await;
    again.expect(4, "queued").await;
    server.write_report(&report, "<title>June</title>").await;
    let last = again.expect(6, "completed").await;
    again.expect_end(server, alice.get(&path), &last).await;
}

async fn what_is_anothers_cannot_be_followed(server: &Server) {
    let (alice, bob, carol) = (server.people.alice(), server.people.bob(), server.people.carol());
    let report = server.report(alice).await;
    let (_, version) = server.dataset(alice).await;
    let test = server.model_test(alice).await;
    let document = server.document(alice, "papers").await;
    let things =
        [("documents", document), ("dataset-versions", version), ("model-tests", test), ("reports", report)];
    for (noun, id) in things {
        let path = stream(&format!("/api/v1/{noun}/{id}"));
        assert_eq!(server.refusal(bob.get(&path)).await, (404, "not_found".to_owned()), "{noun}");
        assert_eq!(server.refusal(Ask::get(&path)).await.0, 401, "{noun}");
        let nothing = stream(&format!("/api/v1/{noun}/00000000-0000-0000-0000-000000000001"));
        assert_eq!(server.refusal(alice.get(&nothing)).await.0, 404, "{noun}");
        let wrong = alice.get(&path).header("last-event-id", "x");
        assert_eq!(server.refusal(wrong).await, (400, "bad_event_id".to_owned()), "{noun}");
        let seen = Watch::of(server, carol.get(&path)).await.next().await.expect("administrators see it");
        assert_eq!(seen.shown["id"], id);
    }
}

async fn a_stream_ends_when_a_share_does(server: &Server) {
    let (alice, bob) = (server.people.alice(), server.people.bob());
    let (dataset, version) = server.dataset(alice).await;
    let shares = format!("/api/v1/datasets/{dataset}/shares");
    server.ok(alice.post(&shares).json(&json!({ "user_name": "bob" }))).await;
    let path = stream(&format!("/api/v1/dataset-versions/{version}"));
    let mut watch = Watch::of(server, bob.get(&path)).await;
    watch.expect(1, "queued").await;
    server.ok(alice.delete(&format!("{shares}/bob"))).await;
    build(server, &version).await;
    let more = watch.next().await;
    assert!(more.is_none(), "{more:?}");
    // For its owner it goes on.
    Watch::of(server, alice.get(&path)).await.expect(2, "building").await;
}

async fn a_stream_ends_with_what_it_is_about(server: &Server) {
    let alice = server.people.alice();
    let report = server.report(alice).await;
    let path = format!("/api/v1/reports/{report}");
    let mut watch = Watch::of(server, alice.get(&stream(&path))).await;
    watch.expect(1, "queued").await;
    server.ok(alice.delete(&path)).await;
    let more = watch.next().await;
    assert!(more.is_none(), "{more:?}");
    assert_eq!(server.refusal(alice.get(&stream(&path))).await.0, 404);
}
