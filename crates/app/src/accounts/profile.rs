//! What users change about themselves: their display name, their password.

use gradus_store::users::{self, User, UserChange};
use gradus_store::{api_tokens, sessions};

use super::audit::{self, Entry, actions, refuse};
use super::log_in::is_unchanged;
use super::names::label;
use super::throttling::Limit;
use super::turns::{self, Turn};
use super::users::forget_invitation;
use super::{Account, AccountError, Accounts, Caller, Origin, Password};
use crate::Precondition;

impl Accounts {
    /// Gives the caller another display name.
    ///
    /// # Errors
    /// When it cannot be one, the account is not as is known, or a token may not do this.
    pub async fn change_display_name(
        &self,
        caller: &Caller,
        display_name: &str,
        known: Precondition<Account>,
        origin: &Origin,
    ) -> Result<(), AccountError> {
        self.admit(caller, Caller::writes, actions::CHANGE_DISPLAY_NAME, origin).await?;
        let display_name = label("display name", display_name)?;
        let (caller, origin) = (caller.clone(), origin.clone());
        self.write(move |change| async move {
            let entry =
                Entry::of(&caller, actions::CHANGE_DISPLAY_NAME, &origin).with("to", display_name.clone());
            turns::take(&change, Turn::Accounts).await?;
            if known.is_asked() {
                known.check("user", users::get(&change, caller.user).await?.into())?;
            }
            let renamed = UserChange { display_name: Some(display_name), ..UserChange::default() };
            users::update(&change, caller.user, renamed).await?;
            Ok(audit::record(&change, entry).await?)
        })
        .await
    }

    /// Gives the caller another password, ends their other sessions, and revokes their API tokens: whoever else knew the
    /// old one is out.
    ///
    /// # Errors
    /// When the present password is wrong, was mistaken too often, or the new one is not allowed.
    pub async fn change_password(
        &self,
        caller: &Caller,
        present: &Password,
        new: &Password,
        origin: &Origin,
    ) -> Result<(), AccountError> {
        let needs_session = |caller: &Caller| caller.session().map(|_| ());
        self.admit(caller, needs_session, actions::CHANGE_PASSWORD, origin).await?;
        let session = caller.session()?;
        let user = self.check_present_password(caller, present, origin).await?;
        let names = vec![user.name.clone(), user.display_name.clone()];
        let hash = self.passwords.hash_new(new, names).await?;
        let (caller, origin) = (caller.clone(), origin.clone());
        self.write(move |change| async move {
            if !is_unchanged(&change, &user).await? {
                return Err(AccountError::Changed);
            }
            let changed = UserChange { password_hash: Some(hash), ..UserChange::default() };
            users::update(&change, caller.user, changed).await?;
            let ended = sessions::end_all(&change, caller.user, Some(session)).await?;
            let revoked = api_tokens::revoke_all(&change, caller.user).await?;
            forget_invitation(&change, caller.user).await?;
            let entry = Entry::of(&caller, actions::CHANGE_PASSWORD, &origin);
            let entry = entry.with("sessions_ended", ended).with("api_tokens_revoked", revoked);
            Ok(audit::record(&change, entry).await?)
        })
        .await
    }

    async fn check_present_password(
        &self,
        caller: &Caller,
        present: &Password,
        origin: &Origin,
    ) -> Result<User, AccountError> {
        let limit = Limit::of_present_password(&self.settings.throttle, caller.user);
        let reader = self.store.reader();
        if let Some(wait) = limit.wait(&reader, self.clock.now()).await? {
            return Err(AccountError::Throttled { wait });
        }
        let user = users::get(&reader, caller.user).await?;
        let is_right = self.passwords.check(present, user.password_hash.clone()).await?.is_right;
        let (caller, origin) = (caller.clone(), origin.clone());
        self.write(move |change| async move {
            let entry = Entry::of(&caller, actions::CHANGE_PASSWORD, &origin);
            if let Some(wait) = limit.wait(&change, change.now()).await? {
                return refuse(&change, entry, AccountError::Throttled { wait }).await;
            }
            if is_right {
                limit.forgive(&change).await?;
                return Ok(user);
            }
            limit.count(&change).await?;
            refuse(&change, entry, AccountError::PresentPasswordWrong).await
        })
        .await
    }
}
