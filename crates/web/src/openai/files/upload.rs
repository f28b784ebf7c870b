//! Uploading a file. Fields and file come in any order, so that they are looked at once all is there.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Request, State};
use chrono::TimeDelta;
use gradus_app::Error;
use gradus_app::service::conversations::CheckedConversations;
use gradus_app::service::documents::NewDocument;
use gradus_domain::DocumentPurpose;
use serde_json::json;

use super::super::Refusal;
use super::super::failure::Failure;
use super::super::fields::unknown_word;
use super::FileObject;
use super::purpose::inward;
use crate::ServerState;
use crate::guard::SignedIn;
use crate::problem::sentence;
use crate::upload::{UploadedForm, receive_form};

/// What a file may be kept for, in seconds: an hour to thirty days.
const KEPT_SECONDS: std::ops::RangeInclusive<i64> = 3600..=2_592_000;

/// Takes a file. One to fine-tune with is told by its line what is wrong with it.
pub(in super::super) async fn create_file(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    request: Request,
) -> Result<Json<FileObject>, Failure> {
    let spool = state.services.archive.spool();
    let UploadedForm { file, name, fields } =
        receive_form(request, "file", state.max_upload_bytes, spool).await?;
    let wanted = Wanted::read(fields)?;
    let new = NewDocument {
        name: name.to_string(),
        purpose: wanted.purpose,
        metadata: json!({}),
        expires_at: wanted.kept.map(|kept| state.clock.now() + kept),
    };
    let added = state.services.add_document(caller.user, new, file).await;
    let document = added.map_err(|error| match error {
        Error::Conversations(found) => not_to_be_learnt_from(&found).into(),
        other => Failure::from(other),
    })?;
    Ok(Json(FileObject::from(&document)))
}

/// What the fields beside the file say.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    purpose: DocumentPurpose,
    kept: Option<TimeDelta>,
}

impl Wanted {
    fn read(mut fields: BTreeMap<String, String>) -> Result<Self, Refusal> {
        let purpose = fields.remove("purpose").ok_or_else(|| {
            let message = "Missing required parameter: 'purpose'.";
            Refusal::invalid("purpose", "missing_required_parameter", message)
        })?;
        let purpose = inward(&purpose)?;
        let kept = kept(fields.remove("expires_after[anchor]"), fields.remove("expires_after[seconds]"))?;
        match fields.into_keys().next() {
            None => Ok(Self { purpose, kept }),
            Some(name) => {
                let message = format!("Unknown parameter: '{name}'.");
                Err(Refusal::invalid(name, "unknown_parameter", message))
            }
        }
    }
}

fn kept(anchor: Option<String>, seconds: Option<String>) -> Result<Option<TimeDelta>, Refusal> {
    const SECONDS: &str = "expires_after[seconds]";
    let Some(anchor) = anchor else {
        let Some(_) = seconds else { return Ok(None) };
        let (param, code) = ("expires_after[anchor]", "missing_required_parameter");
        return Err(Refusal::invalid(param, code, format!("Missing required parameter: '{param}'.")));
    };
    if anchor != "created_at" {
        return Err(unknown_word("expires_after[anchor]", &anchor, &["created_at"]));
    }
    let read = seconds
        .and_then(|seconds| seconds.parse::<i64>().ok())
        .filter(|seconds| KEPT_SECONDS.contains(seconds));
    let seconds = read.ok_or_else(|| {
        let (least, most) = (*KEPT_SECONDS.start(), *KEPT_SECONDS.end());
        let message = format!("Invalid '{SECONDS}': it has to be a whole number from {least} to {most}.");
        Refusal::invalid(SECONDS, "invalid_value", message)
    })?;
    Ok(Some(TimeDelta::seconds(seconds)))
}

/// Every fault by its line, as far as they are told one by one.
fn not_to_be_learnt_from(found: &CheckedConversations) -> Refusal {
    Refusal::invalid("file", "invalid_training_file", sentence(&found.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &[(&str, &str)]) -> Result<Wanted, Refusal> {
        Wanted::read(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn purpose_and_time_are_read() {
        let fields = [
            ("purpose", "evals"),
            ("expires_after[anchor]", "created_at"),
            ("expires_after[seconds]", "3600"),
        ];
        let expected = Wanted { purpose: DocumentPurpose::Evals, kept: Some(TimeDelta::hours(1)) };
        assert_eq!(read(&fields).unwrap(), expected);
    }

    #[test]
    fn what_is_wrong_or_unknown_is_named() {
        let purpose = ("purpose", "evals");
        for (fields, param) in [
            (vec![], "purpose"),
            (vec![("purpose", "vision")], "purpose"),
            (vec![purpose, ("colour", "red")], "colour"),
            (vec![purpose, ("expires_after[seconds]", "3600")], "expires_after[anchor]"),
            (
                vec![purpose, ("expires_after[anchor]", "now"), ("expires_after[seconds]", "3600")],
                "expires_after[anchor]",
            ),
            (vec![purpose, ("expires_after[anchor]", "created_at")], "expires_after[seconds]"),
            (
                vec![purpose, ("expires_after[anchor]", "created_at"), ("expires_after[seconds]", "10")],
                "expires_after[seconds]",
            ),
        ] {
            assert_eq!(read(&fields).unwrap_err().param.as_deref(), Some(param), "{fields:?}");
        }
    }
}
