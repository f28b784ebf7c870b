//! What goes wrong in a handler, on its way to the client: a refusal in OpenAI's words, or a problem in ours, which
//! leaves in OpenAI's shape all the same.

use axum::Json;
use axum::response::{IntoResponse, Response};
use gradus_app::Error;
use gradus_app::store::StoreError;
use http::HeaderValue;
use http::header::{HeaderName, RETRY_AFTER};

use super::{Refusal, RefusalClass};
use crate::problem::{Category, Problem, Surface};
use crate::upload::UploadError;

/// Tells OpenAI's clients whether to send the same request again, whatever the status.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// Why a request is not answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Said in OpenAI's words.
    Refused(Refusal),
    /// Said in ours.
    Problem(Problem),
}

impl Failure {
    /// A service's failure, where `missing` says that the thing itself is not there.
    pub(super) fn of(error: Error, missing: impl FnOnce() -> Refusal) -> Self {
        match error {
            Error::Store(StoreError::NotFound { .. }) => missing().into(),
            other => other.into(),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Problem(error.into())
    }
}

impl From<UploadError> for Failure {
    fn from(error: UploadError) -> Self {
        Self::Problem(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(refusal) => refusal.into_response(),
            Self::Problem(problem) => problem.into_response(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = category(self.class).status_on(Surface::OpenAi);
        let mut response = (status, Json(self.body())).into_response();
        let headers = response.headers_mut();
        match self.class {
            RefusalClass::Throttled | RefusalClass::Overloaded => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            // The same would fail the same way.
            RefusalClass::Internal => {
                headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
            }
            RefusalClass::Invalid | RefusalClass::NotFound => {}
        }
        response
    }
}

fn category(class: RefusalClass) -> Category {
    match class {
        RefusalClass::Invalid => Category::Invalid,
        RefusalClass::NotFound => Category::NotFound,
        RefusalClass::Throttled => Category::Throttled,
        RefusalClass::Overloaded => Category::Unavailable,
        RefusalClass::Internal => Category::Internal,
    }
}

#[cfg(test)]
mod tests {
    use gradus_app::serving::{Fault, FaultKind};

    use super::super::chat::ChatRequest;
    use super::*;

    #[test]
    fn each_class_has_its_status_and_says_when_to_come_back() {
        let told = |refusal: Refusal| {
            let response = refusal.into_response();
            let header =
                |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            (response.status().as_u16(), header("retry-after"), header("x-should-retry"))
        };
        let of_fault = |kind| told(ChatRequest::refusal(&Fault::new(kind, "why")));
        assert_eq!(told(Refusal::invalid("n", "invalid_value", "n")), (400, None, None));
        assert_eq!(told(Refusal::no_such_model("gpt-9")), (404, None, None));
        assert_eq!(of_fault(FaultKind::Busy), (503, Some("1".into()), None));
        assert_eq!(of_fault(FaultKind::Share), (429, Some("1".into()), None));
        assert_eq!(of_fault(FaultKind::Memory), (500, None, Some("false".into())));
    }

    #[test]
    fn a_thing_that_is_not_there_is_refused_in_openais_words_and_nothing_else_is() {
        let missing = Error::Store(StoreError::NotFound { noun: "document", id: "7".into() });
        let refusal = || Refusal::no_such_model("m");
        assert_eq!(Failure::of(missing, refusal), Failure::Refused(refusal()));
        let other = Failure::of(Error::Busy("wait".into()), refusal);
        assert!(matches!(other, Failure::Problem(_)), "{other:?}");
    }
}
