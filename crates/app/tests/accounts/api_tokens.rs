//! API tokens: what they may do, for how long, and what is known of them.

use chrono::{DateTime, TimeDelta, Utc};
use gradus_app::Precondition;
use gradus_app::accounts::{Caller, Credential, MadeApiToken, NewApiToken};
use gradus_domain::{Clock, Role, Scope};
use gradus_testkit::TestDatabase;

use super::each_database;
use super::fixture::{Server, code, from, origin, server};

each_database!(
    a_token_stands_for_its_user_within_its_scope,
    a_token_can_do_no_more_than_its_maker,
    a_token_is_good_until_it_ends_or_is_revoked,
    what_a_users_role_takes_away_their_tokens_cannot_do,
    a_token_made_with_a_token_outlives_it_never,
    use_is_written_down_to_the_minute_and_recorded_the_first_time,
    users_see_and_revoke_their_own_tokens_and_nobody_elses,
    a_token_cannot_do_what_a_person_must,
);

async fn make(server: &Server, caller: &Caller, scope: Scope, until: Option<DateTime<Utc>>) -> MadeApiToken {
    let new = NewApiToken { name: "script".to_owned(), scope, expires_at: until };
    server.accounts.make_api_token(caller, new, &origin()).await.unwrap()
}

async fn show(server: &Server, token: &MadeApiToken) -> Result<Caller, gradus_app::accounts::AccountError> {
    server.accounts.authenticate_api_token(token.token.expose(), &origin()).await
}

async fn a_token_stands_for_its_user_within_its_scope(database: &TestDatabase) {
    let server = server(database).await;
    let carol = server.administrator().await;
    let bob = server.user(&carol, "bob", Role::Author).await;
    let reading = make(&server, &bob, Scope::Read, None).await;
    let caller = show(&server, &reading).await.unwrap();
    assert_eq!((caller.user, caller.role, caller.scope), (bob.user, Role::Author, Scope::Read));
    assert_eq!(caller.credential, Credential::ApiToken { id: reading.shown.id, expires_at: None });
    assert_eq!(code(caller.writes()), "scope-needed");
    assert_eq!(
        code(server.accounts.change_display_name(&caller, "Bobby", Precondition::none(), &origin()).await),
        "scope-needed"
    );
    let another = NewApiToken { name: "more".to_owned(), scope: Scope::Read, expires_at: None };
    assert_eq!(code(server.accounts.make_api_token(&caller, another, &origin()).await), "scope-needed");

    let writing = make(&server, &bob, Scope::Write, None).await;
    let caller = show(&server, &writing).await.unwrap();
    assert!(caller.authors().is_ok() && caller.administers().is_err());
    let (reading, writing) = (reading.token, writing.token);
    assert!(reading.expose().starts_with("grd_") && reading.expose().len() == 54 && reading != writing);

    let mut wrong = vec![reading.expose()[..53].to_owned(), reading.expose().to_uppercase(), String::new()];
    wrong.push(reading.expose().replacen("grd_", "grx_", 1));
    for shown in wrong {
        let refused = server.accounts.authenticate_api_token(&shown, &origin()).await;
        assert_eq!(code(refused), "api-token-invalid");
    }
    // A token is no session, and a session no token.
    assert_eq!(code(server.accounts.authenticate_session(writing.expose()).await), "session-over");
    server.close().await;
}

