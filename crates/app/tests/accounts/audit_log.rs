//! The audit log.

use gradus_app::Precondition;
use gradus_app::accounts::audit::{self, Entry};
use gradus_app::accounts::{NewUser, Origin, PageRequest};
use gradus_domain::{Clock, Role};
use gradus_store::StoreError;
use gradus_testkit::TestDatabase;

use super::each_database;
use super::fixture::{OTHER_PASSWORD, PASSWORD, code, from, login, origin, server};

each_database!(
    good_and_bad_logins_are_recorded_with_time_name_and_address,
    nothing_from_outside_makes_a_second_line,
    others_record_in_their_own_transaction_and_what_is_undone_is_not_recorded,
    administrators_read_the_log_of_one_user_or_of_all,
    changes_of_accounts_are_recorded_with_who_made_them,
);

async fn good_and_bad_logins_are_recorded_with_time_name_and_address(database: &TestDatabase) {
    let server = server(database).await;
    let carol = server.administrator().await;
    database.clock.advance_seconds(10);
    let at = database.clock.now();
    assert!(
        server.accounts.log_in(login("Carol", OTHER_PASSWORD), &from("::ffff:203.0.113.5")).await.is_err()
    );
    let logged_in = server.accounts.log_in(login("carol", PASSWORD), &from("2001:db8::5")).await.unwrap();
    let events = server.audit_log().await;
    let [.., bad, good] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((bad.at, good.at), (at, at));
    assert_eq!((bad.user_name.as_str(), bad.outcome.as_str()), ("Carol", "wrong-password"));
    assert_eq!(bad.address.as_deref(), Some("203.0.113.5"));
    assert_eq!(
        (good.address.as_deref(), good.request_id.as_deref()),
        (Some("2001:db8::5"), Some("request-1"))
    );
    assert_eq!((good.outcome.as_str(), good.user_id.as_deref()), ("done", Some(&carol.user)));
    assert_eq!(good.details["session"], logged_in.session.to_string());
    server.close().await;
}

async fn nothing_from_outside_makes_a_second_line(database: &TestDatabase) {
    let server = server(database).await;
    server.administrator().await;
    let origin = Origin {
        user_agent: "agent\r\nadmin: done".to_owned(),
        request_id: Some("id\r\n\u{2028}x".to_owned()),
        ..origin()
    };
    let name = format!("carol\r\n2026-11-23 admin log-in done {}", "x".repeat(5000));
    assert!(server.accounts.log_in(login(&name, PASSWORD), &origin).await.is_err());
    let logged_in = server.accounts.log_in(login("carol", PASSWORD), &origin).await.unwrap();
    let event = server.audit_log().await.into_iter().find(|event| event.outcome == "unknown-name").unwrap();
    assert!(event.user_name.starts_with("carol��2026-11-23 admin") && event.user_name.chars().count() <= 201);
    assert_eq!(event.request_id.as_deref(), Some("id���x"));
    let caller = server.caller(&logged_in).await;
    let sessions =
        server.accounts.list_sessions(&caller, &gradus_store::PageRequest::first(200)).await.unwrap().items;
    assert_eq!(sessions[0].user_agent, "agent��admin: done");
    for event in server.audit_log().await {
        let text = format!("{} {:?} {}", event.user_name, event.subject, event.details.0);
        assert!(!text.chars().any(char::is_control), "{text}");
    }
    server.close().await;
}

async fn others_record_in_their_own_transaction_and_what_is_undone_is_not_recorded(database: &TestDatabase) {
    let server = server(database).await;
    let carol = server.administrator().await;
    let before = server.audit_log().await.len();
    for fails in [true, false] {
        let (carol, origin) = (carol.clone(), origin());
        let written = server.store.write(move |change| async move {
            let entry =
                Entry::of(&carol, "delete-document", &origin).about("document 7").with("name", "a\nb");
            audit::record(&change, entry).await?;
            if fails { Err(StoreError::Damaged("on purpose".to_owned())) } else { Ok(()) }
        });
        assert_eq!(written.await.is_ok(), !fails);
    }
    let events = server.audit_log().await.split_off(before);
    assert_eq!(events.len(), 1);
    assert_eq!(
        (events[0].action.as_str(), events[0].subject.as_deref()),
        ("delete-document", Some("document 7"))
    );
    assert_eq!(events[0].details["name"], "a�b");
    assert_eq!(events[0].details["session"], carol.session().unwrap().to_string());
    server.close().await;
}

async fn administrators_read_the_log_of_one_user_or_of_all(database: &TestDatabase) {
    let server = server(database).await;
    let carol = server.administrator().await;
    let bob = server.user(&carol, "bob", Role::Author).await;
    assert!(server.accounts.list_users(&bob, &PageRequest::first(1), &origin()).await.is_err());
    let read =
        async |of| server.accounts.audit_log(&carol, of, &PageRequest::first(100), &origin()).await.unwrap();
    let bobs: Vec<_> =
        read(Some(bob.user)).await.items.into_iter().map(|event| (event.action, event.outcome)).collect();
    let expected = [("list-users", "administrator-needed"), ("accept-invitation", "done")];
    assert_eq!(bobs, expected.map(|(action, outcome)| (action.to_owned(), outcome.to_owned())));
    assert_eq!(read(None).await.items.len(), server.audit_log().await.len());
    server.close().await;
}

async fn changes_of_accounts_are_recorded_with_who_made_them(database: &TestDatabase) {
    let server = server(database).await;
    let carol = server.administrator().await;
    let new = NewUser { name: "bob".to_owned(), display_name: "Bob".to_owned(), role: Role::Viewer };
    let bob = server.accounts.create_user(&carol, new, &origin()).await.unwrap().account.id;
    server.accounts.invite_user(&carol, bob, &origin()).await.unwrap();
    server.accounts.change_role(&carol, bob, Role::Author, Precondition::none(), &origin()).await.unwrap();
    server.accounts.disable_user(&carol, bob, &origin()).await.unwrap();
    server.accounts.enable_user(&carol, bob, &origin()).await.unwrap();
    server.accounts.change_display_name(&carol, "Caroline", Precondition::none(), &origin()).await.unwrap();
    assert_eq!(
        code(server.accounts.end_session(&carol, gradus_domain::SessionId::new(), &origin()).await),
        "not-found"
    );
    let events = server.audit_log().await;
    let recorded: Vec<_> =
        events.iter().skip(1).map(|event| (event.action.as_str(), event.subject.clone())).collect();
    let about_bob = Some(bob.to_string());
    let expected = ["create-user", "invite-user", "change-role", "disable-user", "enable-user"];
    assert_eq!(recorded[..5], expected.map(|action| (action, about_bob.clone())));
    assert_eq!((recorded[5].0, recorded[6].0), ("change-display-name", "end-session"));
    assert!(events.iter().skip(1).all(|event| event.user_name == "carol"));
    let role = &events.iter().find(|event| event.action == "change-role").unwrap().details;
    assert_eq!((&role["from"], &role["to"]), (&"viewer".into(), &"author".into()));
    server.close().await;
}
