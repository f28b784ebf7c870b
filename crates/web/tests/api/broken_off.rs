//! Requests under keys whose first try broke off: what a process that died leaves behind, and what a try that was given up
//! can still do.

use gradus_app::store::idempotency::{self, Attempt, Earlier, HELD};
use gradus_app::store::{StoreError, turns};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::asking::Ask;
use crate::each_database;
use crate::people::{Person, origin};
use crate::server::Server;

each_database!(
    a_request_that_broke_off_with_nothing_done_is_done_once_when_sent_again,
    a_request_whose_answer_was_lost_says_so_and_is_not_done_again,
    a_secret_that_was_never_shown_is_not_made_twice,
    a_try_that_was_overtaken_can_do_nothing_any_more,
    bytes_without_a_document_are_nothing_done,
    a_refusal_leaves_the_key_free_and_so_does_one_that_broke_off,
    every_kind_of_work_is_undone_when_its_key_is_gone,
);

const KEY: &str = "k-1";
const DATASETS: &str = "/api/v1/datasets";

fn create(person: &Person) -> Ask {
    person.post(DATASETS).header("idempotency-key", KEY).json(&dataset())
}

fn dataset() -> Value {
    json!({ "name": "Biology" })
}

/// The hash of a request, as the server stores it.
fn request_hash(parts: &[&str]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

/// Begins a request as a server does that dies then, or goes on much later.
async fn begun(server: &Server, person: &Person, said: &[&str]) -> Attempt {
    let (user, hash) = (person.caller.user, request_hash(said));
    let begin = move |change| async move { idempotency::begin(&change, user, KEY, &hash).await };
    match server.state.services.store.write(begin).await.unwrap() {
        Earlier::Nothing(attempt) => attempt,
        other => panic!("{other:?}"),
    }
}

async fn begun_dataset(server: &Server, person: &Person) -> Attempt {
    begun(server, person, &["POST /api/v1/datasets", &dataset().to_string()]).await
}

/// Does what was asked for, under the key.
async fn made(server: &Server, person: &Person, attempt: &Attempt) -> Result<(), gradus_app::Error> {
    let services = server.state.services.under(attempt.clone());
    let named = ("Biology".to_owned(), String::new());
    services.add_dataset(person.caller.user, named, json!({}), None).await.map(|_| ())
}

fn wait_over(server: &Server) {
    server.clock.advance_seconds(HELD.num_seconds());
}

async fn a_request_that_broke_off_with_nothing_done_is_done_once_when_sent_again(server: &Server) {
    let alice = server.people.alice();
    begun_dataset(server, alice).await;
    let early = server.ask(create(alice)).await;
    assert_eq!((early.status, early.code().as_str()), (409, "idempotency_key_unfinished"));
    let wait: i64 = early.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=HELD.num_seconds()).contains(&wait), "{wait}");
    assert!(early.text().contains(&format!("in {wait} s")), "{}", early.text());
    assert_eq!(server.count(alice, DATASETS).await, 0);
    // It is right to come when it says.
    server.clock.advance_seconds(wait);
    let done = server.ask(create(alice)).await;
    assert_eq!((done.status, done.header("idempotency-replayed")), (201, None));
    wait_over(server);
    let again = server.ask(create(alice)).await;
    assert_eq!((again.json(), again.header("idempotency-replayed")), (done.json(), Some("true".to_owned())));
    assert_eq!(server.count(alice, DATASETS).await, 1);
}

async fn a_request_whose_answer_was_lost_says_so_and_is_not_done_again(server: &Server) {
    let alice = server.people.alice();
    let died = begun_dataset(server, alice).await;
    made(server, alice, &died).await.unwrap();
    assert_eq!(server.refusal(create(alice)).await, (409, "idempotency_key_unfinished".to_owned()));
    for _ in 0..2 {
        wait_over(server);
        assert_eq!(server.refusal(create(alice)).await, (409, "idempotency_key_done".to_owned()));
    }
    assert_eq!(server.count(alice, DATASETS).await, 1);
}

async fn a_secret_that_was_never_shown_is_not_made_twice(server: &Server) {
    let alice = server.people.alice();
    let new = json!({ "name": "x", "scope": "read" });
    let ask = || alice.in_session(Ask::post("/api/v1/tokens")).header("idempotency-key", KEY).json(&new);
    let before = server.count(alice, "/api/v1/tokens").await;
    let died = begun(server, alice, &["POST /api/v1/tokens", &new.to_string()]).await;
    let token = gradus_app::accounts::NewApiToken {
        name: "x".to_owned(),
        scope: gradus_domain::Scope::Read,
        expires_at: None,
    };
    server.state.accounts.under(died).make_api_token(&alice.caller, token, &origin()).await.unwrap();
    wait_over(server);
    assert_eq!(server.refusal(ask()).await, (409, "idempotency_key_done".to_owned()));
    assert_eq!(server.count(alice, "/api/v1/tokens").await, before + 1);
}

async fn a_try_that_was_overtaken_can_do_nothing_any_more(server: &Server) {
    let alice = server.people.alice();
    let slow = begun_dataset(server, alice).await;
    wait_over(server);
    let done = server.ok(create(alice)).await;
    let late = made(server, alice, &slow).await;
    assert!(matches!(late, Err(gradus_app::Error::Store(StoreError::Overtaken))), "{late:?}");
    assert_eq!(server.count(alice, DATASETS).await, 1);
    assert_eq!(server.ok(create(alice)).await, done);
}

