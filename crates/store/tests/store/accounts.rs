//! Users, their logins and tokens, and how often something was tried.

use std::time::Duration;

use gradus_domain::{ApiTokenId, Role, Scope, SessionId, UserId};
use gradus_store::api_tokens::{self, ApiToken};
use gradus_store::sessions::{self, Session};
use gradus_store::users::{self, UserChange};
use gradus_store::{Key, PageRequest, StoreError, Text, Transaction, throttles};
use gradus_testkit::TestDatabase;

use super::each_database;
use super::samples::{refusal, stored_user, user, uuid_of};

each_database!(
    a_user_is_read_back_as_written_and_changed_in_part,
    users_come_in_pages_newest_first_or_oldest_first,
    only_admins_who_may_log_in_are_counted,
    logins_end_one_by_one_all_but_one_and_by_time,
    tokens_are_found_by_hash_and_taken_back_once,
    tries_are_counted_in_windows_and_forgiven,
    tries_counted_by_two_servers_add_up,
);

async fn a_user_is_read_back_as_written_and_changed_in_part(database: &TestDatabase) {
    let store = database.open().await;
    let written = user("ada");
    let (id, copy) = (written.id.0, written.clone());
    store.write(|tx| async move { users::insert(&tx, copy).await }).await.unwrap();
    assert_eq!(users::get(&store.reader(), id).await.unwrap(), written);
    assert_eq!(users::find_by_name(&store.reader(), "ada").await.unwrap().as_ref(), Some(&written));
    assert_eq!(users::find_by_name(&store.reader(), "a%").await.unwrap(), None);

    let change = UserChange { role: Some(Role::Viewer), disabled: Some(true), ..UserChange::default() };
    store.write(move |tx| async move { users::update(&tx, id, change).await }).await.unwrap();
    let changed = users::get(&store.reader(), id).await.unwrap();
    assert_eq!((changed.role.0, &changed.display_name), (Role::Viewer, &written.display_name));
    assert!(changed.disabled_at.is_some() && changed.updated_at > written.updated_at);
    let enabled = UserChange { disabled: Some(false), ..UserChange::default() };
    store.write(move |tx| async move { users::update(&tx, id, enabled).await }).await.unwrap();
    assert_eq!(users::get(&store.reader(), id).await.unwrap().disabled_at, None);

    let nobody = UserId::new();
    let refused =
        store.write(move |tx| async move { users::update(&tx, nobody, UserChange::default()).await }).await;
    assert_eq!(refusal(refused), format!("there is no user {nobody}"));
    store.close().await.unwrap();
}

async fn users_come_in_pages_newest_first_or_oldest_first(database: &TestDatabase) {
    let store = database.open().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(stored_user(&store, &format!("user{number}")).await);
    }
    for oldest_first in [true, false] {
        let mut expected = ids.clone();
        if !oldest_first {
            expected.reverse();
        }
        let mut seen = Vec::new();
        let mut request = PageRequest { oldest_first, ..PageRequest::first(2) };
        loop {
            let page = users::page(&store.reader(), &request).await.unwrap();
            seen.extend(page.items.iter().map(|user| user.id.0));
            request.after = seen.last().copied().map(uuid_of);
            if !page.has_more {
                break;
            }
            assert_eq!(page.items.len(), 2);
        }
        assert_eq!(seen, expected);
    }
    store.close().await.unwrap();
}

async fn only_admins_who_may_log_in_are_counted(database: &TestDatabase) {
    let store = database.open().await;
    stored_user(&store, "author").await;
    for (name, disabled) in [("one", false), ("two", true)] {
        let id = stored_user(&store, name).await;
        let change =
            UserChange { role: Some(Role::Admin), disabled: Some(disabled), ..UserChange::default() };
        store.write(move |tx| async move { users::update(&tx, id, change).await }).await.unwrap();
    }
    assert_eq!(users::count(&store.reader(), Role::Admin).await.unwrap(), 1);
    store.close().await.unwrap();
}

fn session(user: UserId, token_hash: &str, tx: &Transaction) -> Session {
    Session {
        id: Key(SessionId::new()),
        user_id: Key(user),
        token_hash: token_hash.to_owned(),
        address: "127.0.0.1".to_owned(),
        user_agent: "test".to_owned(),
        created_at: tx.now(),
        last_seen_at: tx.now(),
        expires_at: tx.now() + chrono::TimeDelta::hours(12),
    }
}

