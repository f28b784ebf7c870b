//! The first run: a one-time token on the console makes the first administrator. There is no default account.

use gradus_domain::Role;
use gradus_store::users::{self, User};
use gradus_store::{PageRequest, Rows, StoreError, server_settings};

use super::audit::{self, Entry, actions};
use super::names::label;
use super::secret::is_hashed_as;
use super::sessions::Beginning;
use super::turns::{self, Turn};
use super::{AccountError, Accounts, LoggedIn, Origin, Password, Secret, UserName};

/// Where the hash of the token that holds is kept.
const SETTING: &str = "set-up-token";

/// Who sets the server up.
#[derive(Debug, Clone)]
pub struct FirstAdministrator {
    /// The token from the console.
    pub token: String,
    /// What they will log in with.
    pub name: String,
    /// What others will see.
    pub display_name: String,
    /// Their password.
    pub password: Password,
}

impl Accounts {
    /// Makes the token that sets the server up, in place of one made before; none where there are users already. To be
    /// called once by each server that starts, and shown on its console. Of servers that start at once, the token of the
    /// one that came last holds.
    ///
    /// # Errors
    /// When the database cannot.
    pub async fn open_set_up(&self) -> Result<Option<Secret>, AccountError> {
        let token = Secret::random()?;
        self.write(move |change| async move {
            turns::take(&change, Turn::Accounts).await?;
            if has_users(&change).await? {
                server_settings::remove(&change, SETTING).await?;
                return Ok(None);
            }
            server_settings::put(&change, SETTING, serde_json::json!({ "hash": token.hash() })).await?;
            Ok(Some(token))
        })
        .await
    }

    /// Whether the server still waits to be set up.
    ///
    /// # Errors
    /// When the database cannot say.
    pub async fn needs_set_up(&self) -> Result<bool, AccountError> {
        Ok(!has_users(&self.store.reader()).await?)
    }

    /// Makes the first administrator, and logs them in.
    ///
    /// # Errors
    /// When there are users already, the token is not the one that holds, or name or password cannot be used.
    pub async fn set_up(&self, first: FirstAdministrator, origin: &Origin) -> Result<LoggedIn, AccountError> {
        // Hashing a password costs much, so that it waits until the token is known to be right.
        if let Err(refusal) = check_token(&self.store.reader(), &first.token).await {
            return Err(self.record_wrong_token(refusal, origin).await);
        }
        let name = UserName::parse(&first.name)?;
        let display_name = label("display name", &first.display_name)?;
        let names = vec![name.as_str().to_owned(), display_name.clone()];
        let password_hash = self.passwords.hash_new(&first.password, names).await?;
        let beginning = Beginning::new(origin, &self.settings)?;
        let origin = origin.clone();
        self.write(move |change| async move {
            turns::take(&change, Turn::Accounts).await?;
            check_token(&change, &first.token).await?;
            let user = User {
                password_hash: Some(password_hash),
                ..User::new(name.as_str(), display_name, Role::Admin, change.now())
            };
            let id = user.id.0;
            users::insert(&change, user).await?;
            server_settings::remove(&change, SETTING).await?;
            audit::record(&change, Entry::named(Some(id), name.as_str(), actions::SET_UP, &origin)).await?;
            Ok(beginning.begin(&change, id).await?)
        })
        .await
    }

    async fn record_wrong_token(&self, refusal: AccountError, origin: &Origin) -> AccountError {
        let (outcome, origin) = (refusal.code(), origin.clone());
        let recorded = self.write(move |change| async move {
            if super::throttling::is_news(&change, &format!("set-up-{}", origin.address)).await? {
                audit::record(&change, Entry::named(None, "", actions::SET_UP, &origin).refused(outcome))
                    .await?;
            }
            Ok(())
        });
        recorded.await.err().unwrap_or(refusal)
    }
}

async fn check_token(rows: &impl Rows, token: &str) -> Result<(), AccountError> {
    if has_users(rows).await? {
        return Err(AccountError::AlreadySetUp);
    }
    let setting = server_settings::find(rows, SETTING).await?;
    let stored = setting.as_ref().and_then(|setting| setting["hash"].as_str());
    match stored {
        Some(stored) if is_hashed_as(token, stored) => Ok(()),
        _ => Err(AccountError::SetUpTokenWrong),
    }
}

async fn has_users(rows: &impl Rows) -> Result<bool, StoreError> {
    Ok(!users::page(rows, &PageRequest::first(1)).await?.items.is_empty())
}
