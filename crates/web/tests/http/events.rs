//! Server-sent events: nothing lost, nothing twice, and an end when it is time (SECURITY 14, 15).

use std::time::{Duration, Instant};

use gradus_domain::Role;
use gradus_web::guard::GuardSettings;

use crate::asking::Ask;
use crate::demo::EVERYONES;
use crate::people::{ALICE, ALICE_READS, ALICE_SESSION, CAROL};
use crate::running::Running;
use crate::wire::Connection;

const PATH: &str = "/api/v1/jobs/00000000-0000-0000-0000-000000000001/events";

async fn watch(server: &Running, ask: Ask) -> Connection {
    let mut connection = server.connect().await;
    connection.send(ask.bytes(false)).await;
    let head = connection.head().await;
    assert_eq!(head.status, 200);
    assert_eq!(head.header("content-type").as_deref(), Some("text/event-stream"));
    assert_eq!(head.header("cache-control").as_deref(), Some("no-store"));
    assert_eq!(head.header("x-accel-buffering").as_deref(), Some("no"));
    connection
}

/// The numbers of the next events; stops at the end of the stream.
async fn numbers(connection: &mut Connection, count: usize) -> Vec<u64> {
    let mut numbers = Vec::new();
    while numbers.len() < count {
        let Some(line) = connection.line().await else { break };
        // The last chunk is empty.
        if line == "0" {
            break;
        }
        numbers.extend(line.strip_prefix("id: ").map(|number| number.parse::<u64>().unwrap()));
    }
    numbers
}

#[tokio::test]
async fn all_events_are_replayed_and_then_followed() {
    let server = Running::start().await;
    server.demo.happened.send_replace((7, false));
    let mut connection = watch(&server, Ask::get(PATH).bearer(ALICE)).await;
    assert_eq!(numbers(&mut connection, 7).await, [1, 2, 3, 4, 5, 6, 7]);
    server.demo.happened.send_replace((9, false));
    assert_eq!(numbers(&mut connection, 2).await, [8, 9]);
    server.demo.happened.send_replace((10, true));
    assert_eq!(numbers(&mut connection, 5).await, [10], "the stream ends with its job");
}

#[tokio::test]
async fn a_client_that_comes_back_gets_what_it_missed_and_nothing_twice() {
    let server = Running::start().await;
    server.demo.happened.send_replace((5, true));
    let mut back = watch(&server, Ask::get(PATH).bearer(ALICE).header("last-event-id", "3")).await;
    assert_eq!(numbers(&mut back, 9).await, [4, 5]);
    let mut middle = watch(&server, Ask::get(&format!("{PATH}?after=4")).bearer(ALICE)).await;
    assert_eq!(numbers(&mut middle, 9).await, [5]);
    // The header is what a browser adds when it comes back to the same address.
    let both = Ask::get(&format!("{PATH}?after=1")).bearer(ALICE).header("last-event-id", "4");
    assert_eq!(numbers(&mut watch(&server, both).await, 9).await, [5]);
    let mut ahead = watch(&server, Ask::get(PATH).bearer(ALICE).header("last-event-id", "5")).await;
    assert_eq!(numbers(&mut ahead, 9).await, [0_u64; 0]);
}

#[tokio::test]
async fn an_event_is_written_in_one_piece() {
    let server = Running::start().await;
    server.demo.happened.send_replace((1, true));
    let mut connection = watch(&server, Ask::get(PATH).bearer(ALICE)).await;
    let mut lines = Vec::new();
    while let Some(line) = connection.line().await {
        lines.push(line);
    }
    let text = lines.join("\n");
    assert!(text.contains("retry: 1500"), "{text}");
    assert!(text.contains("id: 1\nevent: step\ndata: {\"step\":1,\"text\":\"a\\nb\"}\n"), "{text}");
}

#[tokio::test]
async fn a_number_that_is_none_is_refused() {
    let server = Running::start().await;
    for id in ["abc", "-1", "1.5", "99999999999999999999", "\u{e9}"] {
        let answer = server.ask(Ask::get(PATH).bearer(ALICE).header("last-event-id", id)).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "bad_event_id"), "{id}");
    }
    let query = server.ask(Ask::get(&format!("{PATH}?after=x")).bearer(ALICE)).await;
    assert_eq!((query.status, query.json()["errors"][0]["field"].as_str()), (400, Some("query.after")));
}

