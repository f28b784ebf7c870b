//! The domain's words, such as states and roles, as the API's description lists them.

use std::borrow::Cow;

use gradus_domain::failure::{Category, Severity};
use gradus_domain::{
    DatasetVersionState, DocumentPurpose, DocumentState, JobKind, ModelTestState, QueueJobState, ReportState,
    Role, Scope, TrainingJobState, Word,
};
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::Type;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

macro_rules! words {
    ($($name:ident is $domain:ident as $shown:literal;)+) => {$(
        #[doc = concat!("The word of a [`", stringify!($domain), "`].")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(transparent)]
        pub(crate) struct $name(pub(crate) $domain);

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let words = $domain::ALL.iter().map(|value| value.word());
                ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).build().into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                $shown.into()
            }
        }
    )+};
}

words! {
    RoleWord is Role as "Role";
    ScopeWord is Scope as "Scope";
    DocumentPurposeWord is DocumentPurpose as "DocumentPurpose";
    DocumentStateWord is DocumentState as "DocumentState";
    DatasetVersionStateWord is DatasetVersionState as "DatasetVersionState";
    TrainingJobStateWord is TrainingJobState as "TrainingJobState";
    ModelTestStateWord is ModelTestState as "ModelTestState";
    ReportStateWord is ReportState as "ReportState";
    QueueStateWord is QueueJobState as "QueueState";
    JobKindWord is JobKind as "JobKind";
    FailureCategoryWord is Category as "FailureCategory";
    SeverityWord is Severity as "Severity";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_listed_as_it_is_written() {
        let schema = serde_json::to_value(RoleWord::schema()).unwrap();
        assert_eq!(schema["enum"], serde_json::json!(["viewer", "author", "admin"]));
        assert_eq!(serde_json::to_string(&RoleWord(Role::Author)).unwrap(), "\"author\"");
        assert!(serde_json::from_str::<RoleWord>("\"owner\"").is_err());
    }
}
