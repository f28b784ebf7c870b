//! Ids as OpenAI writes them: a word for the kind, and the thing's own id.

use gradus_domain::Id;
use uuid::Uuid;

pub(super) const FILE: &str = "file-";
pub(super) const JOB: &str = "ftjob-";
pub(super) const CHECKPOINT: &str = "ftckpt-";
pub(super) const EVENT: &str = "ftevent-";

/// A thing's id with the word for its kind.
pub(super) fn written(kind: &str, id: impl Id) -> String {
    format!("{kind}{}", id.uuid().simple())
}

/// The id that a text is, if it is one of this kind.
pub(super) fn read<T: Id>(kind: &str, text: &str) -> Option<T> {
    let digits = text.strip_prefix(kind)?;
    // Written in other ways, it would be another name of the same thing.
    let is_plain =
        digits.len() == 32 && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    let uuid = is_plain.then(|| Uuid::try_parse(digits).ok()).flatten()?;
    Some(T::from_uuid(uuid))
}

#[cfg(test)]
mod tests {
    use gradus_domain::DocumentId;

    use super::*;

    #[test]
    fn an_id_comes_back_and_only_as_its_own_kind() {
        let id = DocumentId::new();
        let text = written(FILE, id);
        assert_eq!(read(FILE, &text), Some(id));
        assert_eq!(read::<DocumentId>(JOB, &text), None);
        for other in ["file-", "file-1", "file-+", &format!("file-{id}"), &text.to_uppercase(), "ftjob-x", ""]
        {
            assert_eq!(read::<DocumentId>(FILE, other), None, "{other}");
        }
    }
}
