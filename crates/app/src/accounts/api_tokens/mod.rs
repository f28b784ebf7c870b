//! API tokens: made, listed, revoked. One can never do more than whoever makes it, nor outlive the token that it is made
//! with.

mod authenticate;
mod form;

pub use form::BEGINNING as API_TOKEN_BEGINNING;

use chrono::{DateTime, Utc};
use gradus_domain::{ApiTokenId, Scope};
use gradus_store::api_tokens::{self, ApiToken};
use gradus_store::{Key, Page, PageRequest, StoreError, Text, Transaction};

use super::audit::{self, Entry, actions, refuse};
use super::caller::widest_scope;
use super::names::label;
use super::turns::{self, Turn};
use super::{AccountError, Accounts, Caller, Credential, Origin, Secret};

/// A token to be made.
#[derive(Debug, Clone)]
pub struct NewApiToken {
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// When it ends; none for never.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A token that was just made.
#[derive(Debug, Clone)]
pub struct MadeApiToken {
    /// The token itself, which is shown this once.
    pub token: Secret,
    /// What is known of it from now on.
    pub shown: ShownApiToken,
}

/// A token as its user sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownApiToken {
    /// Its id.
    pub id: ApiTokenId,
    /// What it is for.
    pub name: String,
    /// How it begins.
    pub prefix: String,
    /// What it may do, as far as its user may.
    pub scope: Scope,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was used last, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

impl Accounts {
    /// Makes a token of the caller's.
    ///
    /// # Errors
    /// When it could do more than the caller, would be over already, would outlive the token that it is made with, or is
    /// one too many.
    pub async fn make_api_token(
        &self,
        caller: &Caller,
        new: NewApiToken,
        origin: &Origin,
    ) -> Result<MadeApiToken, AccountError> {
        let fits = |caller: &Caller| caller.writes().and_then(|()| check_scope(caller, new.scope));
        self.admit(caller, fits, actions::MAKE_API_TOKEN, origin).await?;
        let name = label("name of the token", &new.name)?;
        let token = form::token(&Secret::random()?);
        let (caller, origin, quotas) = (caller.clone(), origin.clone(), self.settings.quotas);
        self.write(move |change| async move {
            turns::take(&change, Turn::Quota(caller.user)).await?;
            quotas.admit_api_token(api_tokens::count(&change, caller.user).await?)?;
            check_expiry(&caller, new.expires_at, change.now())?;
            let row = row(&change, &caller, NewApiToken { name, ..new }, &token);
            let shown = shown(row.clone());
            let entry = Entry::of(&caller, actions::MAKE_API_TOKEN, &origin).about(shown.id);
            let entry = entry.with("prefix", shown.prefix.clone()).with("scope", shown.scope.to_string());
            api_tokens::insert(&change, row).await?;
            audit::record(&change, entry).await?;
            Ok(MadeApiToken { token, shown })
        })
        .await
    }

    /// A page of the caller's tokens, those revoked included.
    ///
    /// # Errors
    /// When the database cannot list them.
    pub async fn list_api_tokens(
        &self,
        caller: &Caller,
        request: &PageRequest,
    ) -> Result<Page<ShownApiToken>, AccountError> {
        Ok(api_tokens::page(&self.store.reader(), caller.user, request).await?.map(shown))
    }

    /// Revokes a token of the caller's; it is refused from the next request on.
    ///
    /// # Errors
    /// When the caller has no such token, or it was revoked already.
    pub async fn revoke_api_token(
        &self,
        caller: &Caller,
        id: ApiTokenId,
        origin: &Origin,
    ) -> Result<(), AccountError> {
        self.admit(caller, Caller::writes, actions::REVOKE_API_TOKEN, origin).await?;
        let (caller, origin) = (caller.clone(), origin.clone());
        self.write(move |change| async move {
            let entry = Entry::of(&caller, actions::REVOKE_API_TOKEN, &origin).about(id);
            match api_tokens::revoke(&change, caller.user, id).await {
                Err(StoreError::NotFound { .. }) => {
                    let refusal = AccountError::NotThere { noun: "API token", which: id.to_string() };
                    refuse(&change, entry, refusal).await
                }
                revoked => {
                    revoked?;
                    Ok(audit::record(&change, entry).await?)
                }
            }
        })
        .await
    }
}

fn check_scope(caller: &Caller, wanted: Scope) -> Result<(), AccountError> {
    let most = widest_scope(caller.role).min(caller.scope);
    if most.includes(wanted) { Ok(()) } else { Err(AccountError::ScopeTooWide { wanted, most }) }
}

fn check_expiry(
    caller: &Caller,
    wanted: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<(), AccountError> {
    if wanted.is_some_and(|wanted| wanted <= now) {
        return Err(AccountError::Expiry("the token would be over already; choose a time to come"));
    }
    let Credential::ApiToken { expires_at: Some(most), .. } = caller.credential else { return Ok(()) };
    if wanted.is_some_and(|wanted| wanted <= most) {
        return Ok(());
    }
    Err(AccountError::Expiry(
        "the token would outlive the one that it is made with; let it end no later than that",
    ))
}

fn row(change: &Transaction, caller: &Caller, new: NewApiToken, token: &Secret) -> ApiToken {
    ApiToken {
        id: Key(ApiTokenId::new()),
        user_id: Key(caller.user),
        name: new.name,
        prefix: form::shown(token),
        token_hash: token.hash(),
        scope: Text(new.scope),
        created_at: change.now(),
        expires_at: new.expires_at,
        last_used_at: None,
        revoked_at: None,
    }
}

fn shown(row: ApiToken) -> ShownApiToken {
    ShownApiToken {
        id: row.id.0,
        name: row.name,
        prefix: row.prefix,
        scope: row.scope.0,
        created_at: row.created_at,
        expires_at: row.expires_at,
        last_used_at: row.last_used_at,
        revoked_at: row.revoked_at,
    }
}
