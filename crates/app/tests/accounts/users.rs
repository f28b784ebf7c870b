//! Users, as administrators keep them.

use gradus_app::Precondition;
use gradus_app::accounts::{Acceptance, Caller, NewUser, PageRequest, Password};
use gradus_domain::{Role, UserId};
use gradus_testkit::TestDatabase;

use super::each_database;
use super::fixture::{OTHER_PASSWORD, PASSWORD, Server, code, origin, server};

each_database!(
    an_invited_user_chooses_a_password_once,
    an_invitation_replaces_a_forgotten_password_and_whoever_knew_it,
    an_invitation_ends_by_time_by_another_and_with_the_account,
    of_two_who_accept_at_once_one_does,
    only_administrators_keep_accounts,
    a_role_holds_from_the_next_request_on,
    a_disabled_user_is_out_at_once_and_comes_back_with_their_password,
    an_administrator_is_always_left,
    of_two_administrators_who_disable_each_other_one_stays,
    a_name_is_taken_in_any_case_also_when_two_want_it_at_once,
    users_are_listed_in_pages,
);

fn new(name: &str, role: Role) -> NewUser {
    NewUser { name: name.to_owned(), display_name: "Someone".to_owned(), role }
}

fn acceptance(name: &str, code: &str, password: &str) -> Acceptance {
    Acceptance { name: name.to_owned(), code: code.to_owned(), password: Password::new(password) }
}

async fn an_invited_user_chooses_a_password_once(database: &TestDatabase) {
    let server = server(database).await;
    let carol = server.administrator().await;
    let invitation = server.accounts.create_user(&carol, new("Bob", Role::Author), &origin()).await.unwrap();
    assert_eq!((invitation.account.name.as_str(), invitation.account.has_password), ("bob", false));
    assert_eq!(code(server.log_in("bob", "").await), "wrong-credentials");
    let invited = invitation.code.expose();
    let accept = async |name: &str, code: &str, password: &str| {
        server.accounts.accept_invitation(acceptance(name, code, password), &origin()).await
    };
    let computed = server.accounts.hashes_computed();
    for (name, given) in
        [("bob", "wrong"), ("bob", ""), ("carol", invited), ("nobody", invited), ("b\nb", invited)]
    {
        assert_eq!(code(accept(name, given, PASSWORD).await), "invitation-invalid");
    }
    assert_eq!(server.accounts.hashes_computed(), computed);
    assert_eq!(code(accept("bob", invited, "someone-gradus-bob").await), "password-from-context");
    let logged_in = accept("BOB", invited, PASSWORD).await.unwrap();
    assert_eq!(server.caller(&logged_in).await.role, Role::Author);
    assert!(server.log_in("bob", PASSWORD).await.is_ok());
    assert_eq!(code(accept("bob", invited, OTHER_PASSWORD).await), "invitation-invalid");
    assert!(server.log_in("bob", PASSWORD).await.is_ok());
    assert_eq!(server.outcomes("accept-invitation").await, ["invitation-invalid", "done"]);
    server.close().await;
}

async fn an_invitation_replaces_a_forgotten_password_and_whoever_knew_it(database: &TestDatabase) {
    let server = server(database).await;
    let carol = server.administrator().await;
    let bob = server.user(&carol, "bob", Role::Author).await;
    let thief = server.log_in("bob", PASSWORD).await.unwrap();
    let invitation = server.accounts.invite_user(&carol, bob.user, &origin()).await.unwrap();
    // Until it is used nothing changes.
    assert!(server.is_logged_in(&thief).await && server.log_in("bob", PASSWORD).await.is_ok());
    let accepted = acceptance("bob", invitation.code.expose(), OTHER_PASSWORD);
    let logged_in = server.accounts.accept_invitation(accepted, &origin()).await.unwrap();
    assert!(!server.is_logged_in(&thief).await && server.is_logged_in(&logged_in).await);
    assert_eq!(code(server.log_in("bob", PASSWORD).await), "wrong-credentials");
    assert!(server.log_in("bob", OTHER_PASSWORD).await.is_ok());
    server.close().await;
}

