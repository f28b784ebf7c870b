//! How many failed logins are allowed, counted in the database for all servers together.
//!
//! Three counts, so that neither one name nor one address can be tried at leisure: of a name from an address, from an
//! address, and of a name from everywhere. The last would let anyone lock anyone out; it, and the count of an address
//! that many share, are not held against whoever has logged in from there before.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use chrono::{DateTime, Utc};
use gradus_domain::UserId;
use gradus_store::throttles::{self, Tries};
use gradus_store::{Rows, StoreError, Transaction};
use serde::{Deserialize, Serialize};

use super::secret;
use super::settings::wait_until;

/// How many failed tries are allowed in a window of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ThrottleSettings {
    /// The window: whoever must wait waits no longer than this.
    pub window_minutes: u32,
    /// For one name from one address.
    pub tries_of_name_from_address: u32,
    /// From one address, whatever the names.
    pub tries_from_address: u32,
    /// For one name, whatever the addresses.
    pub tries_of_name: u32,
}

impl Default for ThrottleSettings {
    fn default() -> Self {
        Self {
            window_minutes: 15,
            tries_of_name_from_address: 10,
            tries_from_address: 20,
            tries_of_name: 100,
        }
    }
}

impl ThrottleSettings {
    fn window(&self) -> Duration {
        Duration::from_secs(60 * u64::from(self.window_minutes))
    }
}

/// For how long someone who logged in from an address is remembered there.
pub(super) const FAMILIAR: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// The counts that one login belongs to.
#[derive(Debug, Clone)]
pub(super) struct LoginThrottle {
    name_from_address: Limit,
    address: Limit,
    name: Limit,
    familiar: String,
}

impl LoginThrottle {
    /// Names are counted by their hash: what is typed as a name may be a password.
    pub(super) fn new(settings: &ThrottleSettings, name: &str, address: IpAddr) -> Self {
        let (name, address) = (secret::hash(name), neighbourhood(address));
        let window = settings.window();
        Self {
            name_from_address: Limit {
                key: format!("login-name-from-address-{name}-{address}"),
                most: settings.tries_of_name_from_address,
                window,
            },
            address: Limit {
                key: format!("login-address-{address}"),
                most: settings.tries_from_address,
                window,
            },
            name: Limit { key: format!("login-name-{name}"), most: settings.tries_of_name, window },
            familiar: format!("login-familiar-{name}-{address}"),
        }
    }

    /// How long to wait before trying, if at all.
    pub(super) async fn wait(
        &self,
        rows: &impl Rows,
        now: DateTime<Utc>,
    ) -> Result<Option<Duration>, StoreError> {
        let own = self.name_from_address.wait(rows, now).await?;
        let shared = self.address.wait(rows, now).await?.max(self.name.wait(rows, now).await?);
        let familiar = throttles::tries(rows, &self.familiar, FAMILIAR).await?;
        let is_familiar = familiar.is_some_and(|tries| tries.until > now);
        Ok(if is_familiar { own } else { own.max(shared) })
    }

    /// Counts a failure, in the same order everywhere, so that no two transactions wait for one another.
    pub(super) async fn count_failure(&self, transaction: &Transaction) -> Result<(), StoreError> {
        for limit in [&self.name_from_address, &self.address, &self.name] {
            throttles::count(transaction, &limit.key, limit.window).await?;
        }
        Ok(())
    }

    /// Forgets the failures of this name from this address, and remembers that it belongs here. Others' are kept:
    /// someone with one account could try others' for ever otherwise.
    pub(super) async fn forgive(&self, transaction: &Transaction) -> Result<(), StoreError> {
        throttles::forgive(transaction, &self.name_from_address.key).await?;
        throttles::forgive(transaction, &self.familiar).await?;
        throttles::count(transaction, &self.familiar, FAMILIAR).await.map(|_| ())
    }
}

/// How often something may be tried.
#[derive(Debug, Clone)]
pub(super) struct Limit {
    key: String,
    most: u32,
    window: Duration,
}

impl Limit {
    /// How often a user may mistake their present password.
    pub(super) fn of_present_password(settings: &ThrottleSettings, user: UserId) -> Self {
        Self {
            key: format!("present-password-{user}"),
            most: settings.tries_of_name_from_address,
            window: settings.window(),
        }
    }

    /// How long to wait before the next try, if at all.
    pub(super) async fn wait(
        &self,
        rows: &impl Rows,
        now: DateTime<Utc>,
    ) -> Result<Option<Duration>, StoreError> {
        let tries = throttles::tries(rows, &self.key, self.window).await?;
        let over = |tries: &Tries| tries.count >= i64::from(self.most) && tries.until > now;
        Ok(tries.filter(over).map(|tries| wait_until(tries.until, now)))
    }

    pub(super) async fn count(&self, transaction: &Transaction) -> Result<(), StoreError> {
        throttles::count(transaction, &self.key, self.window).await.map(|_| ())
    }

    pub(super) async fn forgive(&self, transaction: &Transaction) -> Result<(), StoreError> {
        throttles::forgive(transaction, &self.key).await
    }
}

/// Whether this is the first time in an hour that something is to be recorded, which anyone could make happen often.
pub(super) async fn is_news(transaction: &Transaction, what: &str) -> Result<bool, StoreError> {
    Ok(throttles::count(transaction, &news(what), HOUR).await?.count == 1)
}

/// Whether something was recorded within the hour, found out without writing.
pub(super) async fn was_news(rows: &impl Rows, what: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
    Ok(throttles::tries(rows, &news(what), HOUR).await?.is_some_and(|tries| tries.until > now))
}

const HOUR: Duration = Duration::from_secs(60 * 60);

fn news(what: &str) -> String {
    format!("news-{what}")
}

/// What is counted as one client: an address of IPv4, or the /64 network that one household or machine has of IPv6.
pub fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) & !u128::from(u64::MAX))),
        version_4 => version_4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_ipv6_network_are_one_and_mapped_ipv4_is_ipv4() {
        let same = |one: &str, other: &str| {
            neighbourhood(one.parse().unwrap()) == neighbourhood(other.parse().unwrap())
        };
        assert!(
            same("2001:db8:1:2::3", "2001:db8:1:2:ffff::1") && !same("2001:db8:1:2::3", "2001:db8:1:3::3")
        );
        assert!(same("::ffff:10.1.2.3", "10.1.2.3") && !same("10.1.2.3", "10.1.2.4"));
    }

    #[test]
    fn counts_of_names_do_not_show_what_was_typed() {
        let throttle = LoginThrottle::new(&ThrottleSettings::default(), "my secret", [10, 1, 2, 3].into());
        assert!(!format!("{throttle:?}").contains("my secret"));
    }
}
