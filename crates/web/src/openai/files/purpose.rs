//! What files are for: OpenAI's words, and the services' own.

use gradus_domain::{DocumentPurpose, Word as _};

use super::super::Refusal;
use super::super::fields::unknown_word;

/// OpenAI's word for conversations to learn from.
pub(in super::super) const FINE_TUNE: &str = "fine-tune";

/// What files may be uploaded for. All but the first have one name in both.
const ACCEPTED: [&str; 6] = [FINE_TUNE, "user_data", "evals", "guide", "answers", "papers"];
/// Words of OpenAI's for what this server does not do.
const NOT_SUPPORTED: [&str; 3] = ["assistants", "batch", "vision"];

/// The services' word for a purpose that a client names.
pub(super) fn inward(purpose: &str) -> Result<DocumentPurpose, Refusal> {
    if purpose == FINE_TUNE {
        return Ok(DocumentPurpose::Conversations);
    }
    if ACCEPTED.contains(&purpose)
        && let Ok(known) = DocumentPurpose::parse(purpose)
    {
        return Ok(known);
    }
    if NOT_SUPPORTED.contains(&purpose) {
        let message = format!(
            "Unsupported value: 'purpose' is '{purpose}', which this server does not support. Supported values are: {}.",
            ACCEPTED.join(", ")
        );
        return Err(Refusal::invalid("purpose", "unsupported_value", message));
    }
    Err(unknown_word("purpose", purpose, &ACCEPTED))
}

/// OpenAI's word for a purpose of the services'.
pub(super) fn outward(purpose: DocumentPurpose) -> &'static str {
    if purpose == DocumentPurpose::Conversations { FINE_TUNE } else { purpose.word() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_uploaded_comes_back_under_its_name() {
        for purpose in ACCEPTED {
            assert_eq!(outward(inward(purpose).unwrap()), purpose);
        }
    }

    #[test]
    fn what_may_not_be_is_refused_by_name() {
        for (purpose, code) in
            [("batch", "unsupported_value"), ("conversations", "invalid_value"), ("", "invalid_value")]
        {
            let refusal = inward(purpose).unwrap_err();
            assert_eq!((refusal.param.as_deref(), refusal.code), (Some("purpose"), Some(code)), "{purpose}");
            assert!(
                refusal.message.contains(&format!("'{purpose}'")) && refusal.message.contains("fine-tune")
            );
        }
    }
}
