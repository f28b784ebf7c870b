//! What users and their things may be called.

use unicode_normalization::UnicodeNormalization;

use super::AccountError;
use super::one_line::{is_unsafe, one_line};

/// The most characters of a user's name.
pub(super) const MOST_NAME_CHARACTERS: usize = 64;
/// The most characters of a text that people read, such as a display name.
pub(super) const MOST_LABEL_CHARACTERS: usize = 100;

/// What a user logs in with, in lower case. Letters of ASCII alone: others look like them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserName(String);

impl UserName {
    /// The name that is meant by `given`, in whatever case.
    ///
    /// # Errors
    /// When it is empty, too long, or has other characters.
    pub fn parse(given: &str) -> Result<Self, AccountError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte);
        if given.is_empty() || given.len() > MOST_NAME_CHARACTERS || !given.bytes().all(allowed) {
            return Err(AccountError::UserNameForm { given: one_line(given, MOST_NAME_CHARACTERS) });
        }
        Ok(Self(given.to_ascii_lowercase()))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that people read: one line of 1 to 100 characters, in NFC, without spaces around it.
pub(super) fn label(what: &'static str, given: &str) -> Result<String, AccountError> {
    // Normalising may join characters, never more than a few to one: what is far too long need not be.
    let label: String = given.trim().nfc().take(8 * MOST_LABEL_CHARACTERS).collect();
    let fits = (1..=MOST_LABEL_CHARACTERS).contains(&label.chars().count());
    if fits && !label.chars().any(is_unsafe) { Ok(label) } else { Err(AccountError::LabelForm { what }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_is_the_same_in_any_case() {
        for (given, name) in [("Ada", "ada"), ("a.b_c-d@school.EDU", "a.b_c-d@school.edu"), ("7", "7")] {
            assert_eq!(UserName::parse(given).unwrap().as_str(), name);
        }
        assert!(UserName::parse(&"a".repeat(64)).is_ok());
    }

    #[test]
    fn what_could_break_a_line_or_look_like_another_name_is_no_user_name() {
        for given in ["", " ada", "ada lovelace", "ada\r\nbob", "ada\0", "аda", "jürgen", "a/b", "a%b", "a'b"]
        {
            let error = UserName::parse(given).unwrap_err();
            assert_eq!(error.code(), "user-name-form");
            assert!(!error.to_string().contains(['\r', '\n', '\0']), "{error}");
        }
        assert!(UserName::parse(&"a".repeat(65)).is_err());
    }

    #[test]
    fn labels_are_trimmed_normalised_and_one_line() {
        assert_eq!(label("name", " Zoe\u{308} ").unwrap(), "Zo\u{eb}");
        assert!(label("name", &"ä".repeat(100)).is_ok());
        for given in ["", "  ", "a\nb", "a\u{202e}b", &"ä".repeat(101), &"ä".repeat(100_000)] {
            assert_eq!(label("name", given).unwrap_err().code(), "label-form");
        }
    }
}
