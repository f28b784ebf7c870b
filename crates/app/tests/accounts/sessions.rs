//! Sessions: how they end.

use chrono::TimeDelta;
use gradus_app::accounts::{AccountSettings, Credential, NewApiToken, NewUser, forget_what_is_over};
use gradus_domain::{Clock, Role, Scope, SessionId};
use gradus_testkit::TestDatabase;

use super::each_database;
use super::fixture::{OTHER_PASSWORD, PASSWORD, code, from, login, origin, server, server_with};

each_database!(
    a_session_that_is_not_used_is_over,
    a_session_is_over_after_its_time_however_much_it_is_used,
    use_is_written_down_once_a_minute,
    being_recognised_is_no_use,
    nobody_waits_for_their_use_to_be_written_down,
    after_logging_out_the_secret_is_worth_nothing_on_any_server,
    users_see_and_end_their_own_sessions_and_nobody_elses,
    what_is_no_secret_of_ours_is_not_looked_up,
    what_is_over_is_forgotten,
    invitations_tokens_and_old_entries_are_forgotten_when_nobody_asks_for_them,
);

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;

fn short() -> AccountSettings {
    AccountSettings { session_idle_minutes: 30, session_hours: 12, ..AccountSettings::default() }
}

async fn a_session_that_is_not_used_is_over(database: &TestDatabase) {
    let server = server_with(database, short()).await;
    server.administrator().await;
    let logged_in = server.log_in("carol", PASSWORD).await.unwrap();
    for _ in 0..3 {
        database.clock.advance_seconds(29 * MINUTE);
        assert!(server.is_logged_in(&logged_in).await);
    }
    database.clock.advance_seconds(30 * MINUTE);
    assert_eq!(code(server.accounts.authenticate_session(logged_in.secret.expose()).await), "session-over");
    // Trying did not revive it.
    assert!(!server.is_logged_in(&logged_in).await);
    server.close().await;
}

async fn a_session_is_over_after_its_time_however_much_it_is_used(database: &TestDatabase) {
    let server = server_with(database, short()).await;
    server.administrator().await;
    let logged_in = server.log_in("carol", PASSWORD).await.unwrap();
    for _ in 0..35 {
        database.clock.advance_seconds(20 * MINUTE);
        assert!(server.is_logged_in(&logged_in).await);
    }
    database.clock.advance_seconds(20 * MINUTE);
    assert!(!server.is_logged_in(&logged_in).await);
    server.close().await;
}

async fn use_is_written_down_once_a_minute(database: &TestDatabase) {
    let server = server(database).await;
    server.administrator().await;
    let logged_in = server.log_in("carol", PASSWORD).await.unwrap();
    let seen = async || {
        let caller = server.caller(&logged_in).await;
        let sessions = server
            .accounts
            .list_sessions(&caller, &gradus_store::PageRequest::first(200))
            .await
            .unwrap()
            .items;
        sessions.into_iter().find(|session| session.is_own).unwrap().last_seen_at
    };
    let begun = seen().await;
    database.clock.advance_seconds(59);
    assert_eq!(seen().await, begun);
    database.clock.advance_seconds(1);
    assert_eq!(seen().await - begun, chrono::TimeDelta::minutes(1));
    server.close().await;
}

async fn being_recognised_is_no_use(database: &TestDatabase) {
    let server = server_with(database, short()).await;
    server.administrator().await;
    let logged_in = server.log_in("carol", PASSWORD).await.unwrap();
    let recognised = async || server.accounts.recognise_session(logged_in.secret.expose()).await;
    database.clock.advance_seconds(20 * MINUTE);
    assert_eq!(recognised().await.unwrap().user, logged_in.user);
    database.clock.advance_seconds(20 * MINUTE);
    assert_eq!(code(recognised().await), "session-over");
    server.close().await;
}

async fn nobody_waits_for_their_use_to_be_written_down(database: &TestDatabase) {
    let server = server(database).await;
    server.administrator().await;
    let logged_in = server.log_in("carol", PASSWORD).await.unwrap();
    database.clock.advance_seconds(2 * MINUTE);
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let (end, may_end) = tokio::sync::oneshot::channel::<()>();
    let (store, session) = (server.store.clone(), logged_in.session);
    let writing = tokio::spawn(async move {
        store
            .write(move |change| async move {
                // Whatever the database, a note of use has to wait for this.
                gradus_store::sessions::touch(&change, session).await?;
                begun.send(()).unwrap();
                _ = may_end.await;
                Ok(())
            })
            .await
    });
    has_begun.await.unwrap();
    let caller = server.accounts.authenticate_session(logged_in.secret.expose());
    let caller = tokio::time::timeout(std::time::Duration::from_secs(5), caller).await;
    assert_eq!(caller.expect("it is not waited for").unwrap().user, logged_in.user);
    end.send(()).unwrap();
    writing.await.unwrap().unwrap();
    server.close().await;
}

async fn after_logging_out_the_secret_is_worth_nothing_on_any_server(database: &TestDatabase) {
    let (one, other) = (server(database).await, server(database).await);
    one.administrator().await;
    let logged_in = one.log_in("carol", PASSWORD).await.unwrap();
    let caller = other.caller(&logged_in).await;
    assert_eq!(caller.credential, Credential::Session(logged_in.session));
    other.accounts.log_out(&caller, &origin()).await.unwrap();
    assert!(!one.is_logged_in(&logged_in).await && !other.is_logged_in(&logged_in).await);
    assert_eq!(code(one.accounts.log_out(&caller, &origin()).await), "not-found");
    assert_eq!(one.outcomes("log-out").await, ["done", "not-found"]);
    one.close().await;
    other.close().await;
}

