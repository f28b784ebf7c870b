//! Lists in pages: what part of a list is asked for, and how it is given.

use axum::Json;
use gradus_app::store::{Page, PageRequest};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::fields::Whole;

/// How many items a page has where nothing is said.
const USUAL_LIMIT: u64 = 50;

/// How many items of a page may be asked for.
pub(crate) type Limit = Whole<1, 200>;

/// The newest or the oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Order {
    /// The oldest first.
    Asc,
    /// The newest first.
    #[default]
    Desc,
}

/// Which part of a list is asked for.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// The `next` of the page before; nothing for the first page.
    pub(crate) after: Option<Uuid>,
    /// How many items at most; 50 where nothing is said.
    #[param(inline)]
    pub(crate) limit: Option<Limit>,
    /// Whether the newest come first (`desc`, as usual) or the oldest (`asc`).
    #[param(inline)]
    pub(crate) order: Option<Order>,
}

impl PageQuery {
    /// As the services are asked.
    pub(crate) fn request(&self) -> PageRequest {
        PageRequest {
            after: self.after,
            limit: u32::try_from(number_of(self.limit)).unwrap_or(PageRequest::MOST),
            oldest_first: self.order.unwrap_or_default() == Order::Asc,
        }
    }
}

/// Which part of a list is asked for whose items have places in it.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PlaceQuery {
    /// The place to begin at, from 0; the `next` of the page before.
    #[param(inline)]
    pub(crate) from: Option<Whole<0, 9_007_199_254_740_991>>,
    /// How many items at most; 50 where nothing is said.
    #[param(inline)]
    pub(crate) limit: Option<Limit>,
}

impl PlaceQuery {
    /// The place to begin at.
    pub(crate) fn first(&self) -> u64 {
        self.from.map_or(0, |from| from.0)
    }

    /// How many items are wanted.
    pub(crate) fn limit(&self) -> u64 {
        number_of(self.limit)
    }
}

fn number_of(limit: Option<Limit>) -> u64 {
    limit.map_or(USUAL_LIMIT, |limit| limit.0)
}

/// A part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Listed<T> {
    /// Its items.
    items: Vec<T>,
    /// Whether there are more after them.
    has_more: bool,
    /// What to send as `after` for the page that follows; null where none does.
    next: Option<Uuid>,
}

/// A page of rows as the API gives it; `id` names a row, `shown` makes of it what is shown.
pub(crate) fn listed<R, B>(
    page: Page<R>,
    id: impl Fn(&R) -> Uuid,
    shown: impl FnMut(R) -> B,
) -> Json<Listed<B>> {
    let next = page.items.last().map(id).filter(|_| page.has_more);
    let page = page.map(shown);
    Json(Listed { items: page.items, has_more: page.has_more, next })
}

/// All there is of a list that is never long.
pub(crate) fn whole<B>(items: Vec<B>) -> Json<Listed<B>> {
    Json(Listed { items, has_more: false, next: None })
}

/// A part of a list whose items have places in it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Placed<T> {
    /// Its items.
    items: Vec<T>,
    /// Whether there are more after them.
    has_more: bool,
    /// What to send for the page that follows; null where none does.
    next: Option<u64>,
}

/// A page of at most `limit` of the rows read, of which there is one more where the list goes on. `next` says what
/// the page after a row is asked for with.
pub(crate) fn placed<R, B>(
    mut rows: Vec<R>,
    limit: u64,
    next: impl Fn(&R) -> u64,
    shown: impl FnMut(R) -> B,
) -> Json<Placed<B>> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().map(next).filter(|_| has_more);
    Json(Placed { items: rows.into_iter().map(shown).collect(), has_more, next })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_page_names_no_next_one() {
        let ids = [Uuid::from_u128(1), Uuid::from_u128(2)];
        let page = |has_more| Page { items: ids.to_vec(), has_more };
        assert_eq!(listed(page(true), |id| *id, |id| id).0.next, Some(ids[1]));
        assert_eq!(listed(page(false), |id| *id, |id| id).0.next, None);
    }

    #[test]
    fn one_row_more_than_asked_for_says_that_the_list_goes_on() {
        let Json(page) = placed(vec![4, 5, 6], 2, |row| row + 1, |row| row);
        assert_eq!((page.items, page.has_more, page.next), (vec![4, 5], true, Some(6)));
        let Json(page) = placed(vec![4, 5], 2, |row| row + 1, |row| row);
        assert_eq!((page.items.len(), page.has_more, page.next), (2, false, None));
    }
}
