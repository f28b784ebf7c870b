//! What an operator may decide about accounts. Every duration has its unit in its name.

use std::time::Duration;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::AccountError;
use super::passwords::HashingSettings;
use super::quotas::Quotas;
use super::throttling::ThrottleSettings;

/// The settings of the accounts' services.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountSettings {
    /// A session that is not used for so long is over.
    pub session_idle_minutes: u32,
    /// A session is over after so long, however much it is used.
    pub session_hours: u32,
    /// An invitation is over after so long.
    pub invitation_hours: u32,
    /// What hashing a password costs.
    pub hashing: HashingSettings,
    /// How many tries are allowed.
    pub throttle: ThrottleSettings,
    /// How much one user may have.
    pub quotas: Quotas,
}

impl Default for AccountSettings {
    fn default() -> Self {
        Self {
            session_idle_minutes: 8 * 60,
            session_hours: 7 * 24,
            invitation_hours: 7 * 24,
            hashing: HashingSettings::default(),
            throttle: ThrottleSettings::default(),
            quotas: Quotas::default(),
        }
    }
}

/// A session that was not used for longer is over whatever the settings say: the clean-up, which does not know them,
/// forgets it.
pub(super) const LONGEST_SESSION_IDLE: TimeDelta = TimeDelta::days(30);

impl AccountSettings {
    pub(super) fn session_idle(&self) -> TimeDelta {
        TimeDelta::minutes(self.session_idle_minutes.into())
    }

    pub(super) fn session_lifetime(&self) -> TimeDelta {
        TimeDelta::hours(self.session_hours.into())
    }

    pub(super) fn invitation_lifetime(&self) -> TimeDelta {
        TimeDelta::hours(self.invitation_hours.into())
    }

    /// Whether the settings make sense together.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), AccountError> {
        let positive = [
            ("session_idle_minutes", self.session_idle_minutes),
            ("session_hours", self.session_hours),
            ("invitation_hours", self.invitation_hours),
            ("throttle.window_minutes", self.throttle.window_minutes),
            ("throttle.tries_of_name_from_address", self.throttle.tries_of_name_from_address),
            ("throttle.tries_from_address", self.throttle.tries_from_address),
            ("throttle.tries_of_name", self.throttle.tries_of_name),
        ];
        if self.session_idle() > LONGEST_SESSION_IDLE {
            let (name, most) = ("session_idle_minutes", LONGEST_SESSION_IDLE.num_minutes());
            return Err(AccountError::Settings(format!("`{name}` is above {most} (30 days)")));
        }
        match positive.into_iter().find(|(_, value)| *value == 0) {
            Some((name, _)) => Err(AccountError::Settings(format!("`{name}` is 0; give it a number above"))),
            None => self.hashing.check(),
        }
    }
}

/// How long until `moment`, in whole seconds and at least one: what people and `Retry-After` are told.
pub(super) fn wait_until(
    moment: chrono::DateTime<chrono::Utc>,
    now: chrono::DateTime<chrono::Utc>,
) -> Duration {
    let left = (moment - now).to_std().unwrap_or_default();
    Duration::from_secs(left.as_secs() + u64::from(left.subsec_nanos() > 0)).max(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_said_means_the_defaults_and_a_misspelt_setting_is_refused() {
        let settings: AccountSettings = toml::from_str("").unwrap();
        assert_eq!(settings, AccountSettings::default());
        let settings: AccountSettings = toml::from_str("[quotas]\ndocuments = 3\n").unwrap();
        assert_eq!(settings.quotas, Quotas { documents: 3, ..Quotas::default() });
        assert!(toml::from_str::<AccountSettings>("session_hour = 3").is_err());
    }

    #[test]
    fn settings_that_would_let_nobody_in_or_weaken_hashes_are_refused() {
        AccountSettings::default().check().unwrap();
        let nobody = AccountSettings { session_hours: 0, ..AccountSettings::default() };
        assert!(nobody.check().unwrap_err().to_string().contains("`session_hours` is 0"));
        let hashing = HashingSettings { memory_kib: 1024, ..HashingSettings::default() };
        let weak = AccountSettings { hashing, ..AccountSettings::default() };
        assert!(weak.check().unwrap_err().to_string().contains("`hashing.memory_kib`"));
    }

    #[test]
    fn a_wait_is_rounded_up_to_whole_seconds() {
        let now = chrono::DateTime::UNIX_EPOCH;
        let after = |ms| wait_until(now + TimeDelta::milliseconds(ms), now).as_secs();
        assert_eq!((after(-5), after(0), after(1), after(1000), after(1001)), (1, 1, 1, 1, 2));
    }
}
