//! Who the server under test knows. The services' own authenticator reads the database; this one has a list.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use gradus_web::guard::{
    Authenticator, Caller, ClientAddress, CredentialKind, Credentials, Refused, Role, Scope, Scopes,
};
use uuid::Uuid;

/// Tokens of people with each role and scope.
pub(crate) const ALICE: &str = "grd_alice_author";
pub(crate) const ALICE_READS: &str = "grd_alice_reads";
pub(crate) const VERA: &str = "grd_vera_viewer";
pub(crate) const CAROL: &str = "grd_carol_admin";
/// Alice's session.
pub(crate) const ALICE_SESSION: &str = "session-of-alice";

pub(crate) struct People {
    known: Mutex<HashMap<String, Caller>>,
    pub(crate) is_down: AtomicBool,
    pub(crate) asked: AtomicUsize,
}

impl People {
    pub(crate) fn new() -> Self {
        let read = Scopes::from_iter([Scope::Read]);
        let known = [
            (ALICE, 1, Role::Author, Scopes::ALL, CredentialKind::ApiToken),
            (ALICE_READS, 1, Role::Author, read, CredentialKind::ApiToken),
            (ALICE_SESSION, 1, Role::Author, Scopes::ALL, CredentialKind::Session),
            (VERA, 2, Role::Viewer, Scopes::ALL, CredentialKind::ApiToken),
            (CAROL, 3, Role::Admin, Scopes::ALL, CredentialKind::ApiToken),
        ];
        let known = known.into_iter().map(|(token, user, role, scopes, credential)| {
            let user_id = Uuid::from_u128(user);
            let name = format!("user {user}");
            (token.to_owned(), Caller { user_id, name, role, scopes, credential, credential_id: user_id })
        });
        Self {
            known: Mutex::new(known.collect()),
            is_down: AtomicBool::new(false),
            asked: AtomicUsize::new(0),
        }
    }

    pub(crate) fn revoke(&self, token: &str) {
        self.known.lock().unwrap().remove(token);
    }
}

#[async_trait]
impl Authenticator for People {
    async fn authenticate(&self, credentials: &Credentials, _: ClientAddress) -> Result<Caller, Refused> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.is_down.load(Ordering::Relaxed) {
            return Err(Refused::NotChecked("SELECT * FROM secret_table: connection refused".into()));
        }
        let (secret, kind) = match credentials {
            Credentials::Bearer(secret) => (secret, CredentialKind::ApiToken),
            Credentials::Session(secret) => (secret, CredentialKind::Session),
        };
        let known = self.known.lock().unwrap();
        known
            .get(secret.reveal())
            .filter(|caller| caller.credential == kind)
            .cloned()
            .ok_or(Refused::NotValid)
    }
}
