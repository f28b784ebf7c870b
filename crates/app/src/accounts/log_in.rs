//! Logging in with a password. Whether a name is unknown, its account disabled, or the password wrong: the same answer,
//! the same work, the same counts.

use gradus_store::users::{self, User, UserChange};
use gradus_store::{Transaction, sessions};

use super::audit::{self, Entry, actions, refuse};
use super::sessions::Beginning;
use super::throttling::{LoginThrottle, is_news};
use super::turns::{self, Turn};
use super::{AccountError, Accounts, LoggedIn, Origin, Password, UserName, secret};

/// What someone types to log in.
#[derive(Debug, Clone)]
pub struct Login {
    /// The user's name, in any case.
    pub name: String,
    /// The password.
    pub password: Password,
    /// The secret of a session that the browser still shows, which ends when the new one begins.
    pub previous_session: Option<String>,
}

/// What is known once the password was checked.
struct Attempt {
    login: Login,
    origin: Origin,
    throttle: LoginThrottle,
    /// The user of this name, as they were when their password was checked.
    user: Option<User>,
    is_right: bool,
    new_hash: Option<String>,
}

impl Accounts {
    /// Begins a session for whoever knows the password.
    ///
    /// # Errors
    /// [`AccountError::WrongCredentials`]; [`AccountError::Throttled`] after too many failures, whatever the password;
    /// [`AccountError::Busy`] when too many log in at once.
    pub async fn log_in(&self, login: Login, origin: &Origin) -> Result<LoggedIn, AccountError> {
        let name = UserName::parse(&login.name).ok().map(|name| name.as_str().to_owned());
        let counted_as = name.clone().unwrap_or_else(|| login.name.to_lowercase());
        let throttle = LoginThrottle::new(&self.settings.throttle, &counted_as, origin.address);
        let reader = self.store.reader();
        if let Some(wait) = throttle.wait(&reader, self.clock.now()).await? {
            self.record_throttled(&login.name, &counted_as, origin).await?;
            return Err(AccountError::Throttled { wait });
        }
        let user = match &name {
            Some(name) => users::find_by_name(&reader, name).await?,
            None => None,
        };
        let stored = user.as_ref().filter(|user| user.disabled_at.is_none());
        let stored = stored.and_then(|user| user.password_hash.clone());
        let checked = self.passwords.check(&login.password, stored).await?;
        let new_hash = match checked.is_right && checked.is_outdated {
            true => Some(self.passwords.hash_again(&login.password).await?),
            false => None,
        };
        let is_right = checked.is_right;
        let attempt = Attempt { login, origin: origin.clone(), throttle, user, is_right, new_hash };
        let beginning = Beginning::new(origin, &self.settings)?;
        self.write(move |change| async move { attempt.settle(&change, beginning).await }).await
    }

    /// Recorded once an hour for a name and an address: whoever is throttled may go on trying as fast as they like.
    async fn record_throttled(
        &self,
        given: &str,
        counted_as: &str,
        origin: &Origin,
    ) -> Result<(), AccountError> {
        let (given, origin) = (given.to_owned(), origin.clone());
        let what = format!("throttled-{}-{}", secret::hash(counted_as), origin.address);
        self.write(move |change| async move {
            if is_news(&change, &what).await? {
                let entry = Entry::named(None, &given, actions::LOG_IN, &origin).refused("too-many-tries");
                audit::record(&change, entry).await?;
            }
            Ok(())
        })
        .await
    }
}

impl Attempt {
    /// Lets in or counts a failure. What the password was found to be is told only while tries are left, so that many
    /// tries sent at once tell no more than the same tries one after the other.
    async fn settle(self, change: &Transaction, beginning: Beginning) -> Result<LoggedIn, AccountError> {
        if let Some(wait) = self.throttle.wait(change, change.now()).await? {
            return refuse(change, self.entry(), AccountError::Throttled { wait }).await;
        }
        match &self.user {
            Some(user) if self.is_right => {
                if !is_unchanged(change, user).await? {
                    return refuse(change, self.entry(), AccountError::Changed).await;
                }
                self.let_in(change, user, beginning).await
            }
            _ => {
                self.throttle.count_failure(change).await?;
                audit::record(change, self.entry().refused(self.reason())).await?;
                Err(AccountError::WrongCredentials)
            }
        }
    }

    async fn let_in(
        &self,
        change: &Transaction,
        user: &User,
        beginning: Beginning,
    ) -> Result<LoggedIn, AccountError> {
        let id = user.id.0;
        self.throttle.forgive(change).await?;
        if self.new_hash.is_some() {
            let rehashed = UserChange { password_hash: self.new_hash.clone(), ..UserChange::default() };
            users::update(change, id, rehashed).await?;
        }
        if let Some(previous) = &self.login.previous_session
            && let Some(previous) = sessions::find_by_token(change, &secret::hash(previous)).await?
        {
            sessions::end(change, previous.user_id.0, previous.id.0).await?;
        }
        let logged_in = beginning.begin(change, id).await?;
        audit::record(change, self.entry().with("session", logged_in.session.to_string())).await?;
        Ok(logged_in)
    }

    fn entry(&self) -> Entry<'_> {
        let user = self.user.as_ref().map(|user| user.id.0);
        Entry::named(user, &self.login.name, actions::LOG_IN, &self.origin)
    }

    /// For the audit log alone.
    fn reason(&self) -> &'static str {
        match &self.user {
            None => "unknown-name",
            Some(user) if user.disabled_at.is_some() => "disabled",
            Some(user) if user.password_hash.is_none() => "no-password",
            Some(_) => "wrong-password",
        }
    }
}

/// Whether an account may still be used, with the password that was checked, until the end of the transaction: whoever
/// changes accounts takes turns with it.
pub(super) async fn is_unchanged(change: &Transaction, checked: &User) -> Result<bool, AccountError> {
    turns::take(change, Turn::Accounts).await?;
    let now = users::get(change, checked.id.0).await?;
    Ok(now.disabled_at.is_none() && now.password_hash == checked.password_hash)
}