async fn users_see_and_end_their_own_sessions_and_nobody_elses(database: &TestDatabase) {
    let server = server(database).await;
    let carol = server.administrator().await;
    let bob = server.user(&carol, "bob", Role::Viewer).await;
    let elsewhere = from("2001:db8::1");
    let phone = server.accounts.log_in(login("bob", PASSWORD), &elsewhere).await.unwrap();

    let sessions =
        server.accounts.list_sessions(&bob, &gradus_store::PageRequest::first(200)).await.unwrap().items;
    let shown: Vec<_> =
        sessions.iter().map(|session| (session.id, session.address.as_str(), session.is_own)).collect();
    let own = bob.session().unwrap();
    assert_eq!(shown, [(phone.session, "2001:db8::1", false), (own, "192.0.2.1", true)]);
    assert_eq!(sessions[0].user_agent, "Browser/1");

    let carols = carol.session().unwrap();
    for not_his in [carols, SessionId::new()] {
        assert_eq!(code(server.accounts.end_session(&bob, not_his, &origin()).await), "not-found");
    }
    server.accounts.end_session(&bob, phone.session, &origin()).await.unwrap();
    assert!(!server.is_logged_in(&phone).await);
    assert_eq!(
        server
            .accounts
            .list_sessions(&bob, &gradus_store::PageRequest::first(200))
            .await
            .unwrap()
            .items
            .len(),
        1
    );
    assert_eq!(
        server
            .accounts
            .list_sessions(&carol, &gradus_store::PageRequest::first(200))
            .await
            .unwrap()
            .items
            .len(),
        1
    );
    assert_eq!(server.outcomes("end-session").await, ["not-found", "not-found", "done"]);
    server.close().await;
}

async fn what_is_no_secret_of_ours_is_not_looked_up(database: &TestDatabase) {
    let server = server(database).await;
    server.administrator().await;
    let logged_in = server.log_in("carol", PASSWORD).await.unwrap();
    let secret = logged_in.secret.expose();
    let flipped = format!("{}{}", &secret[..42], if secret.ends_with('x') { 'y' } else { 'x' });
    for shown in ["", "' OR 1=1 --", &secret[1..], &format!("{secret} "), &flipped, "ü"] {
        assert_eq!(code(server.accounts.authenticate_session(shown).await), "session-over", "{shown}");
    }
    server.close().await;
}

async fn what_is_over_is_forgotten(database: &TestDatabase) {
    let server = server_with(database, short()).await;
    server.administrator().await;
    server.log_in("carol", PASSWORD).await.unwrap();
    assert_eq!(code(server.log_in("carol", OTHER_PASSWORD).await), "wrong-credentials");
    let forget = async || {
        server.store.write(|change| async move { forget_what_is_over(&change).await }).await.unwrap()
    };
    let forgotten = forget().await;
    assert_eq!((forgotten.sessions, forgotten.tries), (0, 0));
    database.clock.advance_seconds(31 * 24 * HOUR);
    let live = server.log_in("carol", PASSWORD).await.unwrap();
    assert_eq!(forget().await.sessions, 2);
    assert!(server.is_logged_in(&live).await);
    database.clock.advance_seconds(91 * 24 * HOUR);
    let forgotten = forget().await;
    assert!(forgotten.sessions == 1 && forgotten.tries >= 3, "{forgotten:?}");
    server.close().await;
}

async fn invitations_tokens_and_old_entries_are_forgotten_when_nobody_asks_for_them(database: &TestDatabase) {
    let server = server(database).await;
    let carol = server.administrator().await;
    let new =
        |name: &str| NewUser { name: name.to_owned(), display_name: "X".to_owned(), role: Role::Viewer };
    server.accounts.create_user(&carol, new("dave"), &origin()).await.unwrap();
    let token = |hours: Option<i64>| NewApiToken {
        name: "script".to_owned(),
        scope: Scope::Read,
        expires_at: hours.map(|hours| database.clock.now() + TimeDelta::hours(hours)),
    };
    let revoked = server.accounts.make_api_token(&carol, token(None), &origin()).await.unwrap();
    server.accounts.make_api_token(&carol, token(Some(1)), &origin()).await.unwrap();
    server.accounts.make_api_token(&carol, token(None), &origin()).await.unwrap();
    server.accounts.revoke_api_token(&carol, revoked.shown.id, &origin()).await.unwrap();
    let forget = async || {
        server.store.write(|change| async move { forget_what_is_over(&change).await }).await.unwrap()
    };
    let forgotten = forget().await;
    assert_eq!((forgotten.invitations, forgotten.api_tokens, forgotten.audit_events), (0, 0, 0));
    database.clock.advance_seconds(91 * 24 * HOUR);
    server.accounts.invite_user(&carol, carol.user, &origin()).await.unwrap();
    let forgotten = forget().await;
    assert_eq!((forgotten.invitations, forgotten.api_tokens, forgotten.audit_events), (1, 2, 0));
    let left = server.accounts.list_api_tokens(&carol, &gradus_store::PageRequest::first(9)).await.unwrap();
    assert_eq!(left.items.len(), 1);
    database.clock.advance_seconds(700 * 24 * HOUR);
    let before = server.audit_log().await.len() as u64;
    // All but the last invitation, which is younger.
    assert_eq!(forget().await.audit_events, before - 1);
    server.close().await;
}
