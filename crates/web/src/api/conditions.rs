//! Conditions of requests (RFC 9110, section 13): read only what changed, change only what is as it was read.
//!
//! The tag of a thing is a hash of all that is shown of it, so that it is strong and never says "unchanged" of what
//! looks different. `If-Match` is held against the thing in the transaction that changes it: of two requests that know
//! the same, one passes.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use gradus_app::Precondition;
use http::header::{ETAG, IF_MATCH, IF_NONE_MATCH, LOCATION};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Serialize;

use crate::problem::Problem;

/// What a request says of the thing as its sender knows it. Handlers take it as an argument.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    if_match: Option<String>,
    if_none_match: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Conditions {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let of = |name| joined(&parts.headers, &name);
        Ok(Self { if_match: of(IF_MATCH), if_none_match: of(IF_NONE_MATCH) })
    }
}

impl Conditions {
    /// The thing, or word that it is as its sender knows it.
    pub(crate) fn answer(&self, thing: &impl Serialize) -> Result<Response, Problem> {
        let (tag, body) = written(thing)?;
        let is_known = self.if_none_match.as_deref().is_some_and(|known| names(known, &tag, true));
        let tag = [(ETAG, header(&tag))];
        if is_known {
            return Ok((StatusCode::NOT_MODIFIED, tag).into_response());
        }
        Ok((tag, Json(body)).into_response())
    }

    /// That the thing is as its sender knows it, where they say how they do. `shown` is what is shown of it.
    pub(crate) fn precondition<R, T: Serialize>(
        self,
        shown: impl FnOnce(R) -> T + Send + 'static,
    ) -> Precondition<R> {
        match self.if_match {
            None => Precondition::none(),
            Some(known) => Precondition::new(move |thing| {
                written(&shown(thing)).is_ok_and(|(tag, _)| names(&known, &tag, false))
            }),
        }
    }
}

/// The answer to a request that changed a thing, and shows it or a part of it. The tag is the thing's from now on.
pub(crate) fn changed(thing: &impl Serialize, body: &impl Serialize) -> Result<Response, Problem> {
    Ok(([(ETAG, header(&written(thing)?.0))], Json(written(body)?.1)).into_response())
}

/// The answer to a request that made a thing.
pub(crate) fn created(location: &str, thing: &impl Serialize) -> Result<Response, Problem> {
    created_part(location, thing, thing)
}

/// As [`created`], where less is shown than the thing has at its address, whose tag it is.
pub(crate) fn created_part(
    location: &str,
    thing: &impl Serialize,
    part: &impl Serialize,
) -> Result<Response, Problem> {
    let (tag, body) = (written(thing)?.0, written(part)?.1);
    let headers = [(ETAG, header(&tag)), (LOCATION, header(location))];
    Ok((StatusCode::CREATED, headers, Json(body)).into_response())
}

/// A thing as JSON, with its tag.
fn written(thing: &impl Serialize) -> Result<(String, serde_json::Value), Problem> {
    let body = serde_json::to_value(thing).map_err(|error| Problem::internal(&error))?;
    let hash = blake3::hash(body.to_string().as_bytes()).to_hex();
    Ok((format!("\"{}\"", &hash[..32]), body))
}

fn header(text: &str) -> HeaderValue {
    // Hashes, ids and our own paths are plain.
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let lines: Vec<&str> = headers.get_all(name).iter().filter_map(|line| line.to_str().ok()).collect();
    headers.contains_key(name).then(|| lines.join(","))
}

/// Whether a list of tags names this one. Compared weakly, a tag may be marked as weak.
fn names(list: &str, tag: &str, weakly: bool) -> bool {
    let named = |entry: &str| {
        let entry = if weakly { entry.strip_prefix("W/").unwrap_or(entry) } else { entry };
        entry == tag || entry == "*"
    };
    list.split(',').map(str::trim).any(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_tags_names_the_one_that_is_in_it() {
        assert!(names("\"a\", \"b\"", "\"b\"", false) && !names("\"a\"", "\"b\"", false));
        assert!(names("*", "\"b\"", false));
        assert!(names("W/\"b\"", "\"b\"", true) && !names("W/\"b\"", "\"b\"", false));
    }

    #[test]
    fn what_looks_different_has_another_tag() {
        let tag = |value| written(&serde_json::json!({ "name": value })).unwrap().0;
        assert_eq!(tag("a"), tag("a"));
        assert_ne!(tag("a"), tag("b"));
        assert_eq!(tag("a").len(), 34);
    }
}
