//! Passwords: what may be one, and hashing and checking them with Argon2id.
//! Knows neither users nor the database.

mod context;
mod hashing;
mod policy;

use std::fmt;

use unicode_normalization::UnicodeNormalization;

pub use hashing::HashingSettings;
pub(super) use hashing::Passwords;

/// The fewest characters of a password: what NIST SP 800-63B asks of one that stands alone.
pub(super) const LEAST_CHARACTERS: usize = 15;
/// The most bytes of a password. More are refused, since cutting would let in whoever knows the beginning.
pub(super) const MOST_BYTES: usize = 1024;

/// A password as someone typed it, in Unicode's form NFC, so that it is the same from every keyboard. Never shown.
#[derive(Clone)]
pub struct Password(Typed);

#[derive(Clone)]
enum Typed {
    Text(String),
    TooLong,
}

impl Password {
    /// Any characters, as many as were typed; one that is too long is remembered as that.
    pub fn new(typed: &str) -> Self {
        if typed.len() > MOST_BYTES {
            return Self(Typed::TooLong);
        }
        Self(Typed::Text(typed.nfc().collect()))
    }

    fn text(&self) -> Option<&str> {
        match &self.0 {
            Typed::Text(text) => Some(text),
            Typed::TooLong => None,
        }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_same_however_its_accents_are_typed_and_is_never_shown() {
        let (composed, decomposed) = (Password::new("z\u{f6}e"), Password::new("zo\u{308}e"));
        assert_eq!(composed.text(), decomposed.text());
        assert_eq!(format!("{composed:?}"), "Password(…)");
    }

    #[test]
    fn a_password_beyond_the_limit_is_not_cut() {
        assert_eq!(Password::new(&"x".repeat(MOST_BYTES)).text().map(str::len), Some(MOST_BYTES));
        assert!(Password::new(&"x".repeat(MOST_BYTES + 1)).text().is_none());
    }
}
