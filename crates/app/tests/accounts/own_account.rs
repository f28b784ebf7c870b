//! What users change about themselves.

use gradus_app::Precondition;
use gradus_app::accounts::{Acceptance, NewApiToken, Password};
use gradus_domain::{Role, Scope};
use gradus_testkit::TestDatabase;

use super::each_database;
use super::fixture::{OTHER_PASSWORD, PASSWORD, code, origin, server};

each_database!(
    a_new_password_ends_other_sessions_and_tokens_at_once_on_all_servers,
    a_new_password_must_be_allowed_and_the_present_one_known,
    a_password_that_changed_meanwhile_is_not_changed_again,
    a_display_name_is_one_line,
    whoever_runs_the_machine_lets_the_last_administrator_in_again,
);

async fn a_new_password_ends_other_sessions_and_tokens_at_once_on_all_servers(database: &TestDatabase) {
    let (one, other) = (server(database).await, server(database).await);
    let carol = one.administrator().await;
    let bob = one.user(&carol, "bob", Role::Author).await;
    let (own, elsewhere) =
        (one.log_in("bob", PASSWORD).await.unwrap(), one.log_in("bob", PASSWORD).await.unwrap());
    let new = NewApiToken { name: "script".to_owned(), scope: Scope::Write, expires_at: None };
    let token = one.accounts.make_api_token(&bob, new, &origin()).await.unwrap().token;
    let token_works = async || other.accounts.authenticate_api_token(token.expose(), &origin()).await.is_ok();
    assert!(other.is_logged_in(&elsewhere).await && token_works().await);

    let caller = one.caller(&own).await;
    let (present, new) = (Password::new(PASSWORD), Password::new(OTHER_PASSWORD));
    one.accounts.change_password(&caller, &present, &new, &origin()).await.unwrap();
    assert!(!other.is_logged_in(&elsewhere).await && !token_works().await);
    assert!(other.is_logged_in(&own).await);
    assert_eq!(
        one.accounts
            .list_sessions(&caller, &gradus_store::PageRequest::first(200))
            .await
            .unwrap()
            .items
            .len(),
        1
    );
    assert!(one.accounts.authenticate_session("carol's").await.is_err());
    assert_eq!(
        one.accounts.list_sessions(&carol, &gradus_store::PageRequest::first(200)).await.unwrap().items.len(),
        1
    );
    assert_eq!(code(other.log_in("bob", PASSWORD).await), "wrong-credentials");
    assert!(other.log_in("bob", OTHER_PASSWORD).await.is_ok());
    one.close().await;
    other.close().await;
}

async fn a_new_password_must_be_allowed_and_the_present_one_known(database: &TestDatabase) {
    let server = server(database).await;
    let carol = server.administrator().await;
    let change = async |present: &str, new: &str| {
        let (present, new) = (Password::new(present), Password::new(new));
        server.accounts.change_password(&carol, &present, &new, &origin()).await
    };
    assert_eq!(code(change("wrong", OTHER_PASSWORD).await), "present-password-wrong");
    assert_eq!(code(change(PASSWORD, "kqzvwmtrbxplsd").await), "password-too-short");
    assert_eq!(code(change(PASSWORD, &"k".repeat(1025)).await), "password-too-long");
    assert_eq!(code(change(PASSWORD, "passwordpassword").await), "password-common");
    assert_eq!(code(change(PASSWORD, "CarolYoung-2026").await), "password-from-context");
    assert!(server.log_in("carol", PASSWORD).await.is_ok());
    for new in ["kqzvwmtrbxplsdh".to_owned(), "пять зелёных чайников".to_owned(), long(64), long(128)]
    {
        change(PASSWORD, &new).await.unwrap();
        assert!(server.log_in("carol", &new).await.is_ok());
        change(&new, PASSWORD).await.unwrap();
    }
    assert_eq!(server.outcomes("change-password").await[0], "present-password-wrong");
    server.close().await;
}

/// A sentence that goes on and on.
fn long(characters: usize) -> String {
    let words = "when nine foxes borrow umbrellas from the librarian, nobody asks who paints lighthouses after supper; \
                 some say it rains marbles in the valley of clocks";
    words.chars().take(characters).collect()
}

async fn a_password_that_changed_meanwhile_is_not_changed_again(database: &TestDatabase) {
    let (one, other) = (server(database).await, server(database).await);
    one.administrator().await;
    let (first, second) =
        (one.log_in("carol", PASSWORD).await.unwrap(), other.log_in("carol", PASSWORD).await.unwrap());
    let (first, second) = (one.caller(&first).await, other.caller(&second).await);
    let (present, new) = (Password::new(PASSWORD), Password::new(OTHER_PASSWORD));
    let origin = origin();
    let both = tokio::join!(
        one.accounts.change_password(&first, &present, &new, &origin),
        other.accounts.change_password(&second, &present, &new, &origin),
    );
    let codes = [both.0, both.1].map(|result| result.map_err(|error| error.code()));
    assert_eq!(codes.iter().filter(|result| result.is_ok()).count(), 1, "{codes:?}");
    assert!(codes.contains(&Err("changed")) || codes.contains(&Err("present-password-wrong")), "{codes:?}");
    one.close().await;
    other.close().await;
}

async fn a_display_name_is_one_line(database: &TestDatabase) {
    let server = server(database).await;
    let carol = server.administrator().await;
    let rename = async |name: &str| {
        server.accounts.change_display_name(&carol, name, Precondition::none(), &origin()).await
    };
    rename("  Ca\u{308}rol Y. ").await.unwrap();
    let account = server.accounts.user(&carol, carol.user, &origin()).await.unwrap();
    assert_eq!((account.display_name.as_str(), account.name.as_str()), ("Cärol Y.", "carol"));
    for wrong in ["", "a\nb", "a\u{202e}b"] {
        assert_eq!(code(rename(wrong).await), "label-form");
    }
    server.close().await;
}

async fn whoever_runs_the_machine_lets_the_last_administrator_in_again(database: &TestDatabase) {
    let server = server(database).await;
    let carol = server.administrator().await;
    let bob = server.user(&carol, "bob", Role::Author).await;
    let invitation = server.accounts.invite_as_operator("CAROL").await.unwrap();
    // What she has holds until the code is used.
    assert!(server.log_in("carol", PASSWORD).await.is_ok());
    let acceptance = Acceptance {
        name: "carol".to_owned(),
        code: invitation.code.expose().to_owned(),
        password: Password::new(OTHER_PASSWORD),
    };
    let logged_in = server.accounts.accept_invitation(acceptance, &origin()).await.unwrap();
    assert!(server.caller(&logged_in).await.administers().is_ok());
    assert_eq!(code(server.log_in("carol", PASSWORD).await), "wrong-credentials");
    let entry =
        server.audit_log().await.into_iter().rev().find(|entry| entry.action == "invite-user").unwrap();
    assert_eq!((entry.user_name.as_str(), entry.user_id), ("(operator)", None));
    server.accounts.disable_user(&carol, bob.user, &origin()).await.unwrap();
    for name in ["bob", "nobody"] {
        let refused = server.accounts.invite_as_operator(name).await.map(|_| ()).unwrap_err();
        assert_eq!(refused.code(), "not-found");
        let told = format!("there is no user `{name}` who may log in; check the name");
        assert_eq!(refused.to_string(), told);
    }
    server.close().await;
}
