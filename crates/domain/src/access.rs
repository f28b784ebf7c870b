//! Who may do what: roles of users, scopes of API tokens.

use crate::words::words;

words! {
    /// What a user may do.
    "role" Role {
        /// Sees what is shared with them.
        Viewer = "viewer",
        /// Uploads, trains and tests besides.
        Author = "author",
        /// Does everything, and keeps the accounts.
        Admin = "admin",
    }
}

words! {
    /// What an API token may do; never more than its user.
    "scope" Scope {
        /// Look.
        Read = "read",
        /// Look and change.
        Write = "write",
        /// Whatever its user may, accounts included.
        Admin = "admin",
    }
}

impl Role {
    /// Whether this role may do what `other` may.
    pub fn includes(self, other: Self) -> bool {
        self >= other
    }
}

impl Scope {
    /// Whether this scope allows what `other` does.
    pub fn includes(self, other: Self) -> bool {
        self >= other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_and_scope_includes_the_ones_before_it_and_none_after() {
        assert!(Role::Admin.includes(Role::Author) && Role::Author.includes(Role::Viewer));
        assert!(!Role::Viewer.includes(Role::Author) && !Role::Author.includes(Role::Admin));
        assert!(Scope::Write.includes(Scope::Read) && Scope::Write.includes(Scope::Write));
        assert!(!Scope::Read.includes(Scope::Write) && !Scope::Write.includes(Scope::Admin));
    }
}
