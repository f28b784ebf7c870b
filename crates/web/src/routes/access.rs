//! Who may use a route. Part of every route, so that none can be without.

use gradus_app::accounts::Caller;
use gradus_domain::{Role, Scope, Word as _};
use serde_json::{Value, json};

use crate::guard::Denial;

/// Whose the thing is that a route's path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resource {
    /// The path names nothing of anybody's.
    None,
    /// The caller's own: others are told that there is no such thing.
    Owned,
    /// The caller's own, or shared with the caller.
    Shared,
}

/// Who may use a route. The guard checks it before the handler runs; what the path names belongs to whom, the
/// handler's service checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Access {
    needs: Option<Needs>,
    resource: Resource,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Needs {
    role: Role,
    scope: Scope,
    session: bool,
}

impl Access {
    /// Anyone, signed in or not.
    #[must_use]
    pub const fn anyone() -> Self {
        Self { needs: None, resource: Resource::None }
    }

    /// Whoever is signed in, with credentials of `scope`.
    #[must_use]
    pub const fn signed_in(scope: Scope) -> Self {
        Self::role(Role::Viewer, scope)
    }

    /// Authors and administrators, with credentials of `scope`.
    #[must_use]
    pub const fn author(scope: Scope) -> Self {
        Self::role(Role::Author, scope)
    }

    /// Administrators, with credentials of `scope`.
    #[must_use]
    pub const fn admin(scope: Scope) -> Self {
        Self::role(Role::Admin, scope)
    }

    /// And the path names a thing of the caller's own.
    #[must_use]
    pub const fn owned(mut self) -> Self {
        self.resource = Resource::Owned;
        self
    }

    /// And the path names a thing that is the caller's own or shared with the caller.
    #[must_use]
    pub const fn shared(mut self) -> Self {
        self.resource = Resource::Shared;
        self
    }

    /// And the caller has a session: what would let a stolen API token outlive itself (passwords, tokens,
    /// invitations, roles) is not done with one.
    #[must_use]
    pub const fn by_session(mut self) -> Self {
        if let Some(needs) = &mut self.needs {
            needs.session = true;
        }
        self
    }

    const fn role(role: Role, scope: Scope) -> Self {
        Self { needs: Some(Needs { role, scope, session: false }), resource: Resource::None }
    }

    /// Whether the route is closed to whoever is not signed in.
    #[must_use]
    pub const fn needs_caller(&self) -> bool {
        self.needs.is_some()
    }

    /// The least role that may use the route; none where anyone may.
    #[must_use]
    pub fn least_role(&self) -> Option<Role> {
        self.needs.map(|needs| needs.role)
    }

    /// The scope that credentials need; none where anyone may.
    #[must_use]
    pub fn scope(&self) -> Option<Scope> {
        self.needs.map(|needs| needs.scope)
    }

    /// Whether an API token is not enough.
    #[must_use]
    pub fn needs_session(&self) -> bool {
        self.needs.is_some_and(|needs| needs.session)
    }

    /// Whose the thing is that the path names.
    #[must_use]
    pub fn resource(&self) -> Resource {
        self.resource
    }

    /// Whether `caller` may use the route.
    pub(crate) fn check(&self, caller: &Caller) -> Result<(), Denial> {
        let Some(needs) = self.needs else { return Ok(()) };
        if !caller.role.includes(needs.role) {
            return Err(Denial::RoleTooLow(needs.role));
        }
        if needs.session && caller.session().is_err() {
            return Err(Denial::SessionNeeded);
        }
        if !caller.scope.includes(needs.scope) {
            return Err(Denial::ScopeMissing(needs.scope));
        }
        Ok(())
    }

    /// As the API's description has it, under `x-access`.
    pub(super) fn description(&self) -> Value {
        let resource = match self.resource {
            Resource::None => "none",
            Resource::Owned => "owned",
            Resource::Shared => "shared",
        };
        match self.needs {
            None => json!({ "who": "anyone", "resource": resource }),
            Some(needs) => json!({
                "who": needs.role.word(),
                "scope": needs.scope.word(),
                "session": needs.session,
                "resource": resource,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use gradus_app::accounts::Credential;
    use gradus_domain::{ApiTokenId, SessionId, UserId};

    use super::*;

    fn caller(role: Role, scope: Scope, credential: Credential) -> Caller {
        Caller {
            user: UserId::new(),
            name: "ada".to_owned(),
            display_name: "Ada".to_owned(),
            role,
            scope,
            credential,
        }
    }

    fn token() -> Credential {
        Credential::ApiToken { id: ApiTokenId::new(), expires_at: None }
    }

    fn word(access: Access, caller: &Caller) -> Option<&'static str> {
        access.check(caller).err().map(Denial::word)
    }

    #[test]
    fn each_role_may_do_what_those_before_it_may() {
        let routes =
            [Access::signed_in(Scope::Read), Access::author(Scope::Write), Access::admin(Scope::Admin)];
        for (role, allowed) in [(Role::Viewer, 1), (Role::Author, 2), (Role::Admin, 3)] {
            let caller = caller(role, Scope::Admin, Credential::Session(SessionId::new()));
            let passed = routes.iter().filter(|access| access.check(&caller).is_ok()).count();
            assert_eq!(passed, allowed, "{role:?}");
        }
    }

    #[test]
    fn a_token_does_only_what_its_scope_and_those_before_it_allow() {
        let reader = caller(Role::Admin, Scope::Read, token());
        assert_eq!(word(Access::admin(Scope::Read), &reader), None);
        assert_eq!(word(Access::signed_in(Scope::Write), &reader), Some("scope-missing"));
        let writer = caller(Role::Admin, Scope::Write, token());
        assert_eq!(word(Access::signed_in(Scope::Read), &writer), None);
        assert_eq!(word(Access::admin(Scope::Admin), &writer), Some("scope-missing"));
    }

    #[test]
    fn what_needs_a_session_is_not_done_with_a_token() {
        let access = Access::signed_in(Scope::Write).by_session();
        assert_eq!(word(access, &caller(Role::Admin, Scope::Admin, token())), Some("session-needed"));
        let session = Credential::Session(SessionId::new());
        assert_eq!(word(access, &caller(Role::Viewer, Scope::Admin, session)), None);
    }

    #[test]
    fn the_description_says_all_of_it() {
        let access = Access::author(Scope::Write).shared();
        let expected = json!({ "who": "author", "scope": "write", "session": false, "resource": "shared" });
        assert_eq!(access.description(), expected);
    }
}
