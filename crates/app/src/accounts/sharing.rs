//! Letting other users see a dataset or a model. Its owner decides, and administrators.

use gradus_domain::UserId;
use gradus_store::shares::{self, Shared};
use gradus_store::users::{self, User};
use gradus_store::{Rows, StoreError, Transaction, datasets, models};

use super::audit::{self, Entry, actions, refuse};
use super::{AccountError, Accounts, Caller, Origin, UserName};

/// Someone who may see a thing besides its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedWith {
    /// The user.
    pub id: UserId,
    /// What they log in with.
    pub name: String,
    /// What others see.
    pub display_name: String,
}

impl Accounts {
    /// Lets the user of this name see a thing; nothing happens if they may already.
    ///
    /// # Errors
    /// When the thing is not the caller's, or there is no such user.
    pub async fn share(
        &self,
        caller: &Caller,
        shared: Shared,
        with: &str,
        origin: &Origin,
    ) -> Result<(), AccountError> {
        self.admit(caller, Caller::authors, actions::SHARE, origin).await?;
        let (caller, with, origin) = (caller.clone(), with.to_owned(), origin.clone());
        self.write(move |change| async move {
            let entry = entry(&caller, actions::SHARE, shared, &with, &origin);
            match parties(&change, &caller, shared, &with).await {
                Ok((owner, user)) if owner == user.id.0 => Ok(()),
                Ok((_, user)) => {
                    shares::grant(&change, shared, user.id.0).await?;
                    Ok(audit::record(&change, entry).await?)
                }
                Err(refusal) => refuse(&change, entry, refusal).await,
            }
        })
        .await
    }

    /// Takes it back.
    ///
    /// # Errors
    /// When the thing is not the caller's, or the user could not see it.
    pub async fn stop_sharing(
        &self,
        caller: &Caller,
        shared: Shared,
        with: &str,
        origin: &Origin,
    ) -> Result<(), AccountError> {
        self.admit(caller, Caller::authors, actions::STOP_SHARING, origin).await?;
        let (caller, with, origin) = (caller.clone(), with.to_owned(), origin.clone());
        self.write(move |change| async move {
            let entry = entry(&caller, actions::STOP_SHARING, shared, &with, &origin);
            let user = match parties(&change, &caller, shared, &with).await {
                Ok((_, user)) => user,
                Err(refusal) => return refuse(&change, entry, refusal).await,
            };
            if shares::revoke(&change, shared, user.id.0).await? {
                return Ok(audit::record(&change, entry).await?);
            }
            refuse(&change, entry, AccountError::NotThere { noun: "share with", which: user.name }).await
        })
        .await
    }

    /// Who may see a thing besides its owner, in the order in which it was shared.
    ///
    /// # Errors
    /// When the thing is not the caller's.
    pub async fn shared_with(
        &self,
        caller: &Caller,
        shared: Shared,
    ) -> Result<Vec<SharedWith>, AccountError> {
        let reader = self.store.reader();
        owner(&reader, caller, shared).await?;
        let mut found = Vec::new();
        for id in shares::users(&reader, shared).await? {
            let user = users::get(&reader, id).await?;
            found.push(SharedWith { id, name: user.name, display_name: user.display_name });
        }
        Ok(found)
    }
}

/// The owner of a thing that the caller may share, and the user of a name.
async fn parties(
    change: &Transaction,
    caller: &Caller,
    shared: Shared,
    with: &str,
) -> Result<(UserId, User), AccountError> {
    let owner = owner(change, caller, shared).await?;
    let name = UserName::parse(with)?;
    let user = users::find_by_name(change, name.as_str()).await?;
    let missing = || AccountError::NotThere { noun: "user", which: name.as_str().to_owned() };
    Ok((owner, user.ok_or_else(missing)?))
}

/// Whose a thing is, if it is the caller's or the caller an administrator. What they may not see is not there for them.
async fn owner(rows: &impl Rows, caller: &Caller, shared: Shared) -> Result<UserId, AccountError> {
    let (noun, which) = named(shared);
    let found = match shared {
        Shared::Dataset(id) => {
            datasets::get(rows, caller.whose(), id).await.map(|dataset| dataset.owner_id.0)
        }
        Shared::Model(id) => models::get(rows, caller.whose(), id).await.map(|model| model.owner_id.0),
    };
    match found {
        Err(StoreError::NotFound { .. }) => Err(AccountError::NotThere { noun, which }),
        Ok(owner) if owner != caller.user && caller.administers().is_err() => {
            Err(AccountError::NotOwner { noun })
        }
        other => Ok(other?),
    }
}

fn named(shared: Shared) -> (&'static str, String) {
    match shared {
        Shared::Dataset(id) => ("dataset", id.to_string()),
        Shared::Model(id) => ("model", id.to_string()),
    }
}

fn entry<'a>(
    caller: &'a Caller,
    action: &'static str,
    shared: Shared,
    with: &str,
    origin: &'a Origin,
) -> Entry<'a> {
    let (noun, which) = named(shared);
    Entry::of(caller, action, origin).about(format!("{noun} {which}")).with("with", with)
}
