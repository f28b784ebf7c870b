//! Changes that must not run side by side take turns. PostgreSQL would let each of two see how things were before the
//! other, and both take away an administrator; a row that both write makes the second wait until the first is done.

use gradus_domain::UserId;
use gradus_store::{StoreError, Transaction, server_settings};

/// What changes take turns about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Turn {
    /// Who may log in and who is an administrator.
    Accounts,
    /// How much a user has.
    Quota(UserId),
}

/// Waits until no other change of this kind is under way, on whatever server. Taken before anything is read; what
/// statements read from then on is what the others left.
pub(super) async fn take(transaction: &Transaction, turn: Turn) -> Result<(), StoreError> {
    let name = match turn {
        Turn::Accounts => "turn-accounts".to_owned(),
        Turn::Quota(user) => format!("turn-quota-{user}"),
    };
    server_settings::put(transaction, &name, serde_json::json!({ "taken_at": transaction.now() })).await
}
