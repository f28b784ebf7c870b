//! Following long work: what a thing looks like, each time that it changed, until no work on it is left.
//!
//! An event is the whole thing, as its address shows it, and its number is the thing's revision, which whatever changes
//! the thing raises by one in the same transaction. So whoever comes back gets the thing as it is now if it changed since,
//! and what came between is in it: there is nothing to keep for them. Times would not do for numbers: clocks are set back,
//! and two changes may share a millisecond.

use std::time::Duration;

use async_trait::async_trait;
use axum::extract::FromRequestParts;
use axum::handler::Handler;
use axum::response::Response;
use gradus_app::Error;
use gradus_app::accounts::Caller;
use gradus_app::service::Services;
use gradus_app::store::Whose;
use gradus_domain::State;
use http::request::Parts;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::__dev::{SchemaReferences, Tags};
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::{PartialSchema as _, ToSchema};

use super::fields::Whole;
use crate::events::{Batch, EventSource, LastEventId, NumberedEvent, SourceError, StreamPace, event_stream};
use crate::guard::{SignedIn, Standing};
use crate::problem::Problem;
use crate::routes::{Access, Route};
use crate::state::ServerState;

/// How often a stream looks whether there is more: workers write once a second.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A route whose answer is a stream of events, with where it begins in its description.
pub(super) fn following<D, H, T>(access: Access, handler: H) -> Route<ServerState>
where
    D: utoipa::Path + SchemaReferences + for<'t> Tags<'t>,
    H: Handler<T, ServerState>,
    T: 'static,
{
    let header = ("Last-Event-ID", ParameterIn::Header, "The number of the last event that you have.");
    let query = ("after", ParameterIn::Query, "The same, for clients that cannot set headers.");
    Route::described::<D, _, T>(access, handler)
        .with_parameter(event_number(header))
        .with_parameter(event_number(query))
}

fn event_number((name, place, description): (&str, ParameterIn, &str)) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(Whole::<0, 9_007_199_254_740_991>::schema()))
        .build()
}

/// An event of the stream.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what is written field by field")]
pub(crate) struct StreamedEvent {
    /// Its number.
    id: String,
    /// Of which kind it is.
    event: String,
    /// The event, as JSON.
    #[schema(content_media_type = "application/json")]
    data: String,
}

/// A thing at a moment.
#[derive(Debug)]
pub(super) struct Snapshot {
    revision: u64,
    is_final: bool,
    shown: Value,
}

impl Snapshot {
    /// A thing of this revision, in this state, as its address shows it.
    pub(super) fn new(revision: i64, state: impl State, thing: &impl Serialize) -> Self {
        Self { revision: revision.unsigned_abs(), is_final: state.is_final(), shown: json!(thing) }
    }

    /// The thing, for whoever has seen it up to this revision.
    fn after(self, revision: u64) -> Batch {
        let Self { revision: number, is_final, shown } = self;
        let event = NumberedEvent { number, kind: "snapshot", data: shown };
        let events = if number > revision { vec![event] } else { Vec::new() };
        Batch { events, is_last: is_final }
    }
}

/// Who follows a thing, and from where on. Handlers take it as an argument.
pub(super) struct Follower {
    caller: Caller,
    after: LastEventId,
    standing: Standing,
    state: ServerState,
}

impl FromRequestParts<ServerState> for Follower {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ServerState) -> Result<Self, Problem> {
        let SignedIn(caller) = SignedIn::from_request_parts(parts, state).await?;
        let after = LastEventId::from_request_parts(parts, state).await?;
        let standing = Standing::from_request_parts(parts, state).await?;
        Ok(Self { caller, after, standing, state: state.clone() })
    }
}

impl Follower {
    /// The stream of the thing that `read` finds, for whoever may see it.
    ///
    /// # Errors
    /// When they may not see it: that is said at once, and not by a stream that ends.
    pub(super) async fn follow<R, F>(self, read: R) -> Result<Response, Problem>
    where
        R: Fn(Services, Whose) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Snapshot, Error>> + Send + 'static,
    {
        let Self { caller, after, standing, state } = self;
        let services = state.services;
        let source = Snapshots { whose: caller.whose(), read: move |whose| read(services.clone(), whose) };
        (source.read)(source.whose).await?;
        Ok(event_stream(source, after, standing, StreamPace::default(), state.shutdown))
    }
}

/// One thing, as one caller may see it.
struct Snapshots<R> {
    whose: Whose,
    read: R,
}

#[async_trait]
impl<R, F> EventSource for Snapshots<R>
where
    R: Fn(Whose) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Snapshot, Error>> + Send + 'static,
{
    fn seen_by(&mut self, caller: &Caller) {
        self.whose = caller.whose();
    }

    async fn after(&mut self, number: u64) -> Result<Batch, SourceError> {
        Ok((self.read)(self.whose).await?.after(number))
    }

    async fn changed(&mut self, _: u64) {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use gradus_app::accounts::Credential;
    use gradus_app::store::StoreError;
    use gradus_domain::{ReportState, Role, Scope, SessionId, UserId};

    use super::*;

    fn report(revision: i64, state: ReportState) -> Snapshot {
        Snapshot::new(revision, state, &json!({ "state": state.to_string() }))
    }

    #[test]
    fn a_thing_is_shown_to_whoever_has_not_seen_it_so() {
        let shown = report(3, ReportState::Generating).after(2);
        let data = json!({ "state": "generating" });
        let event = NumberedEvent { number: 3, kind: "snapshot", data };
        assert_eq!(shown, Batch { events: vec![event], is_last: false });
        for seen in [3, 4] {
            assert_eq!(report(3, ReportState::Generating).after(seen), Batch::default());
        }
    }

    #[test]
    fn nothing_follows_the_final_state() {
        let last = report(4, ReportState::Completed).after(3);
        assert!(last.is_last && last.events.len() == 1);
        let seen = report(4, ReportState::Completed).after(4);
        assert!(seen.is_last && seen.events.is_empty());
    }

    #[tokio::test]
    async fn a_thing_is_read_for_its_caller_as_they_are_now() {
        let read = async |whose: Whose| match whose {
            Whose::Anyones => Ok(report(1, ReportState::Queued)),
            Whose::Of(_) => Err(StoreError::NotFound { noun: "report", id: String::new() }.into()),
        };
        let mut source = Snapshots { whose: Whose::Anyones, read: move |whose| Box::pin(read(whose)) };
        assert_eq!(source.after(0).await.unwrap().events.len(), 1);
        source.seen_by(&Caller {
            user: UserId::new(),
            name: "ada".to_owned(),
            display_name: "Ada".to_owned(),
            role: Role::Author,
            scope: Scope::Write,
            credential: Credential::Session(SessionId::new()),
        });
        assert!(matches!(source.after(0).await, Err(SourceError::Gone)));
    }
}