async fn a_token_can_do_no_more_than_its_maker(database: &TestDatabase) {
    let server = server(database).await;
    let carol = server.administrator().await;
    let bob = server.user(&carol, "bob", Role::Author).await;
    let vera = server.user(&carol, "vera", Role::Viewer).await;
    let by_token = make(&server, &carol, Scope::Write, None).await;
    let by_token = show(&server, &by_token).await.unwrap();
    for (maker, scope, allowed) in [
        (&vera, Scope::Write, true),
        (&vera, Scope::Admin, false),
        (&bob, Scope::Write, true),
        (&bob, Scope::Admin, false),
        (&carol, Scope::Admin, true),
        (&by_token, Scope::Write, true),
        (&by_token, Scope::Admin, false),
    ] {
        let new = NewApiToken { name: "script".to_owned(), scope, expires_at: None };
        let made = server.accounts.make_api_token(maker, new, &origin()).await;
        match allowed {
            true => assert_eq!(made.unwrap().shown.scope, scope),
            false => assert_eq!(code(made), "scope-too-wide"),
        }
    }
    // An administrator's token of a lesser scope administers nothing.
    assert_eq!(code(by_token.administers()), "scope-needed");
    let refused =
        server.accounts.list_users(&by_token, &gradus_store::PageRequest::first(9), &origin()).await;
    assert_eq!(code(refused), "scope-needed");
    server.close().await;
}

async fn a_token_is_good_until_it_ends_or_is_revoked(database: &TestDatabase) {
    let (one, other) = (server(database).await, server(database).await);
    let carol = one.administrator().await;
    let now = database.clock.now();
    for past in [now, now - TimeDelta::seconds(1)] {
        let new = NewApiToken { name: "late".to_owned(), scope: Scope::Read, expires_at: Some(past) };
        assert_eq!(code(one.accounts.make_api_token(&carol, new, &origin()).await), "expiry");
    }
    let short = make(&one, &carol, Scope::Read, Some(now + TimeDelta::hours(1))).await;
    let long = make(&one, &carol, Scope::Read, None).await;
    database.clock.advance_seconds(3599);
    assert!(show(&other, &short).await.is_ok());
    database.clock.advance_seconds(1);
    assert_eq!(code(show(&other, &short).await), "api-token-invalid");
    assert!(show(&one, &long).await.is_ok());
    other.accounts.revoke_api_token(&carol, long.shown.id, &origin()).await.unwrap();
    assert_eq!(code(show(&one, &long).await), "api-token-invalid");
    let again = other.accounts.revoke_api_token(&carol, long.shown.id, &origin()).await;
    assert_eq!(code(again), "not-found");
    // However often they are shown, it is recorded once an hour for each.
    for _ in 0..3 {
        assert!(show(&one, &long).await.is_err() && show(&one, &short).await.is_err());
    }
    assert_eq!(one.outcomes("use-api-token").await, ["done", "expired", "done", "revoked"]);
    assert_eq!(one.outcomes("revoke-api-token").await, ["done", "not-found"]);
    one.close().await;
    other.close().await;
}

async fn what_a_users_role_takes_away_their_tokens_cannot_do(database: &TestDatabase) {
    let server = server(database).await;
    let carol = server.administrator().await;
    let dave = server.user(&carol, "dave", Role::Admin).await;
    let token = make(&server, &dave, Scope::Admin, None).await;
    assert!(show(&server, &token).await.unwrap().administers().is_ok());
    for (role, scope) in
        [(Role::Author, Scope::Write), (Role::Viewer, Scope::Write), (Role::Admin, Scope::Admin)]
    {
        server.accounts.change_role(&carol, dave.user, role, Precondition::none(), &origin()).await.unwrap();
        let caller = show(&server, &token).await.unwrap();
        assert_eq!((caller.role, caller.scope), (role, scope));
    }
    server.accounts.disable_user(&carol, dave.user, &origin()).await.unwrap();
    assert_eq!(code(show(&server, &token).await), "api-token-invalid");
    // It stays worthless when the account is in use again.
    server.accounts.enable_user(&carol, dave.user, &origin()).await.unwrap();
    assert_eq!(code(show(&server, &token).await), "api-token-invalid");
    server.close().await;
}

