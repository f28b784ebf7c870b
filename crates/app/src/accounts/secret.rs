//! Secrets that the server makes: sessions, API tokens, set-up tokens, invitation codes. Shown once, stored as hashes.

use std::fmt;

use super::AccountError;

/// How many characters of base 62 hold 256 bits (43 · log2 62 = 256.03).
pub(super) const CHARACTERS: usize = 43;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A secret that was just made. It cannot be shown by accident: [`Secret::expose`] is the only way to its text.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A new one of 256 bits, of letters and digits alone, so that it needs no quoting anywhere.
    pub(super) fn random() -> Result<Self, AccountError> {
        let mut text = String::with_capacity(CHARACTERS);
        while text.len() < CHARACTERS {
            let mut bytes = [0; 64];
            getrandom::fill(&mut bytes).map_err(|error| AccountError::Server {
                action: "draw random numbers",
                reason: error.to_string(),
            })?;
            let left = CHARACTERS - text.len();
            text.extend(bytes.into_iter().filter_map(character).take(left));
        }
        Ok(Self(text))
    }

    pub(super) fn from_text(text: String) -> Self {
        Self(text)
    }

    /// The text, to be shown to whom it belongs, once.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    pub(super) fn hash(&self) -> String {
        hash(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// What is stored of a secret. One pass of BLAKE3 is enough: 256 bits cannot be guessed, however fast hashes are.
pub(super) fn hash(secret: &str) -> String {
    blake3::hash(secret.as_bytes()).to_hex().to_string()
}

/// Whether `secret` is the one of this stored hash, compared in constant time.
pub(super) fn is_hashed_as(secret: &str, stored: &str) -> bool {
    blake3::Hash::from_hex(stored).is_ok_and(|stored| stored == blake3::hash(secret.as_bytes()))
}

/// Whether a text has the form of a secret; what has not need not be looked up.
pub(super) fn is_well_formed(text: &str) -> bool {
    text.len() == CHARACTERS && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The lowest digits of `number` in base 62, as many as asked for.
pub(super) fn base_62(mut number: u64, digits: usize) -> String {
    let mut text = vec![b'0'; digits];
    for digit in text.iter_mut().rev() {
        *digit = ALPHABET[(number % 62) as usize];
        number /= 62;
    }
    text.into_iter().map(char::from).collect()
}

/// The character that a random byte stands for. The last 8 of 256 values stand for none, so that all characters are
/// equally probable.
fn character(byte: u8) -> Option<char> {
    (byte < 248).then(|| char::from(ALPHABET[usize::from(byte % 62)]))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_thousand_secrets_are_distinct_well_formed_and_use_every_character() {
        let secrets: HashSet<String> =
            (0..1000).map(|_| Secret::random().unwrap().expose().to_owned()).collect();
        assert_eq!(secrets.len(), 1000);
        assert!(secrets.iter().all(|secret| is_well_formed(secret)));
        let characters: HashSet<char> = secrets.iter().flat_map(|secret| secret.chars()).collect();
        assert_eq!(characters.len(), 62);
    }

    #[test]
    fn every_character_stands_for_equally_many_bytes() {
        let mut counts = std::collections::HashMap::new();
        for character in (0..=255).filter_map(character) {
            *counts.entry(character).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 62);
        assert!(counts.values().all(|&count| count == 4));
    }

    #[test]
    fn a_secret_is_known_by_its_hash_and_never_shown_by_accident() {
        let secret = Secret::random().unwrap();
        assert!(is_hashed_as(secret.expose(), &secret.hash()));
        assert!(
            !is_hashed_as(&secret.expose()[1..], &secret.hash()) && !is_hashed_as(secret.expose(), "no hash")
        );
        assert!(!format!("{secret:?} {}", secret.hash()).contains(secret.expose()));
    }

    #[test]
    fn numbers_are_written_in_base_62_with_leading_zeros() {
        assert_eq!(
            (base_62(0, 3), base_62(61, 3), base_62(62, 3)),
            ("000".into(), "00z".into(), "010".into())
        );
        assert_eq!(base_62(u32::MAX.into(), 6), "4gfFC3");
    }
}
