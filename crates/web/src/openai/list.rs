//! Lists as OpenAI answers them, and the parameters that choose a part of one.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use gradus_app::store::PageRequest;
use gradus_domain::Id;
use http::request::Parts;
use serde::Serialize;

use super::{Refusal, ids};

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct List<T> {
    /// `list`.
    pub object: &'static str,
    /// Its items.
    pub data: Vec<T>,
    /// The first one's id.
    pub first_id: Option<String>,
    /// The last one's id, after which the next part begins.
    pub last_id: Option<String>,
    /// Whether there is a next part.
    pub has_more: bool,
}

/// What is found in lists.
pub trait Listed {
    /// Its id, as clients send it back.
    fn id(&self) -> &str;
}

impl<T: Listed> List<T> {
    pub(super) fn new(data: Vec<T>, has_more: bool) -> Self {
        let id = |item: Option<&T>| item.map(|item| item.id().to_owned());
        let (first_id, last_id) = (id(data.first()), id(data.last()));
        Self { object: "list", data, first_id, last_id, has_more }
    }
}

/// The parameters of an address that were not looked at yet.
#[derive(Debug)]
pub(super) struct Query {
    left: Vec<(String, String)>,
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts.uri.query().unwrap_or_default()))
    }
}

impl Query {
    fn of(query: &str) -> Self {
        Self { left: form_urlencoded::parse(query.as_bytes()).into_owned().collect() }
    }

    pub(super) fn take(&mut self, name: &str) -> Result<Option<String>, Refusal> {
        let mut values = self.left.extract_if(.., |(found, _)| *found == name).map(|(_, value)| value);
        let first = values.next();
        match values.next() {
            Some(_) => Err(Refusal::invalid(name, "invalid_value", format!("'{name}' is there twice."))),
            None => Ok(first),
        }
    }

    /// The parameters `name[key]`, by key.
    pub(super) fn take_map(&mut self, name: &str) -> Vec<(String, String)> {
        let key = |found: &str| -> Option<String> {
            Some(found.strip_prefix(name)?.strip_prefix('[')?.strip_suffix(']')?.to_owned())
        };
        let taken = self.left.extract_if(.., |(found, _)| key(found).is_some());
        taken.filter_map(|(found, value)| Some((key(&found)?, value))).collect()
    }

    /// How many items are wanted, `usual` where nothing is said.
    pub(super) fn limit(&mut self, most: u32, usual: u32) -> Result<u32, Refusal> {
        let Some(text) = self.take("limit")? else { return Ok(usual) };
        text.parse().ok().filter(|limit| (1..=most).contains(limit)).ok_or_else(|| {
            let message = format!("Invalid 'limit': it has to be a whole number from 1 to {most}.");
            Refusal::invalid("limit", "invalid_value", message)
        })
    }

    /// The part of a list of things of this kind, newest first.
    pub(super) fn page<T: Id>(&mut self, kind: &str, most: u32, usual: u32) -> Result<PageRequest, Refusal> {
        let limit = self.limit(most, usual)?;
        let after = self.take("after")?.map(|after| ids::read::<T>(kind, &after).ok_or_else(no_such_place));
        let after = after.transpose()?.map(Id::uuid);
        Ok(PageRequest { after, ..PageRequest::first(limit) })
    }

    /// Refuses what nobody looked at.
    pub(super) fn finish(self) -> Result<(), Refusal> {
        match self.left.into_iter().next() {
            None => Ok(()),
            Some((name, _)) => {
                let message = format!("Unknown parameter: '{name}'.");
                Err(Refusal::invalid(name, "unknown_parameter", message))
            }
        }
    }
}

/// A list is to go on after what is not in it.
pub(super) fn no_such_place() -> Refusal {
    Refusal::invalid("after", "invalid_value", "Invalid 'after': it is no id of an item of this list.")
}

#[cfg(test)]
mod tests {
    use gradus_domain::DocumentId;

    use super::*;

    fn param<T: std::fmt::Debug>(refused: Result<T, Refusal>) -> String {
        refused.unwrap_err().param.unwrap()
    }

    #[test]
    fn a_page_is_read_and_its_limits_are_kept() {
        let id = DocumentId::new();
        let page = |query: &str| Query::of(query).page::<DocumentId>(ids::FILE, 100, 20);
        assert_eq!(page("").unwrap(), PageRequest::first(20));
        let second = page(&format!("limit=5&after={}", ids::written(ids::FILE, id))).unwrap();
        assert_eq!((second.limit, second.after), (5, Some(id.uuid())));
        for query in ["limit=0", "limit=101", "limit=-1", "limit=x", "limit=1&limit=2"] {
            assert_eq!(param(page(query)), "limit", "{query}");
        }
        assert_eq!(param(page("after=file-1")), "after");
    }

    #[test]
    fn maps_are_read_and_what_is_unknown_is_named() {
        let mut query = Query::of("metadata%5Ba%5D=1&metadata[b]=2&x=y&metadata=null");
        assert_eq!(query.take_map("metadata"), [("a".into(), "1".into()), ("b".into(), "2".into())]);
        assert_eq!(query.take("metadata").unwrap().as_deref(), Some("null"));
        assert_eq!(param(query.finish()), "x");
    }

    #[test]
    fn a_list_names_its_ends() {
        struct Item(&'static str);
        impl Listed for Item {
            fn id(&self) -> &str {
                self.0
            }
        }
        let list = List::new(vec![Item("a"), Item("b")], true);
        assert_eq!((list.first_id.as_deref(), list.last_id.as_deref()), (Some("a"), Some("b")));
        assert_eq!(List::new(Vec::<Item>::new(), false).last_id, None);
    }
}
