//! A chat completion as it grows: the data of server-sent events, in the order in which clients expect them.

use gradus_app::serving::Fault;
use gradus_app::serving::protocol::AnswerEvent;
use serde::Serialize;

use super::super::logprobs;
use super::completion::{ChatUsage, ChoiceLogprobs, finish_reason};
use super::{ChatHead, ChatRequest, system_fingerprint};

/// The data of the last event.
const DONE: &str = "[DONE]";

/// A part of an answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChatChunk {
    /// The answer's.
    pub id: String,
    /// `chat.completion.chunk`.
    pub object: &'static str,
    /// In seconds since 1970.
    pub created: i64,
    /// The model, by the name it was asked for.
    pub model: String,
    /// Identifies what computes it.
    pub system_fingerprint: Option<String>,
    /// What there is of which answer; none where the chunk says what all took.
    pub choices: Vec<ChunkChoice>,
    /// What it took, in the last chunk: absent where it was not asked for, else null until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Option<ChatUsage>>,
}

/// A part of one answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChunkChoice {
    /// The answer's number.
    pub index: usize,
    /// What is new.
    pub delta: Delta,
    /// Of the tokens of the new text, where asked for.
    pub logprobs: Option<ChoiceLogprobs>,
    /// Why it ended, if it did.
    pub finish_reason: Option<&'static str>,
}

/// What is new.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Delta {
    /// In the first chunk of an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<&'static str>,
    /// Text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
}

/// Turns what happens to a request into the data of server-sent events.
#[derive(Debug)]
pub struct ChatStream {
    head: ChatHead,
    choices: usize,
    with_logprobs: bool,
    include_usage: bool,
    system_fingerprint: Option<String>,
}

impl ChatStream {
    /// The stream that a request asks for. A failure before [`AnswerEvent::Accepted`] is better told as an
    /// answer of its own than as a stream.
    pub fn new(head: ChatHead, request: &ChatRequest) -> Self {
        Self {
            head,
            choices: request.choices,
            with_logprobs: request.wants_logprobs(),
            include_usage: request.include_usage,
            system_fingerprint: None,
        }
    }

    /// The data of the events that follow from one of the model's.
    ///
    /// # Errors
    /// Where a number cannot be written as JSON, which none of ours is.
    pub fn take(&mut self, event: &AnswerEvent) -> serde_json::Result<Vec<String>> {
        let chunks = match event {
            AnswerEvent::Accepted { fingerprint, .. } => {
                self.system_fingerprint = Some(system_fingerprint(fingerprint));
                let role = |index| {
                    self.choice(index, Delta { role: Some("assistant"), content: Some(String::new()) })
                };
                (0..self.choices).map(|index| self.chunk(vec![role(index)], None)).collect()
            }
            AnswerEvent::Piece { choice, text, tokens } => {
                let mut choice = self.choice(*choice, Delta { role: None, content: Some(text.clone()) });
                choice.logprobs = self
                    .with_logprobs
                    .then(|| ChoiceLogprobs { content: logprobs::of(tokens), refusal: None });
                vec![self.chunk(vec![choice], None)]
            }
            AnswerEvent::ChoiceEnded { choice, reason } => {
                let mut choice = self.choice(*choice, Delta::default());
                choice.finish_reason = Some(finish_reason(*reason));
                vec![self.chunk(vec![choice], None)]
            }
            AnswerEvent::Ended { usage } => {
                let last = self.include_usage.then(|| self.chunk(Vec::new(), Some((*usage).into())));
                let last = last.iter().map(serde_json::to_string);
                return last.chain(std::iter::once(Ok(DONE.to_owned()))).collect();
            }
            AnswerEvent::Failed(fault) => return Self::fail(fault),
        };
        chunks.iter().map(serde_json::to_string).collect()
    }

