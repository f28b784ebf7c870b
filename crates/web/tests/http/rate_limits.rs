//! How many requests a client may send (SECURITY 7).

use std::time::Duration;

use gradus_web::guard::{GuardSettings, Quota, RateLimits};

use crate::asking::Ask;
use crate::people::{ALICE, ALICE_READS, CAROL};
use crate::running::Running;
use crate::wire::Answer;

fn settings(trusted_proxies: &str) -> GuardSettings {
    let quota = |requests| Quota { requests, window: Duration::from_secs(600) };
    GuardSettings {
        rate_limits: RateLimits { address: quota(3), caller: quota(5) },
        trusted_proxies: trusted_proxies.parse().unwrap(),
        ..GuardSettings::default()
    }
}

async fn ask_often(server: &Running, times: usize, ask: impl Fn(usize) -> Ask) -> Vec<Answer> {
    let mut answers = Vec::new();
    for number in 0..times {
        answers.push(server.ask(ask(number)).await);
    }
    answers
}

fn statuses(answers: &[Answer]) -> Vec<u16> {
    answers.iter().map(|answer| answer.status).collect()
}

#[tokio::test]
async fn a_caller_has_one_quota_over_all_tokens_and_is_told_of_it() {
    let server = Running::with_settings(settings("")).await;
    let answers =
        ask_often(&server, 6, |number| Ask::get("/api/v1/me").bearer([ALICE, ALICE_READS][number % 2])).await;
    assert_eq!(statuses(&answers), [200, 200, 200, 200, 200, 429]);
    assert_eq!(answers[0].header("ratelimit-policy").as_deref(), Some("\"caller\";q=5;w=600"));
    assert_eq!(answers[0].header("ratelimit").as_deref(), Some("\"caller\";r=4;t=120"));
    let refused = &answers[5];
    assert_eq!(refused.code(), "throttled");
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((100..=120).contains(&wait), "{wait}");
    assert_eq!(server.ask(Ask::get("/api/v1/me").bearer(CAROL)).await.status, 200, "others go on");
}

#[tokio::test]
async fn tokens_cannot_be_tried_out_from_one_address() {
    let server = Running::with_settings(settings("")).await;
    let guess = |number| {
        let spoofed = format!("198.51.100.{number}");
        Ask::get("/api/v1/me").bearer(&format!("grd_guess{number}")).header("x-forwarded-for", &spoofed)
    };
    let answers = ask_often(&server, 5, guess).await;
    assert_eq!(statuses(&answers), [401, 401, 401, 429, 429]);
    assert_eq!(
        server.ask(Ask::get("/api/v1/me").bearer(ALICE)).await.status,
        200,
        "a good token still works"
    );
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_its_own_quota() {
    let server = Running::with_settings(settings("127.0.0.0/8")).await;
    let from = |address: &str| Ask::get("/api/docs").header("x-forwarded-for", address);
    let one = ask_often(&server, 4, |_| from("198.51.100.1")).await;
    assert_eq!(statuses(&one), [200, 200, 200, 429]);
    assert_eq!(server.ask(from("198.51.100.2")).await.status, 200);
    // What the client itself wrote before the proxy's own entry helps it nothing.
    assert_eq!(server.ask(from("203.0.113.5, 198.51.100.1")).await.status, 429);
}

#[tokio::test]
async fn probes_are_always_answered() {
    let server = Running::with_settings(settings("")).await;
    let answers = ask_often(&server, 20, |_| Ask::get("/health/live")).await;
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.header("ratelimit").is_none()));
}
