//! A problem as a document of RFC 9457.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Category, FieldProblem, Problem};

/// What an error response of `/api` holds (`application/problem+json`, RFC 9457).
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// A name of the kind of problem, as a URI reference: `/problems/` and the code.
    #[serde(rename = "type")]
    #[schema(example = "/problems/not_found")]
    kind: String,
    /// The kind of problem for people; the same for every problem of the kind.
    title: &'static str,
    /// The status code again, for readers that no longer have the response.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What happened and what to do next.
    detail: String,
    /// A stable name for programs.
    code: String,
    /// The general kind of failure.
    category: Category,
    /// This request's id, under which the server's log has it.
    instance: String,
    /// The fields that are wrong; empty where the problem is no field's.
    errors: Vec<FieldProblem>,
}

impl ProblemDocument {
    pub(super) fn new(problem: &Problem, request_id: &str) -> Self {
        Self {
            kind: format!("/problems/{}", problem.code),
            title: problem.category.title(),
            status: problem.category.status().as_u16(),
            detail: problem.detail.clone().into_owned(),
            code: problem.code.clone().into_owned(),
            category: problem.category,
            instance: format!("urn:gradus:request:{request_id}"),
            errors: problem.fields.clone(),
        }
    }
}
