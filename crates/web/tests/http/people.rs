//! Who the server under test knows. The services' own authenticator reads the database; this one has a list.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use gradus_app::accounts::{Caller, Credential, Origin};
use gradus_domain::{ApiTokenId, Id as _, Role, Scope, SessionId, UserId};
use gradus_web::guard::{Authenticator, Credentials, Denial, Refused};
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
    /// Of whom it was noted that they were denied which route, and why.
    pub(crate) denied: Mutex<Vec<(UserId, String, &'static str)>>,
}

impl People {
    pub(crate) fn new() -> Self {
        let api_token = Credential::ApiToken { id: ApiTokenId::new(), expires_at: None };
        let session = Credential::Session(SessionId::new());
        let known = [
            (ALICE, 1, Role::Author, Scope::Admin, api_token),
            (ALICE_READS, 1, Role::Author, Scope::Read, api_token),
            (ALICE_SESSION, 1, Role::Author, Scope::Admin, session),
            (VERA, 2, Role::Viewer, Scope::Admin, api_token),
            (CAROL, 3, Role::Admin, Scope::Admin, api_token),
        ];
        let known = known.into_iter().map(|(token, user, role, scope, credential)| {
            let (user, name) = (UserId::from_uuid(Uuid::from_u128(user)), format!("user {user}"));
            let display_name = name.clone();
            (token.to_owned(), Caller { user, name, display_name, role, scope, credential })
        });
        Self {
            known: Mutex::new(known.collect()),
            is_down: AtomicBool::new(false),
            asked: AtomicUsize::new(0),
            denied: Mutex::new(Vec::new()),
        }
    }

    /// Gives whoever has the token another role.
    pub(crate) fn change_role(&self, token: &str, role: Role) {
        self.known.lock().unwrap().get_mut(token).unwrap().role = role;
    }

    pub(crate) fn revoke(&self, token: &str) {
        self.known.lock().unwrap().remove(token);
    }
}

#[async_trait]
impl Authenticator for People {
    async fn authenticate(&self, credentials: &Credentials, from: &Origin) -> Result<Caller, Refused> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.recognise(credentials, from).await
    }

    async fn recognise(&self, credentials: &Credentials, _: &Origin) -> Result<Caller, Refused> {
        if self.is_down.load(Ordering::Relaxed) {
            return Err(Refused::NotChecked("SELECT * FROM secret_table: connection refused".into()));
        }
        let (secret, is_session) = match credentials {
            Credentials::Bearer(secret) => (secret, false),
            Credentials::Session(secret) => (secret, true),
        };
        let known = self.known.lock().unwrap();
        known
            .get(secret.reveal())
            .filter(|caller| caller.session().is_ok() == is_session)
            .cloned()
            .ok_or(Refused::NotValid)
    }

    async fn note_denied(&self, caller: &Caller, route: &str, denial: Denial, _: &Origin) {
        self.denied.lock().unwrap().push((caller.user, route.to_owned(), denial.word()));
    }
}