#[tokio::test]
async fn a_quiet_stream_is_kept_alive() {
    let server = Running::start().await;
    let mut connection = watch(&server, Ask::get(PATH).bearer(ALICE)).await;
    let mut comments = 0;
    while comments < 2 {
        let line = connection.line().await.expect("the stream goes on");
        comments += usize::from(line.starts_with(':'));
    }
}

#[tokio::test]
async fn a_user_has_only_so_many_streams_and_others_have_their_own() {
    let settings = GuardSettings { max_streams_of_caller: 2, ..GuardSettings::default() };
    let server = Running::with_settings(settings).await;
    let first = watch(&server, Ask::get(PATH).bearer(ALICE)).await;
    let _second = watch(&server, Ask::get(PATH).bearer(ALICE_READS)).await;
    let refused = server.ask(Ask::get(PATH).bearer(ALICE)).await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "too_many_streams"));
    assert_eq!(refused.header("retry-after").as_deref(), Some("5"));
    watch(&server, Ask::get(PATH).bearer(CAROL)).await;
    // A stream that its client has left is over at its next comment.
    drop(first);
    let deadline = Instant::now() + Duration::from_secs(10);
    while server.ask_head(Ask::get(PATH).bearer(ALICE)).await != 200 {
        assert!(Instant::now() < deadline, "the place is free again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_stream_ends_when_the_callers_right_does() {
    let server = Running::start().await;
    let mut connection = watch(&server, Ask::get(PATH).bearer(ALICE)).await;
    // Some rechecks pass while the token is good.
    tokio::time::sleep(Duration::from_millis(350)).await;
    server.demo.happened.send_replace((1, false));
    assert_eq!(numbers(&mut connection, 1).await, [1]);
    server.people.revoke(ALICE);
    tokio::time::sleep(Duration::from_millis(150)).await;
    server.demo.happened.send_replace((2, false));
    assert_eq!(numbers(&mut connection, 1).await, [0_u64; 0], "nothing is told after the token is revoked");
}

#[tokio::test]
async fn a_stream_shows_what_its_caller_may_see_now_and_not_what_they_might_at_its_beginning() {
    let server = Running::start().await;
    let mut connection = watch(&server, Ask::get(&format!("{PATH}?after={EVERYONES}")).bearer(CAROL)).await;
    server.demo.happened.send_replace((EVERYONES + 1, false));
    assert_eq!(numbers(&mut connection, 1).await, [EVERYONES + 1]);
    server.people.change_role(CAROL, Role::Author);
    tokio::time::sleep(Duration::from_millis(250)).await;
    server.demo.happened.send_replace((EVERYONES + 2, false));
    assert_eq!(numbers(&mut connection, 1).await, [0_u64; 0], "she is no administrator any more");
}

#[tokio::test]
async fn looking_whether_a_stream_may_go_on_is_no_use_of_its_session() {
    let server = Running::start().await;
    let browser = Ask::get(PATH).session(ALICE_SESSION).header("sec-fetch-site", "same-origin");
    let mut connection = watch(&server, browser).await;
    // Some rechecks pass.
    tokio::time::sleep(Duration::from_millis(350)).await;
    server.demo.happened.send_replace((1, false));
    assert_eq!(numbers(&mut connection, 1).await, [1]);
    assert_eq!(server.people.asked.load(std::sync::atomic::Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_stream_outlives_a_moment_without_the_database_and_ends_when_its_subject_is_gone() {
    let server = Running::start().await;
    let mut connection = watch(&server, Ask::get(PATH).bearer(ALICE)).await;
    server.people.is_down.store(true, std::sync::atomic::Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(250)).await;
    server.demo.happened.send_replace((1, false));
    assert_eq!(numbers(&mut connection, 1).await, [1]);
    server.demo.happened.send_replace((u64::MAX, false));
    assert_eq!(numbers(&mut connection, 1).await, [0_u64; 0]);
}
