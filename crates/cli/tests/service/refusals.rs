//! Servers and workers that cannot start: what is wrong, what to do next, and an exit status that says so.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gradus_testkit::{Kind, TestDatabase, given};

use crate::gradus::{Place, Ran};

/// Runs what has to fail, with variables of the environment over the usual.
fn refused(place: &Place, arguments: &str, variables: &[(&str, &str)], told: &[&str]) -> Ran {
    let mut command: Command = place.command(arguments);
    let output = command.envs(variables.iter().copied()).stdin(Stdio::null()).output().unwrap();
    let ran = Ran::of(arguments, output);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    ran.assert_refused(told);
    ran
}

#[test]
fn a_port_in_use_is_said_and_nothing_is_made() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let arguments = format!("serve --listen {address}");
    place.refuse(
        &arguments,
        &[&format!("cannot listen on {address}"), "choose another address with --listen"],
    );
    let json = Ran::of("", place.command(&format!("{arguments} --json")).output().unwrap());
    assert_eq!(json.code, Some(1));
    let error = json.json_lines().pop().unwrap();
    assert!(error["error"].as_str().unwrap().contains("cannot listen on"), "{error}");
}

#[test]
fn a_name_to_listen_on_is_answered_with_how_it_is_written() {
    let ran = Place::new().run("serve --listen localhost:8420");
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("write an address such as 127.0.0.1:8420"), "{ran:?}");
}

#[test]
fn a_database_that_is_missing_is_not_made_by_those_who_only_use_it() {
    for arguments in ["worker", "backup one"] {
        let place = Place::new();
        refused(&place, arguments, &[], &["there is no database at", "`gradus serve` makes it"]);
        assert!(!place.path("data/gradus.db").exists() && !place.path("one").exists());
    }
}

#[test]
fn a_broken_database_is_left_as_it_is() {
    let place = Place::new();
    let letter = "a letter to my aunt, which is no database at all, however long it gets".repeat(100);
    place.write("data/gradus.db", &letter);
    for arguments in ["serve --listen 127.0.0.1:0", "worker"] {
        let told = ["cannot open the database", "gradus.db", "not a database", "gradus restore"];
        refused(&place, arguments, &[], &told);
        assert_eq!(place.read("data/gradus.db"), letter.as_bytes());
    }
}

#[tokio::test]
async fn a_database_that_another_program_keeps_locked_is_waited_for_and_then_refused() {
    use gradus_app::store::Opening;
    let database = TestDatabase::new(Kind::Sqlite).await.unwrap();
    database.open_as(Opening::MakeOrUpgrade).await.unwrap().close().await.unwrap();
    let store = database.open().await;
    let (locked, is_locked) = tokio::sync::oneshot::channel();
    let (release, released) = tokio::sync::oneshot::channel::<()>();
    let holding = tokio::spawn(async move {
        let held = store.write(|_| async {
            _ = locked.send(());
            _ = released.await;
            Ok(())
        });
        held.await.unwrap();
        store.close().await.unwrap();
    });
    is_locked.await.unwrap();
    let address = database.address();
    let serve = tokio::task::spawn_blocking(move || {
        let variables = [("GRADUS_DATABASE_LOCATION", address.as_str())];
        let told = ["cannot open the database", "locked", "another program"];
        let begun = Instant::now();
        refused(&Place::new(), "serve --listen 127.0.0.1:0", &variables, &told);
        begun.elapsed()
    });
    assert!(
        serve.await.unwrap() > Duration::from_secs(5),
        "a writer that takes a moment is no reason to fail"
    );
    release.send(()).unwrap();
    holding.await.unwrap();
}

#[test]
fn a_postgresql_server_that_is_not_there_is_said_without_the_password() {
    let variables = [("GRADUS_DATABASE_LOCATION", "postgres://me:secret@127.0.0.1:1/gradus")];
    let told = [
        "cannot open the database postgres://127.0.0.1/gradus",
        "refused",
        "PostgreSQL runs",
        "[database] location",
    ];
    let ran = refused(&Place::new(), "serve --listen 127.0.0.1:0", &variables, &told);
    assert!(!ran.stderr.contains("secret"), "{ran:?}");
}

#[test]
fn a_postgresql_database_that_is_not_there_is_said_so() {
    let Some(server) = given::postgres() else { return };
    let mut missing: String = server[..server.rfind('/').unwrap()].to_owned();
    missing.push_str("/no_such_database");
    let variables = [("GRADUS_DATABASE_LOCATION", missing.as_str())];
    let told = ["\"no_such_database\" does not exist", "the database exists"];
    let ran = refused(&Place::new(), "serve --listen 127.0.0.1:0", &variables, &told);
    assert!(!ran.stderr.contains("at line"), "{ran:?}");
}

#[test]
fn directories_that_cannot_be_written_are_named() {
    let place = Place::new();
    place.write("a-file", "");
    let told = ["cannot make the data directory a-file/data", "--data-dir"];
    refused(&place, "serve --listen 127.0.0.1:0 --data-dir a-file/data", &[], &told);
    let told = ["cannot open the blob store", "a-file/blobs", "[blobs] location"];
    refused(&place, "serve --listen 127.0.0.1:0", &[("GRADUS_BLOBS_LOCATION", "a-file/blobs")], &told);
}

/// Where not even the superuser may write.
#[cfg(target_os = "linux")]
#[test]
fn a_data_directory_that_nobody_may_write_in_is_named() {
    let told = ["cannot open the database sqlite:/proc/self/gradus.db", "may write"];
    refused(&Place::new(), "serve --listen 127.0.0.1:0 --data-dir /proc/self", &[], &told);
}
