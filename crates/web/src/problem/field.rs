//! One field of a request that is wrong.

use serde::Serialize;
use utoipa::ToSchema;

/// Which field is wrong, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldProblem {
    /// Where the field is: `body.examples[3].marks`, `query.limit`, `path.id`.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl FieldProblem {
    /// A field's problem.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }

    /// The problem of a value inside `part` (`body`, `query`, `path`), at the path that serde came to.
    pub(crate) fn inside(part: &str, path: &serde_path_to_error::Path, message: String) -> Self {
        let inner = path.to_string();
        // Serde writes a dot where the value as a whole is wrong.
        let field = if inner == "." { part.to_owned() } else { format!("{part}.{inner}") };
        Self { field, message }
    }
}
