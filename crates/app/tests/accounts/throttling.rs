//! How often a password may be mistaken.

use gradus_app::accounts::{AccountError, Category, Password};
use gradus_domain::Role;
use gradus_testkit::TestDatabase;

use super::each_database;
use super::fixture::{OTHER_PASSWORD, PASSWORD, Server, code, from, origin, server};

each_database!(
    a_name_can_be_tried_ten_times_from_an_address_and_still_logs_in_from_another,
    an_address_cannot_try_many_names,
    two_servers_count_together,
    unknown_names_are_counted_like_known_ones,
    many_addresses_cannot_try_one_name_nor_lock_its_user_out_where_they_logged_in,
    a_good_login_forgives_its_own_failures_and_nobody_elses,
    tries_sent_at_once_tell_no_more_than_tries_in_a_row,
    the_present_password_cannot_be_tried_at_leisure,
);

/// Tries a wrong password; how long to wait, where that was the answer.
async fn fail(server: &Server, name: &str, address: &str) -> Option<u64> {
    match server.log_in_from(name, OTHER_PASSWORD, address).await.unwrap_err() {
        AccountError::WrongCredentials => None,
        error => {
            assert_eq!((error.code(), error.category()), ("too-many-tries", Category::Throttled));
            Some(error.wait().unwrap().as_secs())
        }
    }
}

async fn a_name_can_be_tried_ten_times_from_an_address_and_still_logs_in_from_another(
    database: &TestDatabase,
) {
    let server = server(database).await;
    server.administrator().await;
    for _ in 0..10 {
        assert_eq!(fail(&server, "carol", "203.0.113.1").await, None);
    }
    let computed = server.accounts.hashes_computed();
    database.clock.advance_seconds(60);
    for name in ["carol", "CAROL"] {
        assert_eq!(fail(&server, name, "203.0.113.1").await, Some(14 * 60));
    }
    // The right one is not even looked at there, and works from elsewhere.
    assert_eq!(code(server.log_in_from("carol", PASSWORD, "203.0.113.1").await), "too-many-tries");
    assert_eq!(server.accounts.hashes_computed(), computed);
    server.log_in_from("carol", PASSWORD, "203.0.113.2").await.unwrap();
    database.clock.advance_seconds(14 * 60);
    server.log_in_from("carol", PASSWORD, "203.0.113.1").await.unwrap();
    let outcomes = server.outcomes("log-in").await;
    assert_eq!(outcomes[..10], ["wrong-password"; 10]);
    assert_eq!(outcomes[10..], ["too-many-tries", "done", "done"]);
    server.close().await;
}

async fn an_address_cannot_try_many_names(database: &TestDatabase) {
    let server = server(database).await;
    server.administrator().await;
    for number in 0..20 {
        assert_eq!(fail(&server, &format!("name{number}"), "203.0.113.1").await, None);
    }
    assert_eq!(fail(&server, "name20", "203.0.113.1").await, Some(15 * 60));
    // Nor can the network of an IPv6 address, whichever of its addresses it takes.
    for number in 0..20 {
        assert_eq!(fail(&server, &format!("name{number}"), &format!("2001:db8::{number}")).await, None);
    }
    assert_eq!(fail(&server, "name20", "2001:db8::ffff").await, Some(15 * 60));
    assert_eq!(fail(&server, "name20", "2001:db8:0:1::1").await, None);
    server.close().await;
}

async fn two_servers_count_together(database: &TestDatabase) {
    let (one, other) = (server(database).await, server(database).await);
    one.administrator().await;
    for number in 0..10 {
        let server = if number % 2 == 0 { &one } else { &other };
        assert_eq!(fail(server, "carol", "203.0.113.1").await, None);
    }
    for server in [&one, &other] {
        assert_eq!(fail(server, "carol", "203.0.113.1").await, Some(15 * 60));
    }
    one.close().await;
    other.close().await;
}

async fn unknown_names_are_counted_like_known_ones(database: &TestDatabase) {
    let server = server(database).await;
    server.administrator().await;
    let mut answers = Vec::new();
    for (name, address) in
        [("carol", "203.0.113.1"), ("nobody", "203.0.113.2"), ("not a name", "203.0.113.3")]
    {
        let mut waits = Vec::new();
        for _ in 0..12 {
            waits.push(fail(&server, name, address).await);
        }
        answers.push(waits);
    }
    assert!(answers.iter().all(|waits| waits == &answers[0]), "{answers:?}");
    server.close().await;
}