async fn bytes_without_a_document_are_nothing_done(server: &Server) {
    let alice = server.people.alice();
    let upload = || {
        let ask = alice.post("/api/v1/documents?name=a.csv&purpose=answers").header("idempotency-key", KEY);
        ask.header("content-type", "application/octet-stream").body("x")
    };
    let hash = blake3::hash(b"x").to_hex().to_string();
    let died = begun(server, alice, &["upload", &hash, "a.csv", "answers", "{}", ""]).await;
    server.state.services.under(died).archive.keep_bytes(b"x".to_vec()).await.unwrap();
    assert_eq!(server.refusal(upload()).await, (409, "idempotency_key_unfinished".to_owned()));
    wait_over(server);
    server.ok(upload()).await;
    assert_eq!(server.count(alice, "/api/v1/documents").await, 1);
}

async fn a_refusal_leaves_the_key_free_and_so_does_one_that_broke_off(server: &Server) {
    let carol = server.people.carol();
    let ask = |name: &str| {
        let new = json!({ "name": name, "display_name": "X", "role": "viewer" });
        (
            carol.in_session(Ask::post("/api/v1/users")).header("idempotency-key", KEY).json(&new),
            new.to_string(),
        )
    };
    let (taken, body) = ask("alice");
    let refusal = (409, "user_name_taken".to_owned());
    assert_eq!(server.refusal(taken.clone()).await, refusal);
    // The refusal is recorded, after which the process may die.
    let died = begun(server, carol, &["POST /api/v1/users", &body]).await;
    let new = gradus_app::accounts::NewUser {
        name: "alice".to_owned(),
        display_name: "X".to_owned(),
        role: gradus_domain::Role::Viewer,
    };
    let refused = server.state.accounts.under(died).create_user(&carol.caller, new, &origin()).await;
    assert!(refused.is_err());
    wait_over(server);
    assert_eq!(server.refusal(taken).await, refusal);
    server.ok(ask("xaver").0).await;
}

/// Handlers do what they do through the state that writes under the key: without the key, nothing is left of it.
async fn every_kind_of_work_is_undone_when_its_key_is_gone(server: &Server) {
    if server.is_sqlite {
        // It has one writer: a key cannot go while work is in the middle of writing.
        return;
    }
    let (alice, carol) = (server.people.alice(), server.people.carol());
    let keyed = |ask: Ask| ask.header("idempotency-key", KEY);
    let upload = alice.post("/api/v1/documents?name=a.csv&purpose=answers");
    let token = json!({ "name": "x", "scope": "read" });
    let user = json!({ "name": "xaver", "display_name": "X", "role": "viewer" });
    let quota = format!("quota {}", alice.caller.user);
    let cases = [
        (alice, quota.clone(), DATASETS, create(alice)),
        (
            alice,
            quota.clone(),
            "/api/v1/documents",
            keyed(upload.header("content-type", "application/octet-stream").body("x")),
        ),
        (alice, quota, "/api/v1/tokens", keyed(alice.in_session(Ask::post("/api/v1/tokens")).json(&token))),
        (
            carol,
            "accounts".to_owned(),
            "/api/v1/users",
            keyed(carol.in_session(Ask::post("/api/v1/users")).json(&user)),
        ),
    ];
    for (person, turn, list, ask) in cases {
        let before = server.count(person, list).await;
        let refusal = refused_without_key(server, person, turn, ask).await;
        assert_eq!(refusal, (409, "idempotency_key_unfinished".to_owned()), "{list}");
        assert_eq!(server.count(person, list).await, before, "{list}");
    }
}

/// Sends a request, lets it wait for its turn to write, and forgets its key meanwhile.
async fn refused_without_key(server: &Server, person: &Person, turn: String, ask: Ask) -> (u16, String) {
    let (has_turn, taken) = oneshot::channel();
    let (go_on, waits) = oneshot::channel::<()>();
    let hold = server.write(|change| async move {
        turns::take(&change, &turn).await?;
        has_turn.send(()).unwrap();
        waits.await.unwrap();
        Ok(())
    });
    let forget = async {
        while !is_begun(server, person).await {
            tokio::task::yield_now().await;
        }
        server
            .write(|change| async move {
                let forgotten = idempotency::forget(&change, change.now() + chrono::TimeDelta::seconds(1));
                assert_eq!(forgotten.await?, 1);
                Ok(())
            })
            .await;
        go_on.send(()).unwrap();
    };
    let asked = async {
        taken.await.unwrap();
        tokio::join!(server.refusal(ask), forget).0
    };
    tokio::join!(hold, asked).1
}

/// Whether a request was begun under the key. Looks as another request would, and takes that back.
async fn is_begun(server: &Server, person: &Person) -> bool {
    let user = person.caller.user;
    let looked = server.state.services.store.write(move |change| async move {
        match idempotency::begin(&change, user, KEY, "another").await? {
            Earlier::Other => Ok(()),
            _ => Err(StoreError::Stale { noun: "key" }),
        }
    });
    looked.await.is_ok()
}
