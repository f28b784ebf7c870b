//! Users, as administrators see and change them. No step leaves the server without someone who can administer it.

mod changes;
mod invitations;

use chrono::{DateTime, Utc};
use gradus_domain::{Id, Role, UserId};
use gradus_store::users::{self, User};
use gradus_store::{Page, PageRequest, StoreError, Transaction};

use super::audit::actions;
use super::{AccountError, Accounts, Caller, Origin};

pub use invitations::{Acceptance, Invitation, NewUser};
pub(super) use invitations::{INVITATION, forget_invitation, invitation_end};

/// An account as administrators and its user see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub id: UserId,
    /// What they log in with.
    pub name: String,
    /// What others see.
    pub display_name: String,
    /// What they may do.
    pub role: Role,
    /// Whether they have chosen a password.
    pub has_password: bool,
    /// Since when they may not log in.
    pub disabled_at: Option<DateTime<Utc>>,
    /// When the account was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

impl From<User> for Account {
    fn from(user: User) -> Self {
        Self {
            id: user.id.0,
            name: user.name,
            display_name: user.display_name,
            role: user.role.0,
            has_password: user.password_hash.is_some(),
            disabled_at: user.disabled_at,
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

impl Accounts {
    /// A page of the accounts.
    ///
    /// # Errors
    /// For whoever is no administrator.
    pub async fn list_users(
        &self,
        caller: &Caller,
        request: &PageRequest,
        origin: &Origin,
    ) -> Result<Page<Account>, AccountError> {
        self.admit(caller, Caller::administers, actions::LIST_USERS, origin).await?;
        Ok(users::page(&self.store.reader(), request).await?.map(Account::from))
    }

    /// One account: the caller's own, or anyone's for administrators.
    ///
    /// # Errors
    /// When there is none that the caller may see.
    pub async fn user(&self, caller: &Caller, id: UserId, origin: &Origin) -> Result<Account, AccountError> {
        let may = |caller: &Caller| if caller.user == id { Ok(()) } else { caller.administers() };
        self.admit(caller, may, actions::LIST_USERS, origin).await?;
        let reader = self.store.reader();
        found(users::get(&reader, id).await, id).map(Account::from)
    }
}

fn found(found: Result<User, StoreError>, id: UserId) -> Result<User, AccountError> {
    match found {
        Err(StoreError::NotFound { .. }) => {
            Err(AccountError::NotThere { noun: "user", which: id.to_string() })
        }
        other => Ok(other?),
    }
}

/// Makes sure that someone else can administer the server, if this user can. Only in the turn of accounts.
async fn check_not_last(change: &Transaction, user: &User) -> Result<(), AccountError> {
    if !can_administer(user) {
        return Ok(());
    }
    let mut request = PageRequest::first(PageRequest::MOST);
    loop {
        let page = users::page(change, &request).await?;
        if page.items.iter().any(|other| other.id != user.id && can_administer(other)) {
            return Ok(());
        }
        if !page.has_more {
            return Err(AccountError::LastAdministrator);
        }
        request.after = page.items.last().map(|last| last.id.0.uuid());
    }
}

/// An administrator who has not yet chosen a password cannot log in, and may never.
fn can_administer(user: &User) -> bool {
    user.role.0 == Role::Admin && user.disabled_at.is_none() && user.password_hash.is_some()
}