async fn many_addresses_cannot_try_one_name_nor_lock_its_user_out_where_they_logged_in(
    database: &TestDatabase,
) {
    let server = server(database).await;
    server.administrator().await;
    server.log_in_from("carol", PASSWORD, "198.51.100.7").await.unwrap();
    for number in 0..100 {
        assert_eq!(fail(&server, "carol", &format!("203.0.113.{}", number / 10)).await, None);
    }
    assert_eq!(fail(&server, "carol", "203.0.113.200").await, Some(15 * 60));
    assert_eq!(code(server.log_in_from("carol", PASSWORD, "203.0.113.201").await), "too-many-tries");
    // Where she logged in before she still can, though others at that address try names too.
    for number in 0..20 {
        assert_eq!(fail(&server, &format!("name{number}"), "198.51.100.7").await, None);
    }
    assert_eq!(fail(&server, "name20", "198.51.100.7").await, Some(15 * 60));
    server.log_in_from("carol", PASSWORD, "198.51.100.7").await.unwrap();
    // Everywhere else it takes no longer than the window.
    database.clock.advance_seconds(15 * 60);
    server.log_in_from("carol", PASSWORD, "203.0.113.201").await.unwrap();
    server.close().await;
}

async fn a_good_login_forgives_its_own_failures_and_nobody_elses(database: &TestDatabase) {
    let server = server(database).await;
    let carol = server.administrator().await;
    server.user(&carol, "mallory", Role::Viewer).await;
    for _ in 0..9 {
        assert_eq!(fail(&server, "mallory", "203.0.113.1").await, None);
    }
    server.log_in_from("mallory", PASSWORD, "203.0.113.1").await.unwrap();
    for _ in 0..9 {
        assert_eq!(fail(&server, "mallory", "203.0.113.1").await, None);
    }
    // Mallory's own account does not reset what is counted for the address: 18 failures, and 2 more.
    for _ in 0..2 {
        assert_eq!(fail(&server, "carol", "203.0.113.1").await, None);
        server.log_in_from("mallory", PASSWORD, "203.0.113.1").await.unwrap();
    }
    assert_eq!(fail(&server, "carol", "203.0.113.1").await, Some(15 * 60));
    server.close().await;
}

async fn tries_sent_at_once_tell_no_more_than_tries_in_a_row(database: &TestDatabase) {
    let server = server(database).await;
    server.administrator().await;
    for _ in 0..9 {
        assert_eq!(fail(&server, "carol", "203.0.113.1").await, None);
    }
    let wrong = || server.log_in_from("carol", OTHER_PASSWORD, "203.0.113.1");
    let (a, b, c, d) = tokio::join!(wrong(), wrong(), wrong(), wrong());
    let codes = [a, b, c, d].map(code);
    if matches!(database.location, gradus_store::DatabaseLocation::Sqlite(_)) {
        // One writes at a time, so that exactly the tenth is told.
        assert_eq!(codes.iter().filter(|&&code| code == "wrong-credentials").count(), 1, "{codes:?}");
    }
    let after = server.log_in_from("carol", PASSWORD, "203.0.113.1").await;
    assert_eq!(code(after), "too-many-tries");
    server.close().await;
}

async fn the_present_password_cannot_be_tried_at_leisure(database: &TestDatabase) {
    let server = server(database).await;
    let carol = server.administrator().await;
    let change = async |present: &str| {
        let (present, new) = (Password::new(present), Password::new(OTHER_PASSWORD));
        server.accounts.change_password(&carol, &present, &new, &from("203.0.113.1")).await
    };
    for _ in 0..10 {
        assert_eq!(code(change("wrong").await), "present-password-wrong");
    }
    let error = change(PASSWORD).await.unwrap_err();
    assert_eq!((error.code(), error.wait().map(|wait| wait.as_secs())), ("too-many-tries", Some(15 * 60)));
    database.clock.advance_seconds(15 * 60);
    change(PASSWORD).await.unwrap();
    assert!(server.accounts.log_in(super::fixture::login("carol", OTHER_PASSWORD), &origin()).await.is_ok());
    server.close().await;
}