async fn an_invitation_ends_by_time_by_another_and_with_the_account(database: &TestDatabase) {
    let server = server(database).await;
    let carol = server.administrator().await;
    let bob = server.accounts.create_user(&carol, new("bob", Role::Author), &origin()).await.unwrap();
    let id = bob.account.id;
    let invite = async || server.accounts.invite_user(&carol, id, &origin()).await.unwrap().code;
    let refused = async |given: &str| {
        code(server.accounts.accept_invitation(acceptance("bob", given, PASSWORD), &origin()).await)
    };
    let second = invite().await;
    assert_eq!(refused(bob.code.expose()).await, "invitation-invalid");
    database.clock.advance_seconds(7 * 24 * 3600);
    let carol = server.caller(&server.log_in("carol", PASSWORD).await.unwrap()).await;
    assert_eq!(refused(second.expose()).await, "invitation-invalid");

    let third = server.accounts.invite_user(&carol, id, &origin()).await.unwrap().code;
    server.accounts.disable_user(&carol, id, &origin()).await.unwrap();
    assert_eq!(refused(third.expose()).await, "invitation-invalid");
    assert_eq!(code(server.accounts.invite_user(&carol, id, &origin()).await), "disabled");
    server.accounts.enable_user(&carol, id, &origin()).await.unwrap();
    assert_eq!(refused(third.expose()).await, "invitation-invalid");
    assert_eq!(code(server.accounts.invite_user(&carol, UserId::new(), &origin()).await), "not-found");
    server.close().await;
}

async fn of_two_who_accept_at_once_one_does(database: &TestDatabase) {
    let (one, other) = (server(database).await, server(database).await);
    let carol = one.administrator().await;
    let invitation = one.accounts.create_user(&carol, new("bob", Role::Author), &origin()).await.unwrap();
    let invited = invitation.code.expose();
    let origin = origin();
    let (first, second) = tokio::join!(
        one.accounts.accept_invitation(acceptance("bob", invited, PASSWORD), &origin),
        other.accounts.accept_invitation(acceptance("bob", invited, OTHER_PASSWORD), &origin),
    );
    let (winner, loser, password) = match (first, second) {
        (Ok(winner), Err(loser)) => (winner, loser, PASSWORD),
        (Err(loser), Ok(winner)) => (winner, loser, OTHER_PASSWORD),
        both => panic!("{both:?}"),
    };
    assert_eq!(loser.code(), "invitation-invalid");
    assert!(one.is_logged_in(&winner).await && other.log_in("bob", password).await.is_ok());
    one.close().await;
    other.close().await;
}

async fn only_administrators_keep_accounts(database: &TestDatabase) {
    let server = server(database).await;
    let carol = server.administrator().await;
    let bob = server.user(&carol, "bob", Role::Author).await;
    let (accounts, origin) = (&server.accounts, &origin());
    let all = PageRequest::first(10);
    let before = server.audit_log().await.len();
    let refused = [
        code(accounts.create_user(&bob, new("eve", Role::Admin), origin).await),
        code(accounts.invite_user(&bob, carol.user, origin).await),
        code(accounts.change_role(&bob, bob.user, Role::Admin, Precondition::none(), origin).await),
        code(accounts.disable_user(&bob, carol.user, origin).await),
        code(accounts.enable_user(&bob, bob.user, origin).await),
        code(accounts.list_users(&bob, &all, origin).await),
        code(accounts.user(&bob, carol.user, origin).await),
        code(accounts.audit_log(&bob, None, &all, origin).await),
    ];
    assert_eq!(refused, ["administrator-needed"; 8]);
    assert_eq!(server.stored(bob.user).await.role.0, Role::Author);
    assert_eq!(accounts.user(&bob, bob.user, origin).await.unwrap().name, "bob");
    // Each refusal is on record, with who tried what.
    let recorded = server.audit_log().await.split_off(before);
    assert_eq!(recorded.len(), 8);
    assert!(recorded.iter().all(|event| {
        event.outcome == "administrator-needed" && event.user_id.as_deref() == Some(&bob.user)
    }));
    assert_eq!(recorded[2].action, "change-role");
    server.close().await;
}

async fn a_role_holds_from_the_next_request_on(database: &TestDatabase) {
    let (one, other) = (server(database).await, server(database).await);
    let carol = one.administrator().await;
    one.user(&carol, "bob", Role::Author).await;
    let bob = one.log_in("bob", PASSWORD).await.unwrap();
    assert!(other.caller(&bob).await.authors().is_ok());
    one.accounts.change_role(&carol, bob.user, Role::Viewer, Precondition::none(), &origin()).await.unwrap();
    assert_eq!(code(other.caller(&bob).await.authors()), "author-needed");
    one.accounts.change_role(&carol, bob.user, Role::Admin, Precondition::none(), &origin()).await.unwrap();
    assert!(other.caller(&bob).await.administers().is_ok());
    one.close().await;
    other.close().await;
}

