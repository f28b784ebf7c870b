//! Who sends a request, once the services have looked at what it shows.

use async_trait::async_trait;
use axum::extract::FromRequestParts;
use http::request::Parts;
use uuid::Uuid;

use super::{ClientAddress, Credentials};
use crate::problem::{Category, Problem};

/// What a user is here; each role may do all that those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Sees what others share.
    Viewer,
    /// Has documents, datasets, models and reports.
    Author,
    /// Sees to users and the server.
    Admin,
}

/// What credentials may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// To see.
    Read,
    /// To change.
    Write,
}

/// The scopes that credentials have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes {
    read: bool,
    write: bool,
}

impl Scopes {
    /// Both, as a session has them.
    pub const ALL: Self = Self { read: true, write: true };

    /// Whether `scope` is among them.
    #[must_use]
    pub fn contains(self, scope: Scope) -> bool {
        match scope {
            Scope::Read => self.read,
            Scope::Write => self.write,
        }
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        let mut all = Self::default();
        for scope in scopes {
            match scope {
                Scope::Read => all.read = true,
                Scope::Write => all.write = true,
            }
        }
        all
    }
}

/// What somebody showed to be let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CredentialKind {
    /// The cookie of a session, begun with a password.
    Session,
    /// An API token.
    ApiToken,
}

/// Somebody who is signed in. Handlers take it as an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The user's id.
    pub user_id: Uuid,
    /// The user's name, for pages; the log has the id alone.
    pub name: String,
    /// What the user is here.
    pub role: Role,
    /// What the credentials may be used for.
    pub scopes: Scopes,
    /// What was shown.
    pub credential: CredentialKind,
    /// The session's or token's own id, for signing out and for the audit log.
    pub credential_id: Uuid,
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Routes for anyone have no caller, so asking for one there is a mistake of the route's.
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Problem::general(Category::Unauthenticated))
    }
}

/// Why credentials are not accepted.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Unknown, expired, revoked, or of a disabled user: which of them, the caller is not told.
    #[error("the credentials are not valid")]
    NotValid,
    /// They could not be checked; trying again later helps.
    #[error("the credentials could not be checked")]
    NotChecked(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Tells who credentials belong to. The services implement it.
#[async_trait]
pub trait Authenticator: Send + Sync + 'static {
    /// The caller that `credentials` stand for, asked anew for each request, so that whatever was revoked is
    /// refused within one.
    async fn authenticate(&self, credentials: &Credentials, from: ClientAddress) -> Result<Caller, Refused>;
}
