//! Logging in: what is the same for everyone who may not, and what a login does.

use gradus_app::accounts::{AccountSettings, HashingSettings, Login};
use gradus_domain::Role;
use gradus_testkit::TestDatabase;

use super::each_database;
use super::fixture::{OTHER_PASSWORD, PASSWORD, code, login, origin, server, server_with};

each_database!(
    a_name_in_any_case_and_the_password_begin_a_session,
    whoever_may_not_log_in_gets_the_same_answer_for_the_same_work,
    every_login_has_a_new_session_and_ends_the_one_that_the_browser_had,
    a_password_counts_to_its_last_character_and_in_any_normal_form,
    a_hash_of_an_older_cost_is_made_anew_at_login,
);

async fn a_name_in_any_case_and_the_password_begin_a_session(database: &TestDatabase) {
    let server = server(database).await;
    let carol = server.administrator().await;
    let logged_in = server.log_in("CAROL", PASSWORD).await.unwrap();
    assert_eq!(logged_in.user, carol.user);
    assert!(server.is_logged_in(&logged_in).await);
    assert_eq!(code(server.log_in("carol", OTHER_PASSWORD).await), "wrong-credentials");
    server.close().await;
}

async fn whoever_may_not_log_in_gets_the_same_answer_for_the_same_work(database: &TestDatabase) {
    let server = server(database).await;
    let carol = server.administrator().await;
    let bob = server.user(&carol, "bob", Role::Author).await;
    let new = gradus_app::accounts::NewUser {
        name: "dora".to_owned(),
        display_name: "Dora".to_owned(),
        role: Role::Viewer,
    };
    server.accounts.create_user(&carol, new, &origin()).await.unwrap();
    server.accounts.disable_user(&carol, bob.user, &origin()).await.unwrap();

    let mut answers = Vec::new();
    for (name, password) in [
        ("carol", OTHER_PASSWORD), // a wrong password
        ("nobody", PASSWORD),      // an unknown name
        ("bob", PASSWORD),         // a disabled account, and the right password
        ("dora", PASSWORD),        // invited, without a password yet
        ("no name!", PASSWORD),    // what cannot be a name
    ] {
        let (hashes, events) = (server.accounts.hashes_computed(), server.audit_log().await.len());
        let error = server.log_in(name, password).await.unwrap_err();
        let hashes = server.accounts.hashes_computed() - hashes;
        let events = server.audit_log().await.len() - events;
        answers.push((error.code(), error.to_string(), error.category(), error.wait(), hashes, events));
    }
    assert!(answers.iter().all(|answer| answer == &answers[0]), "{answers:?}");
    assert_eq!((answers[0].0, answers[0].4, answers[0].5), ("wrong-credentials", 1, 1));
    // The audit log knows the difference.
    let outcomes = server.outcomes("log-in").await;
    assert_eq!(outcomes, ["wrong-password", "unknown-name", "disabled", "no-password", "unknown-name"]);
    server.close().await;
}

async fn every_login_has_a_new_session_and_ends_the_one_that_the_browser_had(database: &TestDatabase) {
    let server = server(database).await;
    server.administrator().await;
    let before = server.log_in("carol", PASSWORD).await.unwrap();
    let shown = before.secret.expose().to_owned();
    let again = Login { previous_session: Some(shown), ..login("carol", PASSWORD) };
    let after = server.accounts.log_in(again, &origin()).await.unwrap();
    assert_ne!(before.secret, after.secret);
    assert!(!server.is_logged_in(&before).await && server.is_logged_in(&after).await);

    // A secret that someone planted is not adopted.
    let planted = "x".repeat(43);
    let again = Login { previous_session: Some(planted.clone()), ..login("carol", PASSWORD) };
    let third = server.accounts.log_in(again, &origin()).await.unwrap();
    assert_ne!(third.secret.expose(), planted);
    assert_eq!(code(server.accounts.authenticate_session(&planted).await), "session-over");
    assert!(server.is_logged_in(&after).await);
    server.close().await;
}

async fn a_password_counts_to_its_last_character_and_in_any_normal_form(database: &TestDatabase) {
    let server = server(database).await;
    let carol = server.administrator().await;
    let long = format!("{} — {}", PASSWORD, "größer als fünf Bücher, ".repeat(30));
    assert!((700..=1024).contains(&long.len()), "{}", long.len());
    let (present, new) =
        (gradus_app::accounts::Password::new(PASSWORD), gradus_app::accounts::Password::new(&long));
    server.accounts.change_password(&carol, &present, &new, &origin()).await.unwrap();
    server.log_in("carol", &long).await.unwrap();
    server.log_in("carol", &long.replace('ö', "o\u{308}")).await.unwrap();
    for wrong in [long[..long.len() - 1].to_owned(), format!("{long}!"), long.to_uppercase(), long.repeat(3)]
    {
        assert_eq!(code(server.log_in("carol", &wrong).await), "wrong-credentials");
    }
    server.close().await;
}

async fn a_hash_of_an_older_cost_is_made_anew_at_login(database: &TestDatabase) {
    let old = server(database).await;
    let carol = old.administrator().await;
    let hash = old.stored(carol.user).await.password_hash.unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");

    let hashing = HashingSettings { passes: 3, ..HashingSettings::default() };
    let new = server_with(database, AccountSettings { hashing, ..AccountSettings::default() }).await;
    assert_eq!(code(new.log_in("carol", OTHER_PASSWORD).await), "wrong-credentials");
    assert_eq!(new.stored(carol.user).await.password_hash.unwrap(), hash);
    new.log_in("carol", PASSWORD).await.unwrap();
    let rehashed = new.stored(carol.user).await.password_hash.unwrap();
    assert!(rehashed.starts_with("$argon2id$v=19$m=19456,t=3,p=1$"), "{rehashed}");
    let computed = new.accounts.hashes_computed();
    new.log_in("carol", PASSWORD).await.unwrap();
    assert_eq!(
        (new.accounts.hashes_computed() - computed, new.stored(carol.user).await.password_hash),
        (1, Some(rehashed))
    );
    old.close().await;
    new.close().await;
}