async fn a_disabled_user_is_out_at_once_and_comes_back_with_their_password(database: &TestDatabase) {
    let (one, other) = (server(database).await, server(database).await);
    let carol = one.administrator().await;
    one.user(&carol, "bob", Role::Author).await;
    let bob = other.log_in("bob", PASSWORD).await.unwrap();
    one.accounts.disable_user(&carol, bob.user, &origin()).await.unwrap();
    assert!(!other.is_logged_in(&bob).await);
    assert_eq!(code(other.log_in("bob", PASSWORD).await), "wrong-credentials");
    one.accounts.enable_user(&carol, bob.user, &origin()).await.unwrap();
    assert!(!other.is_logged_in(&bob).await && other.log_in("bob", PASSWORD).await.is_ok());
    one.close().await;
    other.close().await;
}

async fn an_administrator_is_always_left(database: &TestDatabase) {
    let server = server(database).await;
    let carol = server.administrator().await;
    let accounts = &server.accounts;
    let fall = async |caller: &Caller, id: UserId| {
        let demoted = accounts.change_role(caller, id, Role::Author, Precondition::none(), &origin()).await;
        let disabled = accounts.disable_user(caller, id, &origin()).await;
        [code(demoted), code(disabled)]
    };
    assert_eq!(fall(&carol, carol.user).await, ["last-administrator"; 2]);
    // Someone who never chose a password administers nothing.
    let invited = accounts.create_user(&carol, new("dave", Role::Admin), &origin()).await.unwrap();
    assert_eq!(fall(&carol, carol.user).await, ["last-administrator"; 2]);
    accounts.disable_user(&carol, invited.account.id, &origin()).await.unwrap();

    let erin = server.user(&carol, "erin", Role::Admin).await;
    accounts.change_role(&erin, carol.user, Role::Author, Precondition::none(), &origin()).await.unwrap();
    assert_eq!(fall(&erin, erin.user).await, ["last-administrator"; 2]);
    assert_eq!(
        code(accounts.change_role(&erin, UserId::new(), Role::Author, Precondition::none(), &origin()).await),
        "not-found"
    );
    assert!(server.outcomes("change-role").await.contains(&"last-administrator".to_owned()));
    server.close().await;
}

async fn of_two_administrators_who_disable_each_other_one_stays(database: &TestDatabase) {
    let (one, other) = (server(database).await, server(database).await);
    let carol = one.administrator().await;
    let dave = one.user(&carol, "dave", Role::Admin).await;
    let origin = origin();
    for round in 0..5 {
        let (first, second) = tokio::join!(
            one.accounts.disable_user(&carol, dave.user, &origin),
            other.accounts.change_role(&dave, carol.user, Role::Viewer, Precondition::none(), &origin),
        );
        let codes = [first, second].map(|result| result.map_err(|error| error.code()));
        assert_eq!(codes.iter().filter(|result| result.is_ok()).count(), 1, "{round}: {codes:?}");
        assert!(codes.contains(&Err("last-administrator")), "{codes:?}");
        one.accounts.enable_user(&carol, dave.user, &origin).await.unwrap();
        one.accounts
            .change_role(&carol, carol.user, Role::Admin, Precondition::none(), &origin)
            .await
            .unwrap();
    }
    one.close().await;
    other.close().await;
}

async fn a_name_is_taken_in_any_case_also_when_two_want_it_at_once(database: &TestDatabase) {
    let (one, other) = (server(database).await, server(database).await);
    let carol = one.administrator().await;
    let taken = one.accounts.create_user(&carol, new("CAROL", Role::Author), &origin()).await;
    assert_eq!(code(taken), "user-name-taken");
    let wrong = one.accounts.create_user(&carol, new("a\r\nb", Role::Author), &origin()).await;
    assert_eq!(code(wrong), "user-name-form");
    let origin = origin();
    let both = tokio::join!(
        one.accounts.create_user(&carol, new("bob", Role::Author), &origin),
        other.accounts.create_user(&carol, new("Bob", Role::Author), &origin),
    );
    let codes = [both.0, both.1].map(|result| result.map(|_| ()).map_err(|error| error.code()));
    assert!(codes.contains(&Ok(())) && codes.contains(&Err("user-name-taken")), "{codes:?}");
    one.close().await;
    other.close().await;
}

async fn users_are_listed_in_pages(database: &TestDatabase) {
    let server: Server = server(database).await;
    let carol = server.administrator().await;
    for name in ["a", "b", "c"] {
        server.accounts.create_user(&carol, new(name, Role::Viewer), &origin()).await.unwrap();
    }
    let page = server.accounts.list_users(&carol, &PageRequest::first(3), &origin()).await.unwrap();
    let names: Vec<_> = page.items.iter().map(|account| account.name.as_str()).collect();
    assert_eq!((names, page.has_more), (vec!["c", "b", "a"], true));
    server.close().await;
}
