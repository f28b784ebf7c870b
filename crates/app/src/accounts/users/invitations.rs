//! How a user gets a password: an administrator makes the account, and hands on a code that is good once, with which the
//! user chooses a password. No one else ever knows it, it is checked like any other, and no account waits behind a
//! password that was sent by mail. The same replaces a forgotten password.

use std::net::Ipv4Addr;

use chrono::{DateTime, Utc};
use gradus_domain::{Role, UserId};
use gradus_store::users::{self, User, UserChange};
use gradus_store::{Rows, StoreError, Transaction, api_tokens, server_settings, sessions};
use serde::{Deserialize, Serialize};

use super::super::audit::{self, Entry, actions, refuse};
use super::super::names::label;
use super::super::secret::is_hashed_as;
use super::super::sessions::Beginning;
use super::super::throttling::is_news;
use super::super::turns::{self, Turn};
use super::super::{AccountError, Accounts, Caller, LoggedIn, Origin, Password, Secret, UserName};
use super::{Account, found};

/// Someone who shall have an account.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// What they will log in with.
    pub name: String,
    /// What others will see.
    pub display_name: String,
    /// What they will be allowed to do.
    pub role: Role,
}

/// An invitation that was just made.
#[derive(Debug, Clone)]
pub struct Invitation {
    /// Whom for.
    pub account: Account,
    /// The code, which is shown this once.
    pub code: Secret,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// Someone who accepts an invitation.
#[derive(Debug, Clone)]
pub struct Acceptance {
    /// The user's name, in any case.
    pub name: String,
    /// The code.
    pub code: String,
    /// The password they choose.
    pub password: Password,
}

/// Who did what is done on the server's machine, for the audit log.
const OPERATOR: &str = "(operator)";
/// Under this and the user's id the hash of a code is stored.
pub(in super::super) const INVITATION: &str = "invitation-";

#[derive(Serialize, Deserialize)]
struct Stored {
    hash: String,
    expires_at: DateTime<Utc>,
}

impl Accounts {
    /// Makes an account without a password, and the code to choose one with.
    ///
    /// # Errors
    /// For whoever is no administrator, and when a name cannot be used.
    pub async fn create_user(
        &self,
        caller: &Caller,
        new: NewUser,
        origin: &Origin,
    ) -> Result<Invitation, AccountError> {
        self.admit(caller, Caller::administers, actions::CREATE_USER, origin).await?;
        let name = UserName::parse(&new.name)?;
        let display_name = label("display name", &new.display_name)?;
        let (caller, origin) = (caller.clone(), origin.clone());
        let (code, lifetime) = (Secret::random()?, self.settings.invitation_lifetime());
        self.write(move |change| async move {
            turns::take(&change, Turn::Accounts).await?;
            let entry = Entry::of(&caller, actions::CREATE_USER, &origin);
            let entry = entry.with("name", name.as_str()).with("role", new.role.to_string());
            if users::find_by_name(&change, name.as_str()).await?.is_some() {
                let refusal = AccountError::UserNameTaken { name: name.as_str().to_owned() };
                return refuse(&change, entry, refusal).await;
            }
            let user = User::new(name.as_str(), display_name, new.role, change.now());
            users::insert(&change, user.clone()).await?;
            audit::record(&change, entry.about(user.id.0)).await?;
            let expires_at = change.now() + lifetime;
            store(&change, user.id.0, &code, expires_at).await?;
            Ok(Invitation { account: user.into(), code, expires_at })
        })
        .await
    }

    /// Makes a new code for a user, in place of one made before. Their password stays as it is until the code is used.
    ///
    /// # Errors
    /// For whoever is no administrator, and when the account is disabled.
    pub async fn invite_user(
        &self,
        caller: &Caller,
        id: UserId,
        origin: &Origin,
    ) -> Result<Invitation, AccountError> {
        self.admit(caller, Caller::administers, actions::INVITE_USER, origin).await?;
        let (caller, origin) = (caller.clone(), origin.clone());
        let (code, lifetime) = (Secret::random()?, self.settings.invitation_lifetime());
        self.write(move |change| async move {
            turns::take(&change, Turn::Accounts).await?;
            let entry = Entry::of(&caller, actions::INVITE_USER, &origin).about(id);
            let user = match found(users::get(&change, id).await, id) {
                Ok(user) if user.disabled_at.is_some() => {
                    return refuse(&change, entry, AccountError::Disabled { name: user.name }).await;
                }
                Ok(user) => user,
                Err(refusal) => return refuse(&change, entry, refusal).await,
            };
            audit::record(&change, entry).await?;
            let expires_at = change.now() + lifetime;
            store(&change, id, &code, expires_at).await?;
            Ok(Invitation { account: user.into(), code, expires_at })
        })
        .await
    }

