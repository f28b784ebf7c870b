//! What an API token looks like: `grd_`, 43 characters of secret, `_`, 6 characters of checksum. The beginning lets
//! scanners of published code find it; the checksum lets a mistyped one be refused without looking it up.

use super::super::secret::{self, Secret};

/// How every API token begins.
pub const BEGINNING: &str = "grd_";
const CHECKSUM_DIGITS: usize = 6;
/// How much of a token is stored to tell it from others: 24 of its 256 bits.
const SHOWN_CHARACTERS: usize = BEGINNING.len() + 4;

/// The token of this secret.
pub(super) fn token(secret: &Secret) -> Secret {
    let body = secret.expose();
    Secret::from_text(format!("{BEGINNING}{body}_{}", checksum(body)))
}

/// Whether a text is a token that was not mistyped.
pub(super) fn is_well_formed(text: &str) -> bool {
    let parts = text.strip_prefix(BEGINNING).and_then(|rest| rest.split_once('_'));
    parts.is_some_and(|(body, sum)| secret::is_well_formed(body) && sum == checksum(body))
}

/// How a token begins.
pub(super) fn shown(token: &Secret) -> String {
    token.expose().chars().take(SHOWN_CHARACTERS).collect()
}

fn checksum(body: &str) -> String {
    secret::base_62(crc32fast::hash(body.as_bytes()).into(), CHECKSUM_DIGITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_its_form_and_its_beginning_tells_it_from_others() {
        let token = token(&Secret::random().unwrap());
        let text = token.expose();
        assert_eq!((text.len(), &text[..4], &text[47..48]), (54, "grd_", "_"));
        assert!(is_well_formed(text) && text.starts_with(&shown(&token)) && shown(&token).len() == 8);
    }

    #[test]
    fn every_changed_character_is_noticed() {
        let token = token(&Secret::random().unwrap());
        for position in 0..token.expose().len() {
            let mut text = token.expose().as_bytes().to_vec();
            text[position] = if text[position] == b'x' { b'y' } else { b'x' };
            assert!(!is_well_formed(std::str::from_utf8(&text).unwrap()), "{position}");
        }
        for text in ["", "grd_", "grd__", &token.expose()[1..], &format!("{} ", token.expose())] {
            assert!(!is_well_formed(text), "{text}");
        }
    }
}
