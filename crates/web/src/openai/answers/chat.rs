//! The route `chat/completions`: from a request to an answer or a stream of chunks.

use axum::Json;
use axum::extract::State;
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use gradus_app::serving::Fault;
use gradus_app::serving::protocol::AnswerEvent;
use serde_json::Value;

use super::super::chat::{ChatAnswer, ChatHead, ChatRequest, ChatStream};
use super::super::failure::Failure;
use super::served::Model;
use super::stream::{Wording, stream};
use super::{chance, passing_id};
use crate::ServerState;
use crate::guard::SignedIn;
use crate::problem::ApiJson;

/// Continues a conversation.
pub(in super::super) async fn create_chat_completion(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiJson(body): ApiJson<Value>,
) -> Result<Response, Failure> {
    let request = ChatRequest::read(&body, chance())?;
    // As values it takes many times its length, and answers take long.
    drop(body);
    let model = Model::find(&state, caller.user, &request.model).await?;
    let head = ChatHead {
        id: passing_id("chatcmpl-"),
        created: state.clock.now().timestamp(),
        model: request.model.clone(),
    };
    let refused = |fault: Fault| ChatRequest::refusal(&fault);
    let (first, mut answer) = model.ask(&state.serving, |files| request.ask(files)).await.map_err(refused)?;
    if request.stream {
        return Ok(stream((first, answer), ChatStream::new(head, &request), state.shutdown));
    }
    let mut whole = ChatAnswer::new(head, request.choices, request.wants_logprobs());
    let mut event = first;
    loop {
        whole.take(&event);
        if event.is_last() {
            return Ok(Json(whole.finish()).into_response());
        }
        event = answer.next().await.map_err(refused)?;
    }
}

impl Wording for ChatStream {
    fn events_of(&mut self, event: &AnswerEvent) -> Vec<Event> {
        events(self.take(event))
    }

    fn events_of_fault(&mut self, fault: &Fault) -> Vec<Event> {
        events(Self::fail(fault))
    }
}

fn events(data: serde_json::Result<Vec<String>>) -> Vec<Event> {
    let data = data.unwrap_or_else(|error| {
        tracing::error!(%error, "a part of an answer could not be written");
        Vec::new()
    });
    data.into_iter().map(|data| Event::default().data(data)).collect()
}
