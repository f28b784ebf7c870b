//! A whole response.

use gradus_app::serving::Fault;
use gradus_app::serving::protocol::{AnswerEvent, EndReason, Usage};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::super::{TokenLogprob, logprobs};
use super::{ResponseHead, ResponseRequest};

/// A response. What a field is for and what it may be is OpenAI's; those that are always the same stand for
/// what this server does not do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Response {
    /// Unique.
    pub id: String,
    /// `response`.
    pub object: &'static str,
    /// In seconds since 1970.
    pub created_at: i64,
    /// `in_progress`, `completed`, `incomplete` or `failed`.
    pub status: &'static str,
    /// Always false.
    pub background: bool,
    /// Why it failed.
    pub error: Option<ResponseError>,
    /// Why it is not complete.
    pub incomplete_details: Option<IncompleteDetails>,
    /// As given.
    pub instructions: Option<String>,
    /// As given.
    pub max_output_tokens: Option<usize>,
    /// Always absent.
    pub max_tool_calls: Option<usize>,
    /// The model, by the name it was asked for.
    pub model: String,
    /// What the model says: one message, once it has begun.
    pub output: Vec<OutputItem>,
    /// Of no meaning without tools.
    pub parallel_tool_calls: bool,
    /// Always absent.
    pub previous_response_id: Option<String>,
    /// Always without content.
    pub reasoning: Value,
    /// Always `default`.
    pub service_tier: &'static str,
    /// Always false: nothing is stored.
    pub store: bool,
    /// As given, or 1.
    pub temperature: f64,
    /// What the text is held to.
    pub text: Value,
    /// Of no meaning without tools.
    pub tool_choice: &'static str,
    /// Always empty.
    pub tools: Vec<Value>,
    /// As given, or 0.
    pub top_logprobs: usize,
    /// As given, or 1.
    pub top_p: f64,
    /// Always `disabled`.
    pub truncation: &'static str,
    /// What it took, once that is known.
    pub usage: Option<ResponseUsage>,
    /// As given.
    pub user: Option<String>,
    /// As given.
    pub metadata: Map<String, Value>,
}

/// Why a response failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResponseError {
    /// A word for programs.
    pub code: &'static str,
    /// What happened.
    pub message: String,
}

/// Why a response is not complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct IncompleteDetails {
    /// `max_output_tokens`.
    pub reason: &'static str,
}

/// What the model says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OutputItem {
    /// `message`.
    pub r#type: &'static str,
    /// Unique.
    pub id: String,
    /// `in_progress`, `completed` or `incomplete`.
    pub status: &'static str,
    /// `assistant`.
    pub role: &'static str,
    /// One part, once it has begun.
    pub content: Vec<OutputText>,
}

/// Text that the model says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OutputText {
    /// `output_text`.
    pub r#type: &'static str,
    /// The text.
    pub text: String,
    /// Always empty.
    pub annotations: Vec<Value>,
    /// How probable its tokens were; empty where that was not asked for.
    pub logprobs: Vec<TokenLogprob>,
}

impl OutputText {
    pub(super) fn new(text: String, logprobs: Vec<TokenLogprob>) -> Self {
        Self { r#type: "output_text", text, annotations: Vec::new(), logprobs }
    }
}

/// What a response took, in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ResponseUsage {
    /// Of the conversation.
    pub input_tokens: usize,
    /// More about them.
    pub input_tokens_details: InputTokensDetails,
    /// Of the response.
    pub output_tokens: usize,
    /// More about them.
    pub output_tokens_details: OutputTokensDetails,
    /// Of both.
    pub total_tokens: usize,
}

/// More about the tokens of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct InputTokensDetails {
    /// Had been read for requests before.
    pub cached_tokens: usize,
    /// Were read now, and are kept for requests to come as long as there is room.
    pub cache_write_tokens: usize,
}

/// More about the tokens of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OutputTokensDetails {
    /// Always 0: nothing is thought that is not said.
    pub reasoning_tokens: usize,
}

impl From<Usage> for ResponseUsage {
    fn from(usage: Usage) -> Self {
        let Usage { prompt_tokens, cached_tokens, completion_tokens } = usage;
        Self {
            input_tokens: prompt_tokens,
            input_tokens_details: InputTokensDetails {
                cached_tokens,
                cache_write_tokens: prompt_tokens.saturating_sub(cached_tokens),
            },
            output_tokens: completion_tokens,
            output_tokens_details: OutputTokensDetails { reasoning_tokens: 0 },
            total_tokens: prompt_tokens + completion_tokens,
        }
    }
}

impl Response {
    /// One that has just begun.
    pub(super) fn begun(head: &ResponseHead, request: &ResponseRequest) -> Self {
        Self {
            id: head.id.clone(),
            object: "response",
            created_at: head.created_at,
            status: "in_progress",
            background: false,
            error: None,
            incomplete_details: None,
            instructions: request.instructions.clone(),
            max_output_tokens: request.max_output_tokens,
            max_tool_calls: None,
            model: request.model.clone(),
            output: Vec::new(),
            parallel_tool_calls: true,
            previous_response_id: None,
            reasoning: json!({ "effort": null, "summary": null }),
            service_tier: "default",
            store: false,
            temperature: request.temperature,
            text: json!({ "format": request.text_format, "verbosity": "medium" }),
            tool_choice: "auto",
            tools: Vec::new(),
            top_logprobs: request.top_logprobs,
            top_p: request.top_p,
            truncation: "disabled",
            usage: None,
            user: request.user.clone(),
            metadata: request.metadata.clone(),
        }
    }
}

