//! What changes of accounts take turns about.

use gradus_domain::UserId;
use gradus_store::{StoreError, Transaction, turns};

/// What changes take turns about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Turn {
    /// Who may log in and who is an administrator.
    Accounts,
    /// How much a user has.
    Quota(UserId),
}

/// Waits until no other change of this kind is under way, on whatever server. Taken before anything is read.
pub(super) async fn take(transaction: &Transaction, turn: Turn) -> Result<(), StoreError> {
    match turn {
        Turn::Accounts => turns::take(transaction, "accounts").await,
        Turn::Quota(user) => turns::take(transaction, &format!("quota {user}")).await,
    }
}
