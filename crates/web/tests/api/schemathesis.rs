//! What `schemathesis` finds when it asks the server everything that the API's description allows, and what it does not:
//! a server error, an answer that is not as described, a wrong request that is taken. Set `GRADUS_TEST_PYTHON` to a
//! Python that has the package; without it this is skipped. What it leaves out says `schemathesis.toml`.

use std::path::Path;
use std::process::Stdio;

use gradus_testkit::given;
use tempfile::TempDir;
use tokio::process::Command;

use crate::asking::Ask;
use crate::each_database;
use crate::matrix::Things;
use crate::people::Person;
use crate::server::Server;

each_database!(
    no_answer_is_outside_its_description,
    no_answer_about_real_things_is_outside_its_description,
    no_answer_to_a_session_is_outside_its_description,
);

/// What takes the right to ask from whoever asks.
const ENDS_THE_RUN: [&str; 2] = ["logOut", "revokeToken"];
/// Done in a session alone.
const IN_A_SESSION: [&str; 3] = ["changePassword", "endSession", "revokeToken"];

/// A stream ends with the work that it follows, and what is made up here nobody works on: they are asked for apart.
const STREAMS: &str = "/events/stream$";
const STREAM_COUNT: usize = 5;

/// What is tried, and how many requests of each operation are made up beside those that cover its parameters one by one.
/// The short mode covers them on one database alone: that takes longest, and is the same each time.
fn extent(server: &Server) -> [&'static str; 4] {
    match (given::is_long(), server.is_sqlite) {
        (true, _) => ["--phases", "coverage,fuzzing,stateful", "--max-examples", "300"],
        (false, true) => ["--phases", "coverage,fuzzing,stateful", "--max-examples", "3"],
        (false, false) => ["--phases", "fuzzing,stateful", "--max-examples", "3"],
    }
}

/// Runs it with these settings beside those of all runs; what it reported. Fails with the report where it found anything.
async fn run(server: &Server, settings: &str, options: &[&str]) -> Option<String> {
    let python = given::python()?;
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api");
    let directory = TempDir::new().unwrap();
    let config = std::fs::read_to_string(here.join("schemathesis.toml")).unwrap();
    std::fs::write(directory.path().join("schemathesis.toml"), format!("{config}{settings}")).unwrap();
    let output = Command::new(python)
        .args(["-m", "schemathesis.cli", "run"])
        .args([&format!("http://{}/api/v1/openapi.json", server.address), "--seed", "5"])
        .args(["--generation-database", "none"])
        .args(["--request-timeout", "30", "--no-color", "--output-truncate", "false"])
        .args(options)
        .current_dir(&directory)
        .env("PYTHONPATH", here)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("COLUMNS", "160")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{report}\n{}", String::from_utf8_lossy(&output.stderr));
    Some(report)
}

/// The settings with which it asks with a token.
fn with_token(person: &Person) -> String {
    format!("\n[auth.openapi.bearer]\nbearer = \"{}\"\n", person.token)
}

fn operations(server: &Server) -> usize {
    server.description["paths"]
        .as_object()
        .unwrap()
        .values()
        .map(|item| item.as_object().unwrap().len())
        .sum()
}

async fn no_answer_is_outside_its_description(server: &Server) {
    let carol = server.people.carol();
    let left_out = ENDS_THE_RUN.iter().flat_map(|operation| ["--exclude-operation-id", operation]);
    let left_out = left_out.chain(["--exclude-path-regex", STREAMS]);
    let Some(report) =
        run(server, &with_token(carol), &left_out.chain(extent(server)).collect::<Vec<_>>()).await
    else {
        return;
    };
    // The description itself is asked for once, to be read.
    let all = operations(server) - ENDS_THE_RUN.len() - STREAM_COUNT - 1;
    assert!(report.contains(&format!("Tested: {all}\n")), "{report}");
    assert!(!report.contains("Rate limited"), "{report}");
    server.ok(carol.get("/api/v1/me")).await;
}

/// Whoever guesses ids finds nothing: here each address has the id of a thing that is there.
async fn no_answer_about_real_things_is_outside_its_description(server: &Server) {
    let things = Things::of_alice(server).await;
    // The stream of its events ends with a job; no work is left on the other things.
    let job = things.id("training-jobs").to_owned();
    server.ok(server.people.alice().post(&format!("/api/v1/training-jobs/{job}/cancel"))).await;
    let mut settings = with_token(server.people.carol());
    for (noun, id) in things.all() {
        settings.push_str(&format!(
            "[[operations]]\ninclude-path-regex = \"^/api/v1/{noun}/\"\nparameters = {{ \"path.id\" = \"{id}\", \
             \"path.name\" = \"adapter.bin\" }}\n"
        ));
    }
    let options = [
        ["--include-path-regex", "[{]id[}]"],
        // It would leave nothing to ask about.
        ["--exclude-method", "DELETE"],
    ];
    // What was covered one by one about nothing is refused for the same reasons about something.
    let extent =
        if given::is_long() { extent(server) } else { ["--phases", "fuzzing", "--max-examples", "5"] };
    let streams = ["--include-path-regex", "[{]id[}]/events/stream$"];
    let Some(report) = run(server, &settings, &[streams.as_slice(), &extent].concat()).await else { return };
    assert!(report.contains(&format!("Tested: {STREAM_COUNT}\n")), "{report}");
    // Whatever begins work anew comes after the streams, which would go on for ever then.
    let rest = [options.as_flattened(), &["--exclude-path-regex", STREAMS], &extent];
    run(server, &settings, &rest.concat()).await;
    server.ok(server.people.carol().get(&format!("/api/v1/training-jobs/{job}"))).await;
}

async fn no_answer_to_a_session_is_outside_its_description(server: &Server) {
    let vera = server.people.vera();
    let settings = format!("\n[auth.openapi.session]\napi_key = \"{}\"\n", vera.session);
    let mut options = vec!["--header", "Sec-Fetch-Site: same-origin"];
    options.extend(extent(server));
    options.extend(IN_A_SESSION.iter().flat_map(|operation| ["--include-operation-id", operation]));
    let Some(report) = run(server, &settings, &options).await else { return };
    assert!(report.contains(&format!("Tested: {}\n", IN_A_SESSION.len())), "{report}");
    server.ok(vera.in_session(Ask::get("/api/v1/me"))).await;
}