async fn logins_end_one_by_one_all_but_one_and_by_time(database: &TestDatabase) {
    let store = database.open().await;
    let (ada, bob) = (stored_user(&store, "ada").await, stored_user(&store, "bob").await);
    let ids = store
        .write(move |tx| async move {
            let mut ids = Vec::new();
            for (user, token) in [(ada, "a1"), (ada, "a2"), (ada, "a3"), (bob, "b1")] {
                let session = session(user, token, &tx);
                ids.push(session.id.0);
                sessions::insert(&tx, session).await?;
            }
            Ok(ids)
        })
        .await
        .unwrap();
    let found = async |token: &str| sessions::find_by_token(&store.reader(), token).await.unwrap().is_some();
    let (first, second) = (ids[0], ids[1]);
    // Nobody ends another's login.
    assert!(!store.write(move |tx| async move { sessions::end(&tx, bob, first).await }).await.unwrap());
    assert!(store.write(move |tx| async move { sessions::end(&tx, ada, first).await }).await.unwrap());
    assert!(!found("a1").await && found("a2").await);
    let ended =
        store.write(move |tx| async move { sessions::end_all(&tx, ada, Some(second)).await }).await.unwrap();
    assert_eq!((ended, found("a2").await, found("a3").await, found("b1").await), (1, true, false, true));

    database.clock.advance_seconds(3600);
    store.write(move |tx| async move { sessions::touch(&tx, second).await }).await.unwrap();
    let idle = |tx: &Transaction| tx.now() - chrono::TimeDelta::minutes(30);
    let forgotten =
        store.write(move |tx| async move { sessions::forget_ended(&tx, idle(&tx)).await }).await.unwrap();
    assert_eq!((forgotten, found("a2").await, found("b1").await), (1, true, false));
    database.clock.advance_seconds(12 * 3600);
    store.write(move |tx| async move { sessions::touch(&tx, second).await }).await.unwrap();
    let forgotten =
        store.write(move |tx| async move { sessions::forget_ended(&tx, idle(&tx)).await }).await.unwrap();
    assert_eq!((forgotten, found("a2").await), (1, false));
    store.close().await.unwrap();
}

async fn tokens_are_found_by_hash_and_taken_back_once(database: &TestDatabase) {
    let store = database.open().await;
    let (ada, bob) = (stored_user(&store, "ada").await, stored_user(&store, "bob").await);
    let token = move |hash: &str, tx: &Transaction| ApiToken {
        id: Key(ApiTokenId::new()),
        user_id: Key(ada),
        name: "script".to_owned(),
        prefix: "grd_abc".to_owned(),
        token_hash: hash.to_owned(),
        scope: Text(Scope::Write),
        created_at: tx.now(),
        expires_at: None,
        last_used_at: None,
        revoked_at: None,
    };
    store
        .write(move |tx| async move {
            api_tokens::insert(&tx, token("h1", &tx)).await?;
            api_tokens::insert(&tx, token("h2", &tx)).await
        })
        .await
        .unwrap();
    let twice = store.write(move |tx| async move { api_tokens::insert(&tx, token("h1", &tx)).await }).await;
    assert!(matches!(twice, Err(StoreError::AlreadyThere { .. })));
    let id = api_tokens::find_by_token(&store.reader(), "h1").await.unwrap().unwrap().id.0;
    store.write(move |tx| async move { api_tokens::touch(&tx, id).await }).await.unwrap();
    let foreign = store.write(move |tx| async move { api_tokens::revoke(&tx, bob, id).await }).await;
    assert!(matches!(foreign, Err(StoreError::NotFound { .. })));
    store.write(move |tx| async move { api_tokens::revoke(&tx, ada, id).await }).await.unwrap();
    let again = store.write(move |tx| async move { api_tokens::revoke(&tx, ada, id).await }).await;
    assert!(matches!(again, Err(StoreError::NotFound { .. })));
    let revoked = api_tokens::find_by_token(&store.reader(), "h1").await.unwrap().unwrap();
    assert!(revoked.revoked_at.is_some() && revoked.last_used_at.is_some());
    assert_eq!(
        store.write(move |tx| async move { api_tokens::revoke_all(&tx, ada).await }).await.unwrap(),
        1
    );
    let left = api_tokens::page(&store.reader(), ada, &PageRequest::first(9)).await.unwrap();
    assert!(left.items.len() == 2 && left.items.iter().all(|token| token.revoked_at.is_some()));
    assert_eq!(api_tokens::count(&store.reader(), ada).await.unwrap(), 0);
    store.close().await.unwrap();
}

const WINDOW: Duration = Duration::from_secs(60);

async fn tries_are_counted_in_windows_and_forgiven(database: &TestDatabase) {
    let store = database.open().await;
    let count = async |name: &'static str| {
        store.write(move |tx| async move { throttles::count(&tx, name, WINDOW).await }).await.unwrap()
    };
    let first = count("login:ada").await;
    assert_eq!((first.count, count("login:ada").await.count, count("login:bob").await.count), (1, 2, 1));
    database.clock.advance_seconds(59);
    assert_eq!(count("login:ada").await.count, 3);
    database.clock.advance_seconds(1);
    let anew = count("login:ada").await;
    assert_eq!((anew.count, anew.until - first.until), (1, chrono::TimeDelta::seconds(60)));
    store.write(|tx| async move { throttles::forgive(&tx, "login:ada").await }).await.unwrap();
    assert_eq!(throttles::tries(&store.reader(), "login:ada", WINDOW).await.unwrap(), None);
    store.close().await.unwrap();
}

async fn tries_counted_by_two_servers_add_up(database: &TestDatabase) {
    let (one, other) = (database.open().await, database.open().await);
    let tries = (0..20).map(|number| {
        let store = if number % 2 == 0 { one.clone() } else { other.clone() };
        tokio::spawn(async move {
            store
                .write(|tx| async move { throttles::count(&tx, "login:ada", WINDOW).await })
                .await
                .unwrap()
                .count
        })
    });
    let mut counts = Vec::new();
    for task in tries.collect::<Vec<_>>() {
        counts.push(task.await.unwrap());
    }
    counts.sort_unstable();
    assert_eq!(counts, (1..=20).collect::<Vec<i64>>());
    one.close().await.unwrap();
    other.close().await.unwrap();
}
