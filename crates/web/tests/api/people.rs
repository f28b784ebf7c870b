//! Who the servers under test know, each with a session and with tokens.

use gradus_app::accounts::{
    Acceptance, Accounts, Caller, FirstAdministrator, LoggedIn, NewApiToken, NewUser, Origin, Password,
};
use gradus_domain::{Role, Scope};
use gradus_web::ServerState;

use crate::asking::Ask;

/// Of which nothing is a name of anyone's.
pub(crate) const PASSWORD: &str = "seven green kettles whistle";
pub(crate) const OTHER_PASSWORD: &str = "eleven brown bears juggle";

/// Someone who is logged in.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) caller: Caller,
    /// The session's secret.
    pub(crate) session: String,
    /// A token that may all its user may.
    pub(crate) token: String,
    /// A token that may look.
    pub(crate) reading_token: String,
}

/// An administrator, two authors and a viewer.
#[derive(Debug, Default)]
pub(crate) struct People {
    carol: Option<Person>,
    alice: Option<Person>,
    bob: Option<Person>,
    vera: Option<Person>,
}

impl People {
    /// The administrator.
    pub(crate) fn carol(&self) -> &Person {
        self.carol.as_ref().unwrap()
    }

    /// An author.
    pub(crate) fn alice(&self) -> &Person {
        self.alice.as_ref().unwrap()
    }

    /// Another author.
    pub(crate) fn bob(&self) -> &Person {
        self.bob.as_ref().unwrap()
    }

    /// A viewer.
    pub(crate) fn vera(&self) -> &Person {
        self.vera.as_ref().unwrap()
    }
}

impl Person {
    /// A request of theirs with their token.
    pub(crate) fn with_token(&self, ask: Ask) -> Ask {
        ask.bearer(&self.token)
    }

    /// A request of their browser.
    pub(crate) fn in_session(&self, ask: Ask) -> Ask {
        ask.session(&self.session).header("sec-fetch-site", "same-origin")
    }

    pub(crate) fn get(&self, path: &str) -> Ask {
        self.with_token(Ask::get(path))
    }

    pub(crate) fn post(&self, path: &str) -> Ask {
        self.with_token(Ask::post(path))
    }

    pub(crate) fn delete(&self, path: &str) -> Ask {
        self.with_token(Ask::new("DELETE", path))
    }
}

pub(crate) async fn let_in(state: &ServerState, setup_token: &str) -> People {
    let accounts = &state.accounts;
    let first = FirstAdministrator {
        token: setup_token.to_owned(),
        name: "carol".to_owned(),
        display_name: "Carol".to_owned(),
        password: Password::new(PASSWORD),
    };
    let carol = person(accounts, accounts.set_up(first, &origin()).await.unwrap()).await;
    let alice = invited(accounts, &carol.caller, "alice", Role::Author).await;
    let bob = invited(accounts, &carol.caller, "bob", Role::Author).await;
    let vera = invited(accounts, &carol.caller, "vera", Role::Viewer).await;
    People { carol: Some(carol), alice: Some(alice), bob: Some(bob), vera: Some(vera) }
}

async fn invited(accounts: &Accounts, carol: &Caller, name: &str, role: Role) -> Person {
    let new = NewUser { name: name.to_owned(), display_name: name.to_uppercase(), role };
    let invitation = accounts.create_user(carol, new, &origin()).await.unwrap();
    let code = invitation.code.expose().to_owned();
    let acceptance = Acceptance { name: name.to_owned(), code, password: Password::new(PASSWORD) };
    person(accounts, accounts.accept_invitation(acceptance, &origin()).await.unwrap()).await
}

async fn person(accounts: &Accounts, logged_in: LoggedIn) -> Person {
    let session = logged_in.secret.expose().to_owned();
    let caller = accounts.authenticate_session(&session).await.unwrap();
    let widest = match caller.role {
        Role::Viewer | Role::Author => Scope::Write,
        Role::Admin => Scope::Admin,
    };
    let mut tokens = Vec::new();
    for scope in [widest, Scope::Read] {
        let new = NewApiToken { name: scope.to_string(), scope, expires_at: None };
        let made = accounts.make_api_token(&caller, new, &origin()).await.unwrap();
        tokens.push(made.token.expose().to_owned());
    }
    let reading_token = tokens.pop().unwrap();
    Person { caller, session, token: tokens.pop().unwrap(), reading_token }
}

pub(crate) fn origin() -> Origin {
    Origin { address: [192, 0, 2, 1].into(), user_agent: "Tests/1".to_owned(), request_id: None }
}
