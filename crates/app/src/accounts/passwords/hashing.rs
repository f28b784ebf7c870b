//! Hashing with Argon2id, which takes memory and time on purpose: two at once, a bounded queue, never on threads that
//! answer requests. Whoever asks for a user that there is not costs and waits as much as anyone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use super::super::AccountError;
use super::{Password, policy};

/// What hashing costs; the defaults are the least that OWASP names for Argon2id. After it was raised, a login under a
/// name that exists is refused sooner than one under a name that does not, until its user has logged in once: hashes are
/// made anew with the password alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HashingSettings {
    /// Memory of one computation, in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes of the memory.
    pub lanes: u32,
    /// How many passwords may wait for their turn; more are refused.
    pub queue: u32,
}

impl Default for HashingSettings {
    fn default() -> Self {
        Self { memory_kib: 19_456, passes: 2, lanes: 1, queue: 30 }
    }
}

impl HashingSettings {
    pub(in super::super) fn check(&self) -> Result<(), AccountError> {
        let least = Self::default();
        let values = [
            ("memory_kib", self.memory_kib, least.memory_kib),
            ("passes", self.passes, least.passes),
            ("lanes", self.lanes, least.lanes),
        ];
        match values.into_iter().find(|(_, value, least)| value < least) {
            Some((name, value, least)) => Err(AccountError::Settings(format!(
                "`hashing.{name}` is {value}; less than {least} makes stolen hashes too easy to try passwords on"
            ))),
            None => self.params().map(|_| ()),
        }
    }

    fn params(&self) -> Result<Params, AccountError> {
        Params::new(self.memory_kib, self.passes, self.lanes, None)
            .map_err(|error| AccountError::Settings(format!("`hashing`: {error}")))
    }
}

/// How many are computed at once.
const AT_ONCE: usize = 2;
/// About how long a full queue takes.
const WAIT_IF_BUSY: Duration = Duration::from_secs(2);

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Checked {
    /// Whether the password is the one.
    pub(in super::super) is_right: bool,
    /// Whether its hash was made at another cost than is asked for now.
    pub(in super::super) is_outdated: bool,
}

/// Hashes and checks passwords.
#[derive(Clone)]
pub(in super::super) struct Passwords(Arc<Inner>);

struct Inner {
    argon2: Argon2<'static>,
    decoy: String,
    admitted: Arc<Semaphore>,
    computing: Arc<Semaphore>,
    computations: AtomicU64,
}

impl Passwords {
    pub(in super::super) fn new(settings: &HashingSettings) -> Result<Self, AccountError> {
        let params = settings.params()?;
        let decoy = decoy(&params)?;
        Ok(Self(Arc::new(Inner {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            decoy,
            admitted: Arc::new(Semaphore::new(AT_ONCE + settings.queue as usize)),
            computing: Arc::new(Semaphore::new(AT_ONCE)),
            computations: AtomicU64::new(0),
        })))
    }

    /// How many hashes were computed since the server started.
    pub(in super::super) fn computations(&self) -> u64 {
        self.0.computations.load(Ordering::Relaxed)
    }

    /// The hash of a new password, which must be allowed for a user of these names.
    pub(in super::super) async fn hash_new(
        &self,
        password: &Password,
        names: Vec<String>,
    ) -> Result<String, AccountError> {
        let text = policy::check_length(password)?.to_owned();
        self.compute(move |inner| {
            policy::check_strength(&text, &names)?;
            inner.hash(&text)
        })
        .await?
    }

    /// The hash of a password that was found right, at the present cost.
    pub(in super::super) async fn hash_again(&self, password: &Password) -> Result<String, AccountError> {
        let text = password.text().ok_or(AccountError::PasswordTooLong)?.to_owned();
        self.compute(move |inner| inner.hash(&text)).await?
    }

    /// Whether a password is the one of `stored`. Without a stored hash it is not, and finding that out takes as long.
    pub(in super::super) async fn check(
        &self,
        password: &Password,
        stored: Option<String>,
    ) -> Result<Checked, AccountError> {
        // Nobody's password is that long, so that nobody's is checked: no name is told from another by it.
        let Some(text) = password.text().map(str::to_owned) else {
            return Ok(Checked { is_right: false, is_outdated: false });
        };
        self.compute(move |inner| {
            let matches = inner.matches(&text, stored.as_deref().unwrap_or(&inner.decoy));
            let is_outdated = stored.as_deref().is_some_and(|stored| inner.is_outdated(stored));
            Checked { is_right: matches && stored.is_some(), is_outdated }
        })
        .await
    }

    /// Runs `work` when its turn comes. It keeps its place until it is done, whether or not anyone still waits for it.
    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> T + Send + 'static,
    ) -> Result<T, AccountError> {
        let inner = self.0.clone();
        let admitted = inner.admitted.clone().try_acquire_owned();
        let admitted = admitted.map_err(|_| AccountError::Busy { wait: WAIT_IF_BUSY })?;
        let computing = inner.computing.clone().acquire_owned().await.map_err(stopped)?;
        let task = tokio::task::spawn_blocking(move || {
            let _places = (admitted, computing);
            work(&inner)
        });
        task.await.map_err(stopped)
    }
}

