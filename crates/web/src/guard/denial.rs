//! Why somebody who is signed in may not use a route: told to them, and noted for whoever reads the audit log.

use gradus_domain::{Role, Scope};

use crate::problem::{Category, Problem};

/// Why a caller is denied a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// It needs this role.
    RoleTooLow(Role),
    /// It is not done with an API token.
    SessionNeeded,
    /// It needs credentials of this scope.
    ScopeMissing(Scope),
    /// A page of another site may have sent the request.
    CrossSite,
}

impl Denial {
    /// The word for the audit log.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::RoleTooLow(_) => "role-too-low",
            Self::SessionNeeded => "session-needed",
            Self::ScopeMissing(_) => "scope-missing",
            Self::CrossSite => "cross-site-request",
        }
    }
}

impl From<Denial> for Problem {
    fn from(denial: Denial) -> Self {
        let (code, detail) = match denial {
            Denial::RoleTooLow(role) => ("role_too_low", format!("This needs the role {role}.")),
            Denial::SessionNeeded => {
                let detail = "This cannot be done with an API token. Sign in with your password.";
                ("session_needed", detail.to_owned())
            }
            Denial::ScopeMissing(scope) => ("scope_missing", format!("This needs a token of scope {scope}.")),
            Denial::CrossSite => {
                let detail = "The browser says that another site caused this request, or does not say which did. \
                    Open Gradus itself and try again; programs send an API token.";
                ("cross_site_request", detail.to_owned())
            }
        };
        Self::new(Category::Forbidden, detail).with_code(code)
    }
}
