//! The route `responses`: from a request to an answer or a stream of events.

use axum::Json;
use axum::extract::State;
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use gradus_app::serving::Fault;
use gradus_app::serving::protocol::AnswerEvent;
use serde_json::Value;

use super::super::failure::Failure;
use super::super::responses::{ResponseAnswer, ResponseEvent, ResponseHead, ResponseRequest, ResponseStream};
use super::served::Model;
use super::stream::{Wording, stream};
use super::{chance, passing_id};
use crate::ServerState;
use crate::guard::SignedIn;
use crate::problem::ApiJson;

/// Has a model respond.
pub(in super::super) async fn create_response(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiJson(body): ApiJson<Value>,
) -> Result<Response, Failure> {
    let request = ResponseRequest::read(&body, chance())?;
    // As values it takes many times its length, and answers take long.
    drop(body);
    let model = Model::find(&state, caller.user, &request.model).await?;
    let head = ResponseHead {
        id: passing_id("resp_"),
        message_id: passing_id("msg_"),
        created_at: state.clock.now().timestamp(),
    };
    let refused = |fault: Fault| ResponseRequest::refusal(&fault);
    let (first, mut answer) = model.ask(&state.serving, |files| request.ask(files)).await.map_err(refused)?;
    if request.stream {
        return Ok(stream((first, answer), ResponseStream::new(head, &request), state.shutdown));
    }
    let mut whole = ResponseAnswer::new(&head, &request);
    let mut event = first;
    loop {
        whole.take(&event);
        if event.is_last() {
            return Ok(Json(whole.finish()).into_response());
        }
        event = answer.next().await.map_err(refused)?;
    }
}

impl Wording for ResponseStream {
    fn events_of(&mut self, event: &AnswerEvent) -> Vec<Event> {
        self.take(event).iter().filter_map(written).collect()
    }

    fn events_of_fault(&mut self, fault: &Fault) -> Vec<Event> {
        self.fail(fault).iter().filter_map(written).collect()
    }
}

fn written(event: &ResponseEvent) -> Option<Event> {
    let data = serde_json::to_string(event)
        .inspect_err(|error| tracing::error!(%error, "a part of a response could not be written"));
    Some(Event::default().event(event.r#type).data(data.ok()?))
}
