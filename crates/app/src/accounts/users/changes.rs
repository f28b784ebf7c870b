//! What administrators change about users: their role, and whether they may log in.

use gradus_domain::{Role, UserId};
use gradus_store::users::{self, User, UserChange};
use gradus_store::{Transaction, api_tokens, sessions};

use super::super::audit::{self, Entry, actions, refuse};
use super::super::turns::{self, Turn};
use super::super::{AccountError, Accounts, Caller, Origin};
use super::{Account, check_not_last, forget_invitation, found};
use crate::Precondition;

impl Accounts {
    /// Gives a user another role. It holds from their next request on, in sessions and with tokens.
    ///
    /// # Errors
    /// For whoever is no administrator, when the account is not as is known, and when no administrator would be left.
    pub async fn change_role(
        &self,
        caller: &Caller,
        id: UserId,
        role: Role,
        known: Precondition<Account>,
        origin: &Origin,
    ) -> Result<(), AccountError> {
        self.admit(caller, Caller::administers, actions::CHANGE_ROLE, origin).await?;
        let (caller, origin) = (caller.clone(), origin.clone());
        self.write(move |change| async move {
            let entry =
                Entry::of(&caller, actions::CHANGE_ROLE, &origin).about(id).with("to", role.to_string());
            let user = match subject(&change, id, role != Role::Admin).await {
                Ok(user) => user,
                Err(refusal) => return refuse(&change, entry, refusal).await,
            };
            known.check("user", user.clone().into())?;
            let changed = UserChange { role: Some(role), ..UserChange::default() };
            users::update(&change, id, changed).await?;
            Ok(audit::record(&change, entry.with("from", user.role.0.to_string())).await?)
        })
        .await
    }

    /// Keeps a user out: ends their sessions, revokes their API tokens and their invitation.
    ///
    /// # Errors
    /// For whoever is no administrator, and when no administrator would be left.
    pub async fn disable_user(
        &self,
        caller: &Caller,
        id: UserId,
        origin: &Origin,
    ) -> Result<(), AccountError> {
        self.admit(caller, Caller::administers, actions::DISABLE_USER, origin).await?;
        let (caller, origin) = (caller.clone(), origin.clone());
        self.write(move |change| async move {
            let entry = Entry::of(&caller, actions::DISABLE_USER, &origin).about(id);
            if let Err(refusal) = subject(&change, id, true).await {
                return refuse(&change, entry, refusal).await;
            }
            users::update(&change, id, UserChange { disabled: Some(true), ..UserChange::default() }).await?;
            let ended = sessions::end_all(&change, id, None).await?;
            let revoked = api_tokens::revoke_all(&change, id).await?;
            forget_invitation(&change, id).await?;
            let entry = entry.with("sessions_ended", ended).with("api_tokens_revoked", revoked);
            Ok(audit::record(&change, entry).await?)
        })
        .await
    }

    /// Lets a user log in again, with the password they had. Sessions and tokens stay ended.
    ///
    /// # Errors
    /// For whoever is no administrator.
    pub async fn enable_user(
        &self,
        caller: &Caller,
        id: UserId,
        origin: &Origin,
    ) -> Result<(), AccountError> {
        self.admit(caller, Caller::administers, actions::ENABLE_USER, origin).await?;
        let (caller, origin) = (caller.clone(), origin.clone());
        self.write(move |change| async move {
            let entry = Entry::of(&caller, actions::ENABLE_USER, &origin).about(id);
            if let Err(refusal) = subject(&change, id, false).await {
                return refuse(&change, entry, refusal).await;
            }
            users::update(&change, id, UserChange { disabled: Some(false), ..UserChange::default() }).await?;
            Ok(audit::record(&change, entry).await?)
        })
        .await
    }
}

/// The user to be changed, once it is this change's turn.
async fn subject(change: &Transaction, id: UserId, takes_power: bool) -> Result<User, AccountError> {
    turns::take(change, Turn::Accounts).await?;
    let user = found(users::get(change, id).await, id)?;
    if takes_power {
        check_not_last(change, &user).await?;
    }
    Ok(user)
}
