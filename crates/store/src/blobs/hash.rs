//! The hash of a blob, and the key that follows from it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The BLAKE3 hash of a blob's content; written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct BlobHash([u8; blake3::OUT_LEN]);

/// A text is not the hash of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the hash of a blob is 64 lower-case hexadecimal digits")]
pub struct InvalidHash;

impl BlobHash {
    /// The hash of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        blake3::hash(bytes).into()
    }

    /// `ab/cd/abcd…`: two levels of directories, so that none grows too large to list.
    pub(super) fn key(self) -> String {
        let [first, second] = self.directories();
        format!("{first}/{second}/{self}")
    }

    /// The names of the two directories, the outer first.
    pub(super) fn directories(self) -> [String; 2] {
        [0, 1].map(|at| format!("{:02x}", self.0[at]))
    }

    /// The hash whose key this is, if it is one.
    pub(super) fn from_key(key: &str) -> Option<Self> {
        let hash: Self = key.rsplit('/').next()?.parse().ok()?;
        (hash.key() == key).then_some(hash)
    }
}

impl From<blake3::Hash> for BlobHash {
    fn from(hash: blake3::Hash) -> Self {
        Self(*hash.as_bytes())
    }
}

impl fmt::Display for BlobHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for BlobHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for BlobHash {
    type Err = InvalidHash;

    fn from_str(text: &str) -> Result<Self, InvalidHash> {
        // One spelling only: a hash is a key, and two spellings would be two keys.
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(InvalidHash);
        }
        blake3::Hash::from_hex(text).map(Self::from).map_err(|_| InvalidHash)
    }
}

impl From<BlobHash> for String {
    fn from(hash: BlobHash) -> Self {
        hash.to_string()
    }
}

impl TryFrom<String> for BlobHash {
    type Error = InvalidHash;

    fn try_from(text: String) -> Result<Self, InvalidHash> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published test vector of BLAKE3 for no input.
    const NOTHING: &str = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";

    #[test]
    fn a_hash_is_written_and_read_as_hexadecimal_digits() {
        let hash = BlobHash::of(b"");
        assert_eq!(hash.to_string(), NOTHING);
        assert_eq!(NOTHING.parse(), Ok(hash));
        assert_eq!(serde_json::to_string(&hash).unwrap(), format!("\"{NOTHING}\""));
        assert_eq!(serde_json::from_str::<BlobHash>(&format!("\"{NOTHING}\"")).unwrap(), hash);
    }

    #[test]
    fn what_is_not_64_lower_case_digits_is_no_hash() {
        for text in ["", "af13", &NOTHING.to_uppercase(), &NOTHING.replace('a', "g"), &format!("{NOTHING}0")]
        {
            assert_eq!(text.parse::<BlobHash>(), Err(InvalidHash), "{text}");
        }
        assert!(serde_json::from_str::<BlobHash>("\"../../etc/passwd\"").is_err());
    }

    #[test]
    fn a_key_lies_in_directories_named_by_the_first_bytes_and_leads_back_to_its_hash() {
        let hash = BlobHash::of(b"");
        let key = format!("af/13/{NOTHING}");
        assert_eq!(hash.key(), key);
        assert_eq!(BlobHash::from_key(&key), Some(hash));
    }

    #[test]
    fn a_hash_in_other_directories_is_not_a_key() {
        for key in [NOTHING.to_owned(), format!("af/14/{NOTHING}"), format!("x/af/13/{NOTHING}")] {
            assert_eq!(BlobHash::from_key(&key), None, "{key}");
        }
    }
}