/// Puts a response together from what happens to its request.
#[derive(Debug, Clone)]
pub struct ResponseAnswer {
    message_id: String,
    response: Response,
    text: String,
    logprobs: Vec<TokenLogprob>,
    reason: Option<EndReason>,
}

impl ResponseAnswer {
    /// A response of which nothing is known yet.
    pub fn new(head: &ResponseHead, request: &ResponseRequest) -> Self {
        Self {
            message_id: head.message_id.clone(),
            response: Response::begun(head, request),
            text: String::new(),
            logprobs: Vec::new(),
            reason: None,
        }
    }

    /// Takes the next event.
    pub fn take(&mut self, event: &AnswerEvent) {
        match event {
            AnswerEvent::Accepted { .. } => {}
            AnswerEvent::Piece { text, tokens, .. } => {
                self.text.push_str(text);
                self.logprobs.extend(logprobs::of(tokens));
            }
            AnswerEvent::ChoiceEnded { reason, .. } => self.reason = Some(*reason),
            AnswerEvent::Ended { usage } => self.response.usage = Some((*usage).into()),
            AnswerEvent::Failed(fault) => self.fail(fault),
        }
    }

    fn fail(&mut self, fault: &Fault) {
        let message = ResponseRequest::refusal(fault).message;
        self.response.status = "failed";
        self.response.error = Some(ResponseError { code: "server_error", message });
    }

    /// The response before anything was said.
    pub(super) fn begun(&self) -> Response {
        self.response.clone()
    }

    /// What is said, as it is when all is said.
    pub(super) fn content(&self) -> OutputText {
        OutputText::new(self.text.clone(), self.logprobs.clone())
    }

    /// The message, with that content.
    pub(super) fn item(&self, status: &'static str, content: Vec<OutputText>) -> OutputItem {
        OutputItem { r#type: "message", id: self.message_id.clone(), status, role: "assistant", content }
    }

    /// `completed`, or `incomplete` where the limit of tokens was reached or the answer broke off.
    pub(super) fn item_status(&self) -> &'static str {
        match self.reason {
            Some(EndReason::Stop) => "completed",
            Some(EndReason::Length) | None => "incomplete",
        }
    }

    /// The response as it is then.
    pub fn finish(self) -> Response {
        let item = self.item(self.item_status(), vec![self.content()]);
        let mut response = self.response;
        response.output = vec![item];
        if response.error.is_none() {
            let is_cut = self.reason == Some(EndReason::Length);
            response.status = if is_cut { "incomplete" } else { "completed" };
            response.incomplete_details = is_cut.then_some(IncompleteDetails { reason: "max_output_tokens" });
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(reason: EndReason) -> Value {
        let body = json!({ "model": "m", "input": "hello", "instructions": "i", "metadata": { "a": "b" } });
        let request = ResponseRequest::read(&body, 0).unwrap();
        let head = ResponseHead { id: "resp_1".into(), message_id: "msg_1".into(), created_at: 5 };
        let mut answer = ResponseAnswer::new(&head, &request);
        for event in [
            AnswerEvent::Accepted { prompt_tokens: 3, fingerprint: "f".into() },
            AnswerEvent::Piece { choice: 0, text: "a".into(), tokens: Vec::new() },
            AnswerEvent::Piece { choice: 0, text: "b".into(), tokens: Vec::new() },
            AnswerEvent::ChoiceEnded { choice: 0, reason },
            AnswerEvent::Ended { usage: Usage { prompt_tokens: 3, cached_tokens: 1, completion_tokens: 2 } },
        ] {
            answer.take(&event);
        }
        serde_json::to_value(answer.finish()).unwrap()
    }

    #[test]
    fn events_become_one_message() {
        let response = answer(EndReason::Stop);
        assert_eq!((&response["id"], &response["object"]), (&json!("resp_1"), &json!("response")));
        assert_eq!((&response["status"], &response["error"]), (&json!("completed"), &Value::Null));
        let content = json!([{ "type": "output_text", "text": "ab", "annotations": [], "logprobs": [] }]);
        let message = json!({ "type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": content });
        assert_eq!(response["output"], json!([message]));
        let usage = json!({
            "input_tokens": 3, "input_tokens_details": { "cached_tokens": 1, "cache_write_tokens": 2 },
            "output_tokens": 2, "output_tokens_details": { "reasoning_tokens": 0 }, "total_tokens": 5,
        });
        assert_eq!(response["usage"], usage);
        assert_eq!((&response["instructions"], &response["metadata"]), (&json!("i"), &json!({ "a": "b" })));
        assert_eq!(response["text"]["format"], json!({ "type": "text" }));
    }

    #[test]
    fn a_response_at_its_limit_is_incomplete() {
        let response = answer(EndReason::Length);
        assert_eq!(response["status"], "incomplete");
        assert_eq!(response["incomplete_details"], json!({ "reason": "max_output_tokens" }));
        assert_eq!(response["output"][0]["status"], "incomplete");
    }
}
