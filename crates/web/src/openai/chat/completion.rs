//! A whole chat completion.

use gradus_app::serving::protocol::{AnswerEvent, EndReason, Usage};
use serde::Serialize;

use super::super::TokenLogprob;
use super::super::logprobs;
use super::{ChatHead, system_fingerprint};

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChatCompletion {
    /// Unique.
    pub id: String,
    /// `chat.completion`.
    pub object: &'static str,
    /// In seconds since 1970.
    pub created: i64,
    /// The model, by the name it was asked for.
    pub model: String,
    /// The answers, by their index.
    pub choices: Vec<ChatChoice>,
    /// What they took.
    pub usage: ChatUsage,
    /// Identifies what computed them.
    pub system_fingerprint: Option<String>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChatChoice {
    /// Its number.
    pub index: usize,
    /// What was said.
    pub message: ChatMessage,
    /// Why it ended.
    pub finish_reason: Option<&'static str>,
    /// How probable its tokens were, where that was asked for.
    pub logprobs: Option<ChoiceLogprobs>,
}

/// What was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChatMessage {
    /// `assistant`.
    pub role: &'static str,
    /// The text.
    pub content: String,
    /// Always absent: a refusal is a text like any other here.
    pub refusal: Option<String>,
}

/// How probable the tokens of an answer were.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChoiceLogprobs {
    /// Of the text.
    pub content: Vec<TokenLogprob>,
    /// Always absent.
    pub refusal: Option<Vec<TokenLogprob>>,
}

/// What an answer took, in tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ChatUsage {
    /// Of the conversation.
    pub prompt_tokens: usize,
    /// Of the answers.
    pub completion_tokens: usize,
    /// Of both.
    pub total_tokens: usize,
    /// More about the conversation.
    pub prompt_tokens_details: PromptTokensDetails,
}

/// More about the tokens of a conversation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PromptTokensDetails {
    /// Had been read for requests before.
    pub cached_tokens: usize,
}

impl From<Usage> for ChatUsage {
    fn from(usage: Usage) -> Self {
        let Usage { prompt_tokens, cached_tokens, completion_tokens } = usage;
        Self {
            prompt_tokens,
            completion_tokens,
            total_tokens: prompt_tokens + completion_tokens,
            prompt_tokens_details: PromptTokensDetails { cached_tokens },
        }
    }
}

/// OpenAI's word for why an answer ended.
pub(super) fn finish_reason(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Stop => "stop",
        EndReason::Length => "length",
    }
}

/// Puts a whole answer together from what happens to its request.
#[derive(Debug)]
pub struct ChatAnswer {
    completion: ChatCompletion,
}

impl ChatAnswer {
    /// An answer with so many choices, of which nothing is known yet.
    pub fn new(head: ChatHead, choices: usize, with_logprobs: bool) -> Self {
        let ChatHead { id, created, model } = head;
        let choice = |index| ChatChoice {
            index,
            message: ChatMessage { role: "assistant", content: String::new(), refusal: None },
            finish_reason: None,
            logprobs: with_logprobs.then(|| ChoiceLogprobs { content: Vec::new(), refusal: None }),
        };
        let choices = (0..choices).map(choice).collect();
        let usage = ChatUsage::default();
        let object = "chat.completion";
        Self {
            completion: ChatCompletion {
                id,
                object,
                created,
                model,
                choices,
                usage,
                system_fingerprint: None,
            },
        }
    }

    /// Takes the next event. A failure is not part of an answer.
    pub fn take(&mut self, event: &AnswerEvent) {
        let completion = &mut self.completion;
        match event {
            AnswerEvent::Accepted { fingerprint, .. } => {
                completion.system_fingerprint = Some(system_fingerprint(fingerprint));
            }
            AnswerEvent::Piece { choice, text, tokens } => {
                if let Some(choice) = completion.choices.get_mut(*choice) {
                    choice.message.content.push_str(text);
                    if let Some(known) = &mut choice.logprobs {
                        known.content.extend(logprobs::of(tokens));
                    }
                }
            }
            AnswerEvent::ChoiceEnded { choice, reason } => {
                if let Some(choice) = completion.choices.get_mut(*choice) {
                    choice.finish_reason = Some(finish_reason(*reason));
                }
            }
            AnswerEvent::Ended { usage } => completion.usage = (*usage).into(),
            AnswerEvent::Failed(_) => {}
        }
    }

    /// The answer as it is then.
    pub fn finish(self) -> ChatCompletion {
        self.completion
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradus_app::serving::protocol::{NamedToken, ScoredToken};
    use serde_json::json;

    #[test]
    fn events_become_one_answer_with_every_choice_in_its_place() {
        let head = ChatHead { id: "chatcmpl-1".into(), created: 5, model: "m".into() };
        let mut answer = ChatAnswer::new(head, 2, true);
        let named = NamedToken { bytes: b"a".to_vec(), log_probability: -0.25 };
        let token = ScoredToken { token: named.clone(), alternatives: vec![named] };
        let piece = |choice, text: &str, tokens| AnswerEvent::Piece { choice, text: text.into(), tokens };
        for event in [
            AnswerEvent::Accepted { prompt_tokens: 3, fingerprint: "0123456789abcdef".into() },
            piece(1, "b", Vec::new()),
            piece(0, "a", vec![token]),
            piece(1, "c", Vec::new()),
            AnswerEvent::ChoiceEnded { choice: 1, reason: EndReason::Length },
            AnswerEvent::ChoiceEnded { choice: 0, reason: EndReason::Stop },
            AnswerEvent::Ended { usage: Usage { prompt_tokens: 3, cached_tokens: 2, completion_tokens: 4 } },
        ] {
            answer.take(&event);
        }
        let logprob = json!({ "token": "a", "logprob": -0.25, "bytes": [97] });
        let mut with_top = logprob.clone();
        with_top["top_logprobs"] = json!([logprob]);
        let choice = |index: usize, text: &str, reason: &str, content: serde_json::Value| {
            json!({ "index": index, "message": { "role": "assistant", "content": text, "refusal": null },
                "finish_reason": reason, "logprobs": { "content": content, "refusal": null } })
        };
        let expected = json!({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 5, "model": "m",
            "choices": [choice(0, "a", "stop", json!([with_top])), choice(1, "bc", "length", json!([]))],
            "usage": { "prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7,
                "prompt_tokens_details": { "cached_tokens": 2 } },
            "system_fingerprint": "fp_0123456789",
        });
        assert_eq!(serde_json::to_value(answer.finish()).unwrap(), expected);
    }
}
