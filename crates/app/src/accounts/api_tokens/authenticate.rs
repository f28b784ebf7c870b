//! Who shows an API token.

use chrono::{DateTime, Utc};
use gradus_store::api_tokens::{self, ApiToken};
use gradus_store::users::{self, User};
use gradus_store::{StoreError, Transaction};

use super::super::audit::{self, Entry, actions};
use super::super::caller::widest_scope;
use super::super::sessions::{SEEN, caller};
use super::super::throttling::is_news;
use super::super::{AccountError, Accounts, Caller, Credential, Origin, secret};
use super::form;

impl Accounts {
    /// Who shows this token: two look-ups, each by a unique key, each time. What they may do is what the token's scope
    /// and their present role both allow.
    ///
    /// # Errors
    /// [`AccountError::ApiTokenInvalid`] when it is mistyped, unknown, expired or revoked, or its user's account is not
    /// in use.
    pub async fn authenticate_api_token(&self, shown: &str, origin: &Origin) -> Result<Caller, AccountError> {
        if !form::is_well_formed(shown) {
            return Err(AccountError::ApiTokenInvalid);
        }
        let reader = self.store.reader();
        let token = api_tokens::find_by_token(&reader, &secret::hash(shown)).await?;
        let token = token.ok_or(AccountError::ApiTokenInvalid)?;
        let user = match users::get(&reader, token.user_id.0).await {
            Err(StoreError::NotFound { .. }) => return Err(AccountError::ApiTokenInvalid),
            other => other?,
        };
        let now = self.clock.now();
        if let Some(reason) = fault(&token, &user, now) {
            self.note_refused(token, user, reason, origin).await;
            return Err(AccountError::ApiTokenInvalid);
        }
        let id = token.id.0;
        let scope = token.scope.0.min(widest_scope(user.role.0));
        let caller = caller(user, scope, Credential::ApiToken { id, expires_at: token.expires_at });
        if token.last_used_at.is_none_or(|used| used + SEEN <= now) {
            self.note_used(token, &caller, origin).await;
        }
        Ok(caller)
    }

    /// Notes that a token was used, and records the first time.
    async fn note_used(&self, token: ApiToken, caller: &Caller, origin: &Origin) {
        let (caller, origin) = (caller.clone(), origin.clone());
        let note = move |change: Transaction| async move {
            let id = token.id.0;
            if token.last_used_at.is_none() && is_first_use(&change, &token).await? {
                let entry = Entry::of(&caller, actions::USE_API_TOKEN, &origin).about(id);
                audit::record(&change, entry.with("prefix", token.prefix)).await?;
            }
            api_tokens::touch(&change, id).await
        };
        self.note_use(note).await;
    }

    /// Records that a token was refused, once an hour: whoever has it may go on trying as fast as they like.
    async fn note_refused(&self, token: ApiToken, user: User, reason: &'static str, origin: &Origin) {
        let origin = origin.clone();
        let note = move |change: Transaction| async move {
            let id = token.id.0;
            if !is_news(&change, &format!("refused-token-{id}-{reason}")).await? {
                return Ok(());
            }
            let entry = Entry::named(Some(user.id.0), &user.name, actions::USE_API_TOKEN, &origin);
            audit::record(&change, entry.about(id).refused(reason).with("prefix", token.prefix)).await
        };
        self.note_use(note).await;
    }
}

async fn is_first_use(change: &Transaction, token: &ApiToken) -> Result<bool, StoreError> {
    let now = api_tokens::find_by_token(change, &token.token_hash).await?;
    Ok(now.is_some_and(|now| now.last_used_at.is_none()))
}

/// Why a token is not valid, for the audit log alone.
fn fault(token: &ApiToken, user: &User, now: DateTime<Utc>) -> Option<&'static str> {
    if token.revoked_at.is_some() {
        Some("revoked")
    } else if token.expires_at.is_some_and(|end| end <= now) {
        Some("expired")
    } else if user.disabled_at.is_some() {
        Some("disabled")
    } else {
        None
    }
}
