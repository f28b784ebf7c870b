//! What someone who steals the database learns, and what errors and logs of values show.

use gradus_app::accounts::{Acceptance, NewApiToken, NewUser, Password};
use gradus_domain::{Role, Scope};
use gradus_testkit::{Kind, TestDatabase};

use super::fixture::{OTHER_PASSWORD, PASSWORD, first, login, origin, server};

/// Every byte of the database's files: the file itself and its journal.
fn dump(database: &TestDatabase) -> Vec<u8> {
    let mut dump = Vec::new();
    for file in std::fs::read_dir(database.directory.path()).unwrap() {
        dump.extend(std::fs::read(file.unwrap().path()).unwrap());
    }
    dump
}

fn contains(dump: &[u8], text: &str) -> bool {
    dump.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn a_stolen_database_has_no_secret_in_it() {
    let database = TestDatabase::new(Kind::Sqlite).await.unwrap();
    let server = server(&database).await;
    let set_up = server.accounts.open_set_up().await.unwrap().unwrap();
    let mut secrets = vec![PASSWORD.to_owned(), OTHER_PASSWORD.to_owned(), set_up.expose().to_owned()];
    assert!(!contains(&dump(&database), set_up.expose()));
    let logged_in = server.accounts.set_up(first(set_up.expose()), &origin()).await.unwrap();
    let carol = server.caller(&logged_in).await;
    secrets.push(logged_in.secret.expose().to_owned());

    let new = NewUser { name: "bob".to_owned(), display_name: "Bob".to_owned(), role: Role::Author };
    let invitation = server.accounts.create_user(&carol, new, &origin()).await.unwrap();
    secrets.push(invitation.code.expose().to_owned());
    let acceptance = Acceptance {
        name: "bob".to_owned(),
        code: invitation.code.expose().to_owned(),
        password: Password::new(OTHER_PASSWORD),
    };
    let bob = server.accounts.accept_invitation(acceptance, &origin()).await.unwrap();
    secrets.push(bob.secret.expose().to_owned());
    let new = NewApiToken { name: "script".to_owned(), scope: Scope::Admin, expires_at: None };
    let token = server.accounts.make_api_token(&carol, new, &origin()).await.unwrap();
    server.accounts.authenticate_api_token(token.token.expose(), &origin()).await.unwrap();
    secrets.push(token.token.expose().to_owned());
    secrets.push(token.token.expose()[4..47].to_owned());
    let mistaken = "a mistaken password that nobody has";
    assert!(server.accounts.log_in(login("carol", mistaken), &origin()).await.is_err());
    secrets.push(mistaken.to_owned());
    let (present, changed) = (Password::new(PASSWORD), Password::new("three purple owls knit scarves"));
    server.accounts.change_password(&carol, &present, &changed, &origin()).await.unwrap();
    secrets.push("three purple owls knit scarves".to_owned());

    for when in ["open", "closed"] {
        let dump = dump(&database);
        // The dump is of the right files.
        assert!(contains(&dump, "$argon2id$v=19$m=19456,t=2,p=1$") && contains(&dump, &token.shown.prefix));
        for secret in &secrets {
            assert!(!contains(&dump, secret), "{when}: {secret}");
        }
        if when == "open" {
            server.store.clone().close().await.unwrap();
        }
    }
    // Nor do values show their secrets when they are written to a log.
    let shown = format!("{logged_in:?} {invitation:?} {token:?} {:?}", login("carol", PASSWORD));
    assert!(secrets.iter().all(|secret| !shown.contains(secret.as_str())), "{shown}");
}

#[tokio::test]
async fn a_hundred_tokens_of_one_name_are_distinct() {
    let database = TestDatabase::new(Kind::Sqlite).await.unwrap();
    let server = server(&database).await;
    let carol = server.administrator().await;
    let mut secrets = std::collections::HashSet::new();
    let new = NewApiToken { name: "script".to_owned(), scope: Scope::Read, expires_at: None };
    for _ in 0..100 {
        let made = server.accounts.make_api_token(&carol, new.clone(), &origin()).await.unwrap();
        secrets.insert(made.token.expose().to_owned());
    }
    assert_eq!(
        (
            secrets.len(),
            server
                .accounts
                .list_api_tokens(&carol, &gradus_store::PageRequest::first(200))
                .await
                .unwrap()
                .items
                .len()
        ),
        (100, 100)
    );
    server.close().await;
}
