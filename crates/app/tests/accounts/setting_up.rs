//! The first run.

use gradus_app::accounts::{FirstAdministrator, PageRequest, Password, Secret};
use gradus_domain::{Role, Scope};
use gradus_testkit::TestDatabase;

use super::each_database;
use super::fixture::{PASSWORD, Server, code, first, origin, server};

each_database!(
    the_token_from_the_console_makes_the_first_administrator_once,
    a_wrong_token_makes_nobody_and_costs_no_hash,
    each_start_replaces_the_token_until_there_is_a_user,
    of_two_who_set_up_at_once_one_becomes_administrator,
    a_refused_password_or_name_leaves_the_token_good,
);

async fn the_token_from_the_console_makes_the_first_administrator_once(database: &TestDatabase) {
    let server = server(database).await;
    assert!(server.accounts.needs_set_up().await.unwrap());
    assert_eq!(code(server.log_in("admin", "admin").await), "wrong-credentials");
    let token = server.accounts.open_set_up().await.unwrap().unwrap();
    let logged_in = server.accounts.set_up(first(token.expose()), &origin()).await.unwrap();
    let carol = server.caller(&logged_in).await;
    assert_eq!((carol.name.as_str(), carol.display_name.as_str()), ("carol", "Carol Young"));
    assert_eq!((carol.role, carol.scope), (Role::Admin, Scope::Admin));
    assert!(carol.administers().is_ok() && server.log_in("carol", PASSWORD).await.is_ok());

    assert!(!server.accounts.needs_set_up().await.unwrap());
    assert!(server.accounts.open_set_up().await.unwrap().is_none());
    let again = FirstAdministrator { name: "mallory".to_owned(), ..first(token.expose()) };
    assert_eq!(code(server.accounts.set_up(again, &origin()).await), "already-set-up");
    assert_eq!(server.outcomes("set-up").await, ["done", "already-set-up"]);
    server.close().await;
}

async fn a_wrong_token_makes_nobody_and_costs_no_hash(database: &TestDatabase) {
    let server = server(database).await;
    assert_eq!(
        code(server.accounts.set_up(first("before any start"), &origin()).await),
        "set-up-token-wrong"
    );
    let token = server.accounts.open_set_up().await.unwrap().unwrap();
    for wrong in ["", "wrong", &token.expose()[1..], &token.expose().to_lowercase()] {
        assert_eq!(code(server.accounts.set_up(first(wrong), &origin()).await), "set-up-token-wrong");
    }
    assert_eq!(server.accounts.hashes_computed(), 0);
    // Recorded once an hour, however often it is tried.
    assert_eq!(server.outcomes("set-up").await, ["set-up-token-wrong"]);
    assert!(server.accounts.needs_set_up().await.unwrap());
    server.close().await;
}

async fn each_start_replaces_the_token_until_there_is_a_user(database: &TestDatabase) {
    let (one, other) = (server(database).await, server(database).await);
    let old = one.accounts.open_set_up().await.unwrap().unwrap();
    let new = other.accounts.open_set_up().await.unwrap().unwrap();
    let refused = one.accounts.set_up(first(old.expose()), &origin()).await.unwrap_err();
    assert!(refused.to_string().contains("the server that was started last"), "{refused}");
    // The token of the one holds on the other.
    one.accounts.set_up(first(new.expose()), &origin()).await.unwrap();

    let (third, fourth) = tokio::join!(one.accounts.open_set_up(), other.accounts.open_set_up());
    assert!(third.unwrap().is_none() && fourth.unwrap().is_none());
    one.close().await;
    other.close().await;
}

async fn of_two_who_set_up_at_once_one_becomes_administrator(database: &TestDatabase) {
    let (one, other) = (server(database).await, server(database).await);
    // Started at once: whichever token holds, exactly one does.
    let (first_token, second_token) = tokio::join!(one.accounts.open_set_up(), other.accounts.open_set_up());
    let tokens = [first_token.unwrap().unwrap(), second_token.unwrap().unwrap()];
    let attempt = async |server: &Server, name: &str, token: &Secret| {
        let by = FirstAdministrator { name: name.to_owned(), ..first(token.expose()) };
        server.accounts.set_up(by, &origin()).await.map(|_| ()).map_err(|error| error.code())
    };
    let results: [_; 4] = tokio::join!(
        attempt(&one, "alice", &tokens[0]),
        attempt(&other, "mallory", &tokens[0]),
        attempt(&one, "alice", &tokens[1]),
        attempt(&other, "mallory", &tokens[1]),
    )
    .into();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    assert!(results.contains(&Err("already-set-up")), "{results:?}");
    let all = gradus_store::users::page(&one.store.reader(), &PageRequest::first(10)).await;
    assert_eq!(all.unwrap().items.len(), 1);
    one.close().await;
    other.close().await;
}

async fn a_refused_password_or_name_leaves_the_token_good(database: &TestDatabase) {
    let server = server(database).await;
    let token = server.accounts.open_set_up().await.unwrap().unwrap();
    for (name, password, expected) in [
        ("carol", "fourteen chars", "password-too-short"),
        ("carol", "gradus-carol-young", "password-from-context"),
        ("carol\r\n", PASSWORD, "user-name-form"),
    ] {
        let first = FirstAdministrator {
            name: name.to_owned(),
            password: Password::new(password),
            ..first(token.expose())
        };
        assert_eq!(code(server.accounts.set_up(first, &origin()).await), expected);
    }
    server.accounts.set_up(first(token.expose()), &origin()).await.unwrap();
    server.close().await;
}
