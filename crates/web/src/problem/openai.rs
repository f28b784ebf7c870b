//! A problem in the form that OpenAI's clients read: `{"error": {message, type, param, code}}`.

use serde::Serialize;

use super::{Category, Problem};

#[derive(Serialize)]
pub(super) struct OpenAiError<'a> {
    error: ErrorBody<'a>,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    message: String,
    #[serde(rename = "type")]
    kind: &'static str,
    param: Option<&'a str>,
    code: &'a str,
}

impl<'a> OpenAiError<'a> {
    pub(super) fn new(problem: &'a Problem) -> Self {
        let field = problem.fields.first();
        let message = match field {
            Some(field) => format!("{} {}: {}.", problem.detail, field.field, field.message),
            None => problem.detail.clone().into_owned(),
        };
        // OpenAI names a field from the body's top, without saying that it is the body's.
        let param = field.map(|field| field.field.strip_prefix("body.").unwrap_or(&field.field));
        Self { error: ErrorBody { message, kind: kind(problem.category), param, code: &problem.code } }
    }
}

fn kind(category: Category) -> &'static str {
    match category {
        Category::Unauthenticated => "authentication_error",
        Category::Forbidden => "permission_error",
        Category::Throttled => "rate_limit_error",
        Category::Internal | Category::Upstream | Category::Unavailable => "server_error",
        _ => "invalid_request_error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::FieldProblem;

    #[test]
    fn a_field_is_named_from_the_top_of_the_body() {
        let problem = Problem::new(Category::Invalid, "The request is not valid.")
            .with_field(FieldProblem::new("body.messages[0].role", "unknown role `boss`"));
        let json = serde_json::to_value(OpenAiError::new(&problem)).unwrap();
        assert_eq!(json["error"]["param"], "messages[0].role");
        assert_eq!(json["error"]["type"], "invalid_request_error");
        assert_eq!(json["error"]["code"], "invalid");
        assert_eq!(
            json["error"]["message"],
            "The request is not valid. body.messages[0].role: unknown role `boss`."
        );
    }

    #[test]
    fn a_problem_of_no_field_has_a_null_param() {
        let json = serde_json::to_value(OpenAiError::new(&Problem::general(Category::Internal))).unwrap();
        assert!(json["error"]["param"].is_null());
        assert_eq!(json["error"]["type"], "server_error");
    }
}
