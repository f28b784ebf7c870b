//! Who asks for something, how that is known, and where they ask from.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use gradus_domain::{ApiTokenId, Role, Scope, SessionId, UserId};
use gradus_store::Whose;

use super::AccountError;

/// Who asks, as of the moment they were looked up. Looked up anew for each request, never kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Which user.
    pub user: UserId,
    /// What they log in with.
    pub name: String,
    /// What others see.
    pub display_name: String,
    /// What they may do.
    pub role: Role,
    /// What of that they may do here: everything in a session; what the token's scope and their role both allow with an
    /// API token.
    pub scope: Scope,
    /// How it is known who they are.
    pub credential: Credential,
}

/// How it is known who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// They logged in.
    Session(SessionId),
    /// A program showed a token of theirs.
    ApiToken {
        /// Which.
        id: ApiTokenId,
        /// When it ends.
        expires_at: Option<DateTime<Utc>>,
    },
}

impl Caller {
    /// Whose things they see: everyone's where they act as an administrator, else their own and those shared with them.
    /// An administrator's token of a lesser scope sees what any user sees.
    pub fn whose(&self) -> Whose {
        if self.administers().is_ok() { Whose::Anyones } else { Whose::Of(self.user) }
    }

    /// Whether they act as an administrator.
    ///
    /// # Errors
    /// What is missing for that.
    pub fn administers(&self) -> Result<(), AccountError> {
        match (self.role, self.scope) {
            (Role::Admin, Scope::Admin) => Ok(()),
            (Role::Admin, _) => Err(AccountError::ScopeNeeded(Scope::Admin)),
            _ => Err(AccountError::AdministratorNeeded),
        }
    }

    /// Whether they may add and change things.
    ///
    /// # Errors
    /// What is missing for that.
    pub fn authors(&self) -> Result<(), AccountError> {
        if !self.role.includes(Role::Author) {
            return Err(AccountError::AuthorNeeded);
        }
        self.writes()
    }

    /// Whether they may change what is theirs already, such as their own tokens.
    ///
    /// # Errors
    /// What is missing for that.
    pub fn writes(&self) -> Result<(), AccountError> {
        if self.scope.includes(Scope::Write) || matches!(self.credential, Credential::Session(_)) {
            return Ok(());
        }
        Err(AccountError::ScopeNeeded(Scope::Write))
    }

    /// The session they are logged in with: what a person alone may do asks for it.
    ///
    /// # Errors
    /// When an API token was shown instead.
    pub fn session(&self) -> Result<SessionId, AccountError> {
        match self.credential {
            Credential::Session(id) => Ok(id),
            Credential::ApiToken { .. } => Err(AccountError::SessionNeeded),
        }
    }
}

/// The widest scope that makes sense for a role.
pub(super) fn widest_scope(role: Role) -> Scope {
    match role {
        // A viewer changes nothing but what is their own account's, and asks models, which takes the machine's time.
        Role::Viewer | Role::Author => Scope::Write,
        Role::Admin => Scope::Admin,
    }
}

/// Where a request comes from, as far as it is known for certain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The address of the client itself, not of a proxy.
    pub address: IpAddr,
    /// What the client calls itself; made safe before it is stored.
    pub user_agent: String,
    /// Under which name the log has the request.
    pub request_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(role: Role, scope: Scope, credential: Credential) -> Caller {
        Caller {
            user: UserId::new(),
            name: "ada".into(),
            display_name: "Ada".into(),
            role,
            scope,
            credential,
        }
    }

    #[test]
    fn both_role_and_scope_must_allow_what_is_asked() {
        let token = Credential::ApiToken { id: ApiTokenId::new(), expires_at: None };
        let may = |role, scope| {
            let caller = caller(role, scope, token);
            (caller.writes().is_ok(), caller.authors().is_ok(), caller.administers().is_ok())
        };
        assert_eq!(may(Role::Admin, Scope::Admin), (true, true, true));
        assert_eq!(may(Role::Admin, Scope::Write), (true, true, false));
        assert_eq!(may(Role::Author, Scope::Admin), (true, true, false));
        assert_eq!(may(Role::Author, Scope::Read), (false, false, false));
        assert_eq!(may(Role::Viewer, Scope::Write), (true, false, false));
    }

    #[test]
    fn only_an_administrator_who_acts_as_one_sees_everyones_things() {
        let session = Credential::Session(SessionId::new());
        assert_eq!(caller(Role::Admin, Scope::Admin, session).whose(), Whose::Anyones);
        for (role, scope) in [(Role::Admin, Scope::Write), (Role::Author, Scope::Admin)] {
            let caller = caller(role, scope, session);
            assert_eq!(caller.whose(), Whose::Of(caller.user));
        }
    }

    #[test]
    fn a_viewer_in_a_session_may_see_to_their_own_account() {
        let session = Credential::Session(SessionId::new());
        let viewer = caller(Role::Viewer, Scope::Admin, session);
        assert!(viewer.writes().is_ok() && viewer.session().is_ok() && viewer.authors().is_err());
    }
}
