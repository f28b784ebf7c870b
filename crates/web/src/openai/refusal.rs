//! Errors in OpenAI's shape. What goes wrong inside the server is not told to its clients in detail.

use gradus_app::serving::{Fault, FaultKind};
use serde::Serialize;

/// What stands in the names of checkpoints before the number of their step.
pub(super) const CHECKPOINT_MARK: &str = ":ckpt-step-";

/// What kind of error it is; which HTTP status that is, is said where answers are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalClass {
    /// The request cannot be answered as it is.
    Invalid,
    /// There is no such thing.
    NotFound,
    /// The client has asked for too much at once; the same request may succeed later.
    Throttled,
    /// The server has too much to do; the same request may succeed later.
    Overloaded,
    /// Something failed in the server.
    Internal,
}

impl RefusalClass {
    /// OpenAI's word for it.
    pub fn error_type(self) -> &'static str {
        match self {
            Self::Invalid | Self::NotFound => "invalid_request_error",
            Self::Throttled => "rate_limit_error",
            Self::Overloaded | Self::Internal => "server_error",
        }
    }
}

/// A request that is not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// What kind of error it is.
    pub class: RefusalClass,
    /// What is wrong and what to do.
    pub message: String,
    /// The parameter that it is about.
    pub param: Option<String>,
    /// A word for programs.
    pub code: Option<&'static str>,
}

/// The body of an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorBody {
    /// What clients look for.
    pub error: ErrorDetail,
}

/// An error as clients read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorDetail {
    /// What is wrong and what to do.
    pub message: String,
    /// OpenAI's word for the kind of error.
    pub r#type: &'static str,
    /// The parameter that it is about.
    pub param: Option<String>,
    /// A word for programs.
    pub code: Option<&'static str>,
}

/// The parameters of a request that a model can find fault with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parameters {
    pub(super) conversation: &'static str,
    pub(super) format: &'static str,
}

impl Refusal {
    /// A parameter whose value cannot be used.
    pub fn invalid(param: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        let (param, code) = (Some(param.into()), Some(code));
        Self { class: RefusalClass::Invalid, message: message.into(), param, code }
    }

    /// That a name is a checkpoint's, if it is.
    pub fn of_checkpoint(model: &str) -> Option<Self> {
        let message = format!(
            "`{model}` is a checkpoint. Checkpoints cannot be asked or fine-tuned on this server: name the model that the \
             job made, or let the job go on from the checkpoint with `POST /api/v1/training-jobs/{{id}}/resume`."
        );
        model.contains(CHECKPOINT_MARK).then(|| Self::invalid("model", "checkpoint_not_supported", message))
    }

    /// A model that does not exist, or not for this user.
    pub fn no_such_model(model: &str) -> Self {
        Self::of_checkpoint(model).unwrap_or_else(|| Self {
            class: RefusalClass::NotFound,
            message: format!("The model `{model}` does not exist or you do not have access to it."),
            param: Some("model".to_owned()),
            code: Some("model_not_found"),
        })
    }

    /// A base model that can be had and is not here yet.
    pub fn not_installed(model: &str) -> Self {
        let message = format!(
            "The model `{model}` is not installed on this server. Whoever runs it can have it with `gradus models pull \
             {model}`."
        );
        Self { message, ..Self::no_such_model(model) }
    }

    /// The body of the answer.
    pub fn body(&self) -> ErrorBody {
        let Self { class, message, param, code } = self.clone();
        ErrorBody { error: ErrorDetail { message, r#type: class.error_type(), param, code } }
    }

    /// What a model's fault is to the client.
    pub(super) fn of_fault(fault: &Fault, parameters: Parameters) -> Self {
        let invalid = |param: Option<&str>, code| Self {
            class: RefusalClass::Invalid,
            message: fault.message.clone(),
            param: param.map(str::to_owned),
            code: Some(code),
        };
        let server = |class, message: &str, code| Self {
            class,
            message: message.to_owned(),
            param: None,
            code: Some(code),
        };
        use RefusalClass::{Internal, Overloaded, Throttled};
        match fault.kind {
            FaultKind::Conversation => invalid(Some(parameters.conversation), "invalid_value"),
            FaultKind::TooLong => invalid(Some(parameters.conversation), "context_length_exceeded"),
            FaultKind::Format => invalid(Some(parameters.format), "invalid_json_schema"),
            FaultKind::Options => invalid(None, "invalid_value"),
            FaultKind::Busy => {
                server(Overloaded, "The server has too many requests; try again later.", "overloaded")
            }
            FaultKind::Share => server(
                Throttled,
                "You have as many requests on their way as one user may have; try again when one is answered.",
                "too_many_requests",
            ),
            FaultKind::Stopping => {
                server(Overloaded, "The server is being stopped; try again later.", "stopping")
            }
            FaultKind::Lost => server(
                Overloaded,
                "The process that runs the models ended unexpectedly; try again.",
                "model_lost",
            ),
            FaultKind::Slow => server(
                Overloaded,
                "The answer was not read as fast as it came, and was given up; read it faster.",
                "client_too_slow",
            ),
            FaultKind::Model => server(
                Internal,
                "The model's files cannot be used; whoever runs the server finds the reason in its log.",
                "model_unavailable",
            ),
            FaultKind::Memory => server(
                Internal,
                "The model needs more memory than the server allows its models; whoever runs it can allow more.",
                "model_too_large",
            ),
            FaultKind::Failed => server(Internal, "The model failed; try again.", "model_failed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMETERS: Parameters = Parameters { conversation: "messages", format: "response_format" };

    #[test]
    fn errors_have_openais_shape() {
        let body = Refusal::no_such_model("gpt-9").body();
        let body = serde_json::to_value(body).unwrap();
        assert_eq!(body["error"]["type"], "invalid_request_error");
        assert_eq!(body["error"]["param"], "model");
        assert_eq!(body["error"]["code"], "model_not_found");
        assert!(body["error"]["message"].as_str().unwrap().contains("gpt-9"));
    }

    #[test]
    fn what_the_client_can_change_is_told_and_the_servers_insides_are_not() {
        let fault = Fault::new(FaultKind::Format, "at /properties/mark: no such type");
        let refusal = Refusal::of_fault(&fault, PARAMETERS);
        assert_eq!(
            (refusal.class, refusal.param.as_deref()),
            (RefusalClass::Invalid, Some("response_format"))
        );
        assert!(refusal.message.contains("/properties/mark"));
        for kind in [FaultKind::Model, FaultKind::Memory, FaultKind::Lost, FaultKind::Failed, FaultKind::Busy]
        {
            let refusal = Refusal::of_fault(&Fault::new(kind, "/data/models/secret.gguf"), PARAMETERS);
            assert!(!refusal.message.contains("secret"), "{refusal:?}");
            assert_eq!(
                refusal.class == RefusalClass::Overloaded,
                matches!(kind, FaultKind::Busy | FaultKind::Lost)
            );
        }
    }
}