async fn a_token_made_with_a_token_outlives_it_never(database: &TestDatabase) {
    let server = server(database).await;
    let carol = server.administrator().await;
    let end = database.clock.now() + TimeDelta::hours(1);
    let parent = make(&server, &carol, Scope::Write, Some(end)).await;
    let parent = show(&server, &parent).await.unwrap();
    for (expires_at, allowed) in
        [(None, false), (Some(end + TimeDelta::seconds(1)), false), (Some(end), true)]
    {
        let new = NewApiToken { name: "child".to_owned(), scope: Scope::Read, expires_at };
        let made = server.accounts.make_api_token(&parent, new, &origin()).await;
        match allowed {
            true => assert_eq!(made.unwrap().shown.expires_at, Some(end)),
            false => assert_eq!(code(made), "expiry"),
        }
    }
    server.close().await;
}

async fn use_is_written_down_to_the_minute_and_recorded_the_first_time(database: &TestDatabase) {
    let server = server(database).await;
    let carol = server.administrator().await;
    let token = make(&server, &carol, Scope::Read, None).await;
    assert_eq!(token.shown.last_used_at, None);
    let used = async || {
        server.accounts.authenticate_api_token(token.token.expose(), &from("203.0.113.9")).await.unwrap();
        server.accounts.list_api_tokens(&carol, &gradus_store::PageRequest::first(200)).await.unwrap().items
            [0]
        .last_used_at
        .unwrap()
    };
    let first = used().await;
    database.clock.advance_seconds(59);
    assert_eq!(used().await, first);
    database.clock.advance_seconds(1);
    assert_eq!(used().await - first, TimeDelta::minutes(1));

    let events: Vec<_> =
        server.audit_log().await.into_iter().filter(|event| event.action == "use-api-token").collect();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].address.as_deref(), Some("203.0.113.9"));
    assert_eq!(events[0].details["prefix"], token.shown.prefix.as_str());
    server.close().await;
}

async fn users_see_and_revoke_their_own_tokens_and_nobody_elses(database: &TestDatabase) {
    let server = server(database).await;
    let carol = server.administrator().await;
    let bob = server.user(&carol, "bob", Role::Author).await;
    let token = make(&server, &bob, Scope::Write, None).await;
    let shown =
        server.accounts.list_api_tokens(&bob, &gradus_store::PageRequest::first(200)).await.unwrap().items;
    assert_eq!(shown, std::slice::from_ref(&token.shown));
    assert!(token.token.expose().starts_with(&shown[0].prefix) && shown[0].prefix.len() == 8);
    assert_eq!(
        server.accounts.list_api_tokens(&carol, &gradus_store::PageRequest::first(200)).await.unwrap().items,
        []
    );
    let foreign = server.accounts.revoke_api_token(&carol, token.shown.id, &origin()).await;
    assert_eq!(code(foreign), "not-found");
    assert!(show(&server, &token).await.is_ok());
    let by_itself = show(&server, &token).await.unwrap();
    server.accounts.revoke_api_token(&by_itself, token.shown.id, &origin()).await.unwrap();
    assert!(show(&server, &token).await.is_err());
    assert!(
        server.accounts.list_api_tokens(&bob, &gradus_store::PageRequest::first(200)).await.unwrap().items[0]
            .revoked_at
            .is_some()
    );
    let nameless = NewApiToken { name: "two\nlines".to_owned(), scope: Scope::Read, expires_at: None };
    assert_eq!(code(server.accounts.make_api_token(&bob, nameless, &origin()).await), "label-form");
    server.close().await;
}

async fn a_token_cannot_do_what_a_person_must(database: &TestDatabase) {
    use gradus_app::accounts::Password;
    let server = server(database).await;
    let carol = server.administrator().await;
    let token = make(&server, &carol, Scope::Admin, None).await;
    let caller = show(&server, &token).await.unwrap();
    let (present, new) =
        (Password::new(super::fixture::PASSWORD), Password::new(super::fixture::OTHER_PASSWORD));
    let changed = server.accounts.change_password(&caller, &present, &new, &origin()).await;
    assert_eq!(code(changed), "session-needed");
    assert_eq!(code(server.accounts.log_out(&caller, &origin()).await), "session-needed");
    server.close().await;
}