    /// The data of the event that ends a stream which fails on its way.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub fn fail(fault: &Fault) -> serde_json::Result<Vec<String>> {
        Ok(vec![serde_json::to_string(&ChatRequest::refusal(fault).body())?])
    }

    fn choice(&self, index: usize, delta: Delta) -> ChunkChoice {
        ChunkChoice { index, delta, logprobs: None, finish_reason: None }
    }

    fn chunk(&self, choices: Vec<ChunkChoice>, usage: Option<ChatUsage>) -> ChatChunk {
        let ChatHead { id, created, model } = self.head.clone();
        ChatChunk {
            id,
            object: "chat.completion.chunk",
            created,
            model,
            system_fingerprint: self.system_fingerprint.clone(),
            choices,
            usage: self.include_usage.then_some(usage),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradus_app::serving::FaultKind;
    use gradus_app::serving::protocol::{EndReason, NamedToken, ScoredToken, Usage};
    use serde_json::{Value, json};

    fn stream(more: Value) -> ChatStream {
        let mut body =
            json!({ "model": "m", "messages": [{ "role": "user", "content": "a" }], "stream": true });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let request = ChatRequest::read(&body, 0).unwrap();
        ChatStream::new(ChatHead { id: "chatcmpl-1".into(), created: 5, model: "m".into() }, &request)
    }

    fn accepted() -> AnswerEvent {
        AnswerEvent::Accepted { prompt_tokens: 3, fingerprint: "0123456789abcdef".into() }
    }

    fn sent(stream: &mut ChatStream, events: &[AnswerEvent]) -> Vec<Value> {
        let data = events.iter().flat_map(|event| stream.take(event).unwrap());
        data.map(|data| serde_json::from_str(&data).unwrap_or(Value::String(data))).collect()
    }

    fn piece(choice: usize, text: &str) -> AnswerEvent {
        let token = NamedToken { bytes: text.as_bytes().to_vec(), log_probability: -1.0 };
        AnswerEvent::Piece {
            choice,
            text: text.into(),
            tokens: vec![ScoredToken { token, alternatives: Vec::new() }],
        }
    }

    const USAGE: Usage = Usage { prompt_tokens: 3, cached_tokens: 0, completion_tokens: 2 };

    #[test]
    fn a_stream_is_role_text_end_usage_and_done() {
        let mut stream = stream(json!({ "stream_options": { "include_usage": true } }));
        let data = sent(
            &mut stream,
            &[
                accepted(),
                piece(0, "a"),
                piece(0, "b"),
                AnswerEvent::ChoiceEnded { choice: 0, reason: EndReason::Stop },
                AnswerEvent::Ended { usage: USAGE },
            ],
        );
        assert_eq!(data.len(), 6);
        assert_eq!(
            data[0]["choices"],
            json!([{ "index": 0, "delta": { "role": "assistant", "content": "" },
            "logprobs": null, "finish_reason": null }])
        );
        assert_eq!(data[1]["choices"][0]["delta"], json!({ "content": "a" }));
        assert_eq!(data[1]["choices"][0]["logprobs"], Value::Null, "not asked for");
        assert_eq!(data[3]["choices"][0]["delta"], json!({}));
        assert_eq!(data[3]["choices"][0]["finish_reason"], "stop");
        assert_eq!((&data[4]["choices"], &data[4]["usage"]["total_tokens"]), (&json!([]), &json!(5)));
        assert_eq!(data[5], "[DONE]");
        for chunk in &data[..5] {
            assert_eq!(
                (&chunk["id"], &chunk["created"], &chunk["model"]),
                (&json!("chatcmpl-1"), &json!(5), &json!("m"))
            );
            assert_eq!(chunk["object"], "chat.completion.chunk");
            assert_eq!(chunk["system_fingerprint"], "fp_0123456789");
        }
        for chunk in &data[..4] {
            assert_eq!(chunk.get("usage"), Some(&Value::Null), "null until the last");
        }
    }

    #[test]
    fn without_include_usage_nothing_is_said_of_it() {
        let mut stream = stream(json!({}));
        let data = sent(&mut stream, &[accepted(), AnswerEvent::Ended { usage: USAGE }]);
        assert_eq!(data.len(), 2);
        assert_eq!((data[0].get("usage"), &data[1]), (None, &json!("[DONE]")));
    }

    #[test]
    fn every_choice_begins_with_its_role_in_the_order_of_their_numbers() {
        let mut stream = stream(json!({ "n": 3 }));
        let data = sent(&mut stream, &[accepted(), piece(2, "z")]);
        let indices: Vec<u64> =
            data.iter().map(|chunk| chunk["choices"][0]["index"].as_u64().unwrap()).collect();
        assert_eq!(indices, [0, 1, 2, 2]);
        assert!(data[..3].iter().all(|chunk| chunk["choices"][0]["delta"]["role"] == "assistant"));
        assert_eq!(data[3]["choices"][0]["delta"].get("role"), None);
    }

    #[test]
    fn log_probabilities_come_with_their_text() {
        let mut stream = stream(json!({ "logprobs": true }));
        let data = sent(&mut stream, &[accepted(), piece(0, "a")]);
        let expected = json!({ "content": [{ "token": "a", "logprob": -1.0, "bytes": [97], "top_logprobs": [] }], "refusal": null });
        assert_eq!(data[1]["choices"][0]["logprobs"], expected);
    }

    #[test]
    fn a_failure_on_the_way_is_an_error_event_and_the_end() {
        let mut stream = stream(json!({}));
        let data =
            sent(&mut stream, &[accepted(), AnswerEvent::Failed(Fault::new(FaultKind::Lost, "killed"))]);
        assert_eq!((data.len(), &data[1]["error"]["type"]), (2, &json!("server_error")));
    }
}
