//! How long an answer takes tells nothing (SECURITY 9): an unknown name is refused in the time of a wrong password. The
//! long mode measures to five in a hundred; the short one would still see a hash that is left out.

use std::time::{Duration, Instant};

use gradus_testkit::given;
use serde_json::json;

use crate::asking::Ask;
use crate::each_database;
use crate::people::OTHER_PASSWORD;
use crate::server::Server;

each_database!(an_unknown_name_is_refused_in_the_time_of_a_wrong_password);

async fn time_of(server: &Server, name: &str) -> Duration {
    let ask = Ask::post("/api/v1/sessions").json(&json!({ "name": name, "password": OTHER_PASSWORD }));
    let begun = Instant::now();
    let answer = server.ask(ask).await;
    let took = begun.elapsed();
    assert_eq!((answer.status, answer.code().as_str()), (401, "wrong_credentials"));
    took
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64()
}

async fn an_unknown_name_is_refused_in_the_time_of_a_wrong_password(server: &Server) {
    let (pairs, most) = if given::is_long() { (200, 0.05) } else { (20, 1.0) };
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for number in 0..pairs {
        // One beside the other, so that what else the machine does slows both; and never so often that it is held back.
        known.push(time_of(server, "alice").await);
        unknown.push(time_of(server, &format!("nobody{number}")).await);
        if number % 4 == 3 {
            server.clock.advance_seconds(15 * 60);
        }
    }
    let (known, unknown) = (median(known), median(unknown));
    let difference = (known - unknown).abs() / known.min(unknown);
    assert!(difference < most, "{known} s and {unknown} s differ by {difference}");
}