impl Inner {
    fn hash(&self, text: &str) -> Result<String, AccountError> {
        self.computations.fetch_add(1, Ordering::Relaxed);
        let hash: PasswordHash = self.argon2.hash_password(text.as_bytes()).map_err(stopped)?;
        Ok(hash.to_string())
    }

    fn matches(&self, text: &str, stored: &str) -> bool {
        self.computations.fetch_add(1, Ordering::Relaxed);
        self.argon2.verify_password(text.as_bytes(), stored).is_ok()
    }

    fn is_outdated(&self, stored: &str) -> bool {
        let Ok(hash) = PasswordHash::new(stored) else { return true };
        let now = self.argon2.params();
        let then = Params::try_from(&hash);
        let same = then.is_ok_and(|then| {
            (then.m_cost(), then.t_cost(), then.p_cost()) == (now.m_cost(), now.t_cost(), now.p_cost())
        });
        !(same && hash.algorithm == ARGON2ID_IDENT)
    }
}

/// A hash that no password has: random bytes in place of a computed output.
fn decoy(params: &Params) -> Result<String, AccountError> {
    let mut random = [0; 16 + Params::DEFAULT_OUTPUT_LEN];
    getrandom::fill(&mut random).map_err(stopped)?;
    let (salt, output) = random.split_at(16);
    let decoy = PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).map_err(stopped)?,
        salt: Some(Salt::new(salt).map_err(stopped)?),
        hash: Some(Output::new(output).map_err(stopped)?),
    };
    Ok(decoy.to_string())
}

fn stopped(error: impl std::fmt::Display) -> AccountError {
    AccountError::Server { action: "hash a password", reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &str = "our cat eats fish";

    fn passwords(settings: HashingSettings) -> Passwords {
        Passwords::new(&settings).unwrap()
    }

    #[tokio::test]
    async fn a_hash_says_its_cost_and_knows_its_password_to_the_last_character() {
        let passwords = passwords(HashingSettings::default());
        let long: String = PASSWORD.chars().cycle().take(700).collect();
        let hash = passwords.hash_again(&Password::new(&long)).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let right = passwords.check(&Password::new(&long), Some(hash.clone())).await.unwrap();
        assert_eq!(right, Checked { is_right: true, is_outdated: false });
        let last_changed = format!("{}!", &long[..699]);
        assert!(!passwords.check(&Password::new(&last_changed), Some(hash)).await.unwrap().is_right);
    }

    #[tokio::test]
    async fn without_a_hash_nothing_is_right_and_it_takes_one_computation_all_the_same() {
        let passwords = passwords(HashingSettings::default());
        let hash = passwords.hash_again(&Password::new(PASSWORD)).await.unwrap();
        let mut computed = Vec::new();
        for stored in [None, Some(hash)] {
            let before = passwords.computations();
            assert!(!passwords.check(&Password::new("wrong"), stored).await.unwrap().is_right);
            computed.push(passwords.computations() - before);
        }
        assert_eq!(computed, [1, 1]);
        assert!(passwords.0.decoy.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert_eq!(PasswordHash::new(&passwords.0.decoy).unwrap().hash.map(|hash| hash.len()), Some(32));
    }

    #[tokio::test]
    async fn a_hash_of_another_cost_is_outdated_and_still_checked() {
        let old = passwords(HashingSettings::default());
        let hash = old.hash_again(&Password::new(PASSWORD)).await.unwrap();
        let new = passwords(HashingSettings { passes: 3, ..HashingSettings::default() });
        let checked = new.check(&Password::new(PASSWORD), Some(hash)).await.unwrap();
        assert_eq!(checked, Checked { is_right: true, is_outdated: true });
    }

    #[tokio::test]
    async fn two_are_computed_at_once_few_wait_and_more_are_refused() {
        let passwords = passwords(HashingSettings { queue: 1, ..HashingSettings::default() });
        let running = Arc::new(AtomicU64::new(0));
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let wait = Arc::new(std::sync::Mutex::new(wait));
        let tasks = [(); 3].map(|()| {
            let (passwords, running, wait) = (passwords.clone(), running.clone(), wait.clone());
            let work = move |_: &Inner| {
                let at_once = running.fetch_add(1, Ordering::SeqCst) + 1;
                wait.lock().unwrap().recv().unwrap();
                running.fetch_sub(1, Ordering::SeqCst);
                at_once
            };
            tokio::spawn(async move { passwords.compute(work).await })
        });
        while passwords.0.admitted.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let refused = passwords.compute(|_| ()).await.unwrap_err();
        assert_eq!((refused.code(), refused.wait()), ("busy", Some(WAIT_IF_BUSY)));

        // Whoever goes away leaves the computation its place: the third still waits for one of the two.
        tasks[0].abort();
        tokio::task::yield_now().await;
        assert_eq!(passwords.0.admitted.available_permits(), 0);
        for _ in 0..3 {
            release.send(()).unwrap();
        }
        let [_, second, third] = tasks;
        assert!(second.await.unwrap().unwrap() <= 2 && third.await.unwrap().unwrap() <= 2);
        passwords.compute(|_| ()).await.unwrap();
    }
}
