//! What server and worker process say to each other: one JSON object a line. Requests go by numbers that
//! the server gives.

use serde::{Deserialize, Serialize};

use super::{Ask, Asker, Fault};

/// From the server to the worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// A conversation is to be continued.
    Ask {
        /// The request's number.
        id: u64,
        /// Who asks.
        asker: Asker,
        /// What is asked.
        ask: Box<Ask>,
    },
    /// Nobody waits for the answer any more.
    Cancel {
        /// The request's number.
        id: u64,
    },
}

/// From the worker to the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// Something happened to a request.
    Answer {
        /// The request's number.
        id: u64,
        /// What.
        event: AnswerEvent,
    },
    /// How the worker is.
    Status(Status),
}

/// What happens to a request, in this order: accepted, pieces and ends of its choices, ended. It can fail
/// at any time, and nothing follows then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerEvent {
    /// Its model is there and it can be answered.
    Accepted {
        /// Tokens of the conversation.
        prompt_tokens: usize,
        /// Identifies the weights that answer.
        fingerprint: String,
    },
    /// A choice has more text.
    Piece {
        /// Which choice.
        choice: usize,
        /// Whole characters, and nothing of a text that ends it.
        text: String,
        /// The tokens whose text is given out with it, if probabilities were asked for.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tokens: Vec<ScoredToken>,
    },
    /// A choice is done.
    ChoiceEnded {
        /// Which choice.
        choice: usize,
        /// Why.
        reason: EndReason,
    },
    /// All choices are done.
    Ended {
        /// What it took.
        usage: Usage,
    },
    /// There is no answer.
    Failed(Fault),
}

impl AnswerEvent {
    /// Whether nothing follows.
    pub fn is_last(&self) -> bool {
        matches!(self, Self::Ended { .. } | Self::Failed(_))
    }
}

/// Why a choice ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// By itself, by a text that ends it, or because what it is held to is complete.
    Stop,
    /// At the limit of tokens or of the model's context.
    Length,
}

/// What a request took, in tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Of the conversation.
    pub prompt_tokens: usize,
    /// How many of them had been read for requests before.
    pub cached_tokens: usize,
    /// Of all answers.
    pub completion_tokens: usize,
}

/// A token of an answer, and how probable the model held it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoredToken {
    /// The token.
    #[serde(flatten)]
    pub token: NamedToken,
    /// The most probable tokens in its place, most probable first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<NamedToken>,
}

/// A token by its bytes, which need not be whole characters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NamedToken {
    /// What it stands for.
    pub bytes: Vec<u8>,
    /// Natural logarithm of its probability, at least [`NamedToken::LEAST`].
    pub log_probability: f32,
}

impl NamedToken {
    /// Stands for everything that is less probable, so that no number is infinite.
    pub const LEAST: f32 = -9999.0;
}

/// How a worker is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Requests that are being answered.
    pub running: usize,
    /// Requests that wait for a model or for room.
    pub waiting: usize,
    /// Models in memory.
    pub models: usize,
    /// Tokens generated so far.
    pub generated_tokens: u64,
    /// Tokens that went through models so far: conversations and answers.
    pub read_tokens: u64,
    /// Tokens generated in each second since the last status.
    pub tokens_per_second: f64,
    /// Memory that the process holds, in bytes, where the system tells.
    pub memory_bytes: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serving::{FaultKind, Sampling, ServedModel};
    use gradus_engine::chat::{Message, Role};

    fn comes_back<T>(value: &T)
    where
        T: Serialize + for<'a> Deserialize<'a> + PartialEq + std::fmt::Debug,
    {
        let line = serde_json::to_string(value).unwrap();
        assert!(!line.contains('\n'), "{line}");
        assert_eq!(serde_json::from_str::<T>(&line).unwrap(), *value, "{line}");
    }

    #[test]
    fn every_message_is_one_line_and_comes_back_as_it_was() {
        let mut sampling = Sampling { seed: u64::MAX, temperature: 0.1, ..Sampling::default() };
        sampling.logit_bias.insert(7, -1.5);
        let ask = Ask {
            model: ServedModel::base("/models/a b"),
            messages: vec![Message::new(Role::User, "line\nline \u{2028}\u{0}")],
            choices: 2,
            sampling,
            format: Some(crate::answering::AnswerFormat::JsonSchema(serde_json::json!({ "type": "object" }))),
        };
        comes_back(&Command::Ask { id: 1, asker: Asker::default(), ask: Box::new(ask) });
        comes_back(&Command::Cancel { id: u64::MAX });
        let named = |log_probability| NamedToken { bytes: vec![0xE2, 0x82], log_probability };
        let tokens = vec![ScoredToken { token: named(-0.1), alternatives: vec![named(NamedToken::LEAST)] }];
        let events = [
            AnswerEvent::Accepted { prompt_tokens: 3, fingerprint: "f".into() },
            AnswerEvent::Piece { choice: 1, text: "a\n".into(), tokens },
            AnswerEvent::ChoiceEnded { choice: 1, reason: EndReason::Length },
            AnswerEvent::Ended { usage: Usage::default() },
            AnswerEvent::Failed(Fault::new(FaultKind::TooLong, "long\nlong")),
        ];
        assert_eq!(
            events.iter().map(AnswerEvent::is_last).collect::<Vec<_>>(),
            [false, false, false, true, true]
        );
        for event in events {
            comes_back(&Report::Answer { id: 5, event });
        }
        comes_back(&Report::Status(Status { tokens_per_second: 12.5, ..Status::default() }));
    }
}
