//! A server with an administrator, and users who accepted their invitations.

use std::sync::Arc;

use gradus_app::accounts::{
    Acceptance, AccountError, AccountSettings, Accounts, AuditEvent, Caller, FirstAdministrator, LoggedIn,
    Login, NewUser, Origin, PageRequest, Password,
};
use gradus_domain::{Role, UserId};
use gradus_store::{Store, audit_events};
use gradus_testkit::TestDatabase;

/// Of which nothing is a name of anyone's.
pub(crate) const PASSWORD: &str = "seven green kettles whistle";
pub(crate) const OTHER_PASSWORD: &str = "eleven brown bears juggle";

pub(crate) struct Server {
    pub(crate) accounts: Accounts,
    pub(crate) store: Store,
}

/// A server on the database, which may have others.
pub(crate) async fn server(database: &TestDatabase) -> Server {
    server_with(database, AccountSettings::default()).await
}

pub(crate) async fn server_with(database: &TestDatabase, settings: AccountSettings) -> Server {
    let store = database.open().await;
    let accounts = Accounts::new(store.clone(), Arc::new(database.clock.clone()), settings).unwrap();
    Server { accounts, store }
}

pub(crate) fn origin() -> Origin {
    from("192.0.2.1")
}

pub(crate) fn from(address: &str) -> Origin {
    Origin {
        address: address.parse().unwrap(),
        user_agent: "Browser/1".to_owned(),
        request_id: Some("request-1".to_owned()),
    }
}

pub(crate) fn login(name: &str, password: &str) -> Login {
    Login { name: name.to_owned(), password: Password::new(password), previous_session: None }
}

pub(crate) fn first(token: &str) -> FirstAdministrator {
    FirstAdministrator {
        token: token.to_owned(),
        name: "Carol".to_owned(),
        display_name: "Carol Young".to_owned(),
        password: Password::new(PASSWORD),
    }
}

pub(crate) fn code<T: std::fmt::Debug>(result: Result<T, AccountError>) -> &'static str {
    result.unwrap_err().code()
}

impl Server {
    /// Sets the server up; carol, its administrator.
    pub(crate) async fn administrator(&self) -> Caller {
        let token = self.accounts.open_set_up().await.unwrap().unwrap();
        let logged_in = self.accounts.set_up(first(token.expose()), &origin()).await.unwrap();
        self.caller(&logged_in).await
    }

    /// A user who chose [`PASSWORD`].
    pub(crate) async fn user(&self, administrator: &Caller, name: &str, role: Role) -> Caller {
        let new = NewUser { name: name.to_owned(), display_name: name.to_uppercase(), role };
        let invitation = self.accounts.create_user(administrator, new, &origin()).await.unwrap();
        let acceptance = Acceptance {
            name: name.to_owned(),
            code: invitation.code.expose().to_owned(),
            password: Password::new(PASSWORD),
        };
        let logged_in = self.accounts.accept_invitation(acceptance, &origin()).await.unwrap();
        self.caller(&logged_in).await
    }

    pub(crate) async fn caller(&self, logged_in: &LoggedIn) -> Caller {
        self.accounts.authenticate_session(logged_in.secret.expose()).await.unwrap()
    }

    pub(crate) async fn log_in(&self, name: &str, password: &str) -> Result<LoggedIn, AccountError> {
        self.accounts.log_in(login(name, password), &origin()).await
    }

    pub(crate) async fn log_in_from(
        &self,
        name: &str,
        password: &str,
        address: &str,
    ) -> Result<LoggedIn, AccountError> {
        self.accounts.log_in(login(name, password), &from(address)).await
    }

    pub(crate) async fn is_logged_in(&self, logged_in: &LoggedIn) -> bool {
        self.accounts.authenticate_session(logged_in.secret.expose()).await.is_ok()
    }

    /// The audit log, oldest first.
    pub(crate) async fn audit_log(&self) -> Vec<AuditEvent> {
        let all = PageRequest { oldest_first: true, ..PageRequest::first(PageRequest::MOST) };
        audit_events::page(&self.store.reader(), None, &all).await.unwrap().items
    }

    /// The outcomes of what was recorded under this word, oldest first.
    pub(crate) async fn outcomes(&self, action: &str) -> Vec<String> {
        let all = self.audit_log().await;
        all.into_iter().filter(|event| event.action == action).map(|event| event.outcome).collect()
    }

    pub(crate) async fn stored(&self, id: UserId) -> gradus_store::users::User {
        gradus_store::users::get(&self.store.reader(), id).await.unwrap()
    }

    pub(crate) async fn close(self) {
        self.store.close().await.unwrap();
    }
}