    /// Invites a user by name, for whoever runs the server's machine: nobody may be left who can log in to do so.
    ///
    /// # Errors
    /// When there is no such user, or their account is disabled.
    pub async fn invite_as_operator(&self, name: &str) -> Result<Invitation, AccountError> {
        let (code, lifetime) = (Secret::random()?, self.settings.invitation_lifetime());
        let name = UserName::parse(name)?;
        self.write(move |change| async move {
            turns::take(&change, Turn::Accounts).await?;
            let user = users::find_by_name(&change, name.as_str()).await?;
            let user = user.filter(|user| user.disabled_at.is_none());
            let user = user.ok_or_else(|| AccountError::NobodyToInvite { name: name.as_str().to_owned() })?;
            let expires_at = change.now() + lifetime;
            store(&change, user.id.0, &code, expires_at).await?;
            let origin = operator();
            let entry = Entry::named(None, OPERATOR, actions::INVITE_USER, &origin).about(user.id.0);
            audit::record(&change, entry).await?;
            Ok(Invitation { account: user.into(), code, expires_at })
        })
        .await
    }

    /// Gives a user the password they choose, ends the sessions and tokens they had, and logs them in.
    ///
    /// # Errors
    /// When name and code do not belong together, the code was used or is over, or the password is not allowed.
    pub async fn accept_invitation(
        &self,
        acceptance: Acceptance,
        origin: &Origin,
    ) -> Result<LoggedIn, AccountError> {
        // Hashing a password costs much, so that it waits until the code is known to be right.
        let now = self.clock.now();
        let user = match invited(&self.store.reader(), &acceptance, now).await {
            Ok(user) => user,
            Err(refusal) => return Err(self.record_wrong_code(refusal, &acceptance.name, origin).await),
        };
        let names = vec![user.name.clone(), user.display_name.clone()];
        let hash = self.passwords.hash_new(&acceptance.password, names).await?;
        let beginning = Beginning::new(origin, &self.settings)?;
        let origin = origin.clone();
        self.write(move |change| async move {
            turns::take(&change, Turn::Accounts).await?;
            let id = invited(&change, &acceptance, change.now()).await?.id.0;
            let changed = UserChange { password_hash: Some(hash), ..UserChange::default() };
            users::update(&change, id, changed).await?;
            forget_invitation(&change, id).await?;
            sessions::end_all(&change, id, None).await?;
            api_tokens::revoke_all(&change, id).await?;
            let entry = Entry::named(Some(id), &user.name, actions::ACCEPT_INVITATION, &origin);
            audit::record(&change, entry).await?;
            Ok(beginning.begin(&change, id).await?)
        })
        .await
    }

    async fn record_wrong_code(&self, refusal: AccountError, given: &str, origin: &Origin) -> AccountError {
        let (outcome, given, origin) = (refusal.code(), given.to_owned(), origin.clone());
        let recorded = self.write(move |change| async move {
            if is_news(&change, &format!("invitation-{}", origin.address)).await? {
                let entry = Entry::named(None, &given, actions::ACCEPT_INVITATION, &origin);
                audit::record(&change, entry.refused(outcome)).await?;
            }
            Ok(())
        });
        recorded.await.err().unwrap_or(refusal)
    }
}

/// The user whom this code was made for. Whether there is one of this name is not told by how long it takes.
async fn invited(
    rows: &impl Rows,
    acceptance: &Acceptance,
    now: DateTime<Utc>,
) -> Result<User, AccountError> {
    let name = UserName::parse(&acceptance.name).map_err(|_| AccountError::InvitationInvalid)?;
    let user = users::find_by_name(rows, name.as_str()).await?;
    let id = user.as_ref().map_or_else(UserId::new, |user| user.id.0);
    let stored = server_settings::find(rows, &setting(id)).await?;
    let stored = stored.and_then(|stored| serde_json::from_value::<Stored>(stored).ok());
    let holds = |stored: Stored| now < stored.expires_at && is_hashed_as(&acceptance.code, &stored.hash);
    user.filter(|user| user.disabled_at.is_none())
        .filter(|_| stored.is_some_and(holds))
        .ok_or(AccountError::InvitationInvalid)
}

/// Makes a user's code worthless.
pub(in super::super) async fn forget_invitation(change: &Transaction, id: UserId) -> Result<(), StoreError> {
    server_settings::remove(change, &setting(id)).await.map(|_| ())
}

async fn store(
    change: &Transaction,
    id: UserId,
    code: &Secret,
    expires_at: DateTime<Utc>,
) -> Result<(), AccountError> {
    let stored = serde_json::json!(Stored { hash: code.hash(), expires_at });
    Ok(server_settings::put(change, &setting(id), stored).await?)
}

/// Where commands on the server's machine come from.
fn operator() -> Origin {
    Origin { address: Ipv4Addr::LOCALHOST.into(), user_agent: OPERATOR.to_owned(), request_id: None }
}

fn setting(id: UserId) -> String {
    format!("{INVITATION}{id}")
}

/// When a stored invitation ends, if it can be read.
pub(in super::super) fn invitation_end(stored: serde_json::Value) -> Option<DateTime<Utc>> {
    serde_json::from_value::<Stored>(stored).ok().map(|stored| stored.expires_at)
}
