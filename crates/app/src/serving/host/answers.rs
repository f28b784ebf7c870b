//! Answers as they grow: what the generator says of its requests becomes what is told of ours, one of which
//! may have several choices.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use gradus_engine::generation::{Event, FinishReason, GeneratedToken, RequestId, TokenProbability};
use gradus_engine::tokenizer::Tokenizer;

use super::adapters::HeldAdapter;
use super::model::{Counters, Voice};
use super::preparing::Prepared;
use super::ticket::Ticket;
use crate::serving::Fault;
use crate::serving::protocol::{AnswerEvent, EndReason, NamedToken, ScoredToken, Usage};

/// Answers of one model.
pub(super) struct Answers<'a> {
    voice: &'a Voice,
    /// By the number of their first choice.
    answers: BTreeMap<RequestId, Answer>,
    /// The answer and the choice that a request of the generator is for.
    choices: BTreeMap<RequestId, (RequestId, usize)>,
    counters: &'a Counters,
}

struct Answer {
    ticket: Ticket,
    /// Held as long as the answer grows.
    adapter: Option<Arc<HeldAdapter>>,
    choices: Vec<Choice>,
    usage: Usage,
}

struct Choice {
    request: RequestId,
    /// Tokens whose text is not given out yet.
    held: VecDeque<ScoredToken>,
    ended: bool,
}

impl<'a> Answers<'a> {
    pub(super) fn new(voice: &'a Voice, counters: &'a Counters) -> Self {
        Self { voice, answers: BTreeMap::new(), choices: BTreeMap::new(), counters }
    }

    /// How many answers grow.
    pub(super) fn len(&self) -> usize {
        self.answers.len()
    }

    /// An answer begins whose choices are those requests.
    pub(super) fn begin(&mut self, request: Prepared, requests: &[RequestId]) {
        let Prepared { mut ticket, prompt, adapter, .. } = request;
        let weights =
            [Some(self.voice.fingerprint.as_str()), adapter.as_ref().map(|held| held.fingerprint.as_str())];
        let weights: Vec<&str> = weights.into_iter().flatten().collect();
        let prompt_tokens = prompt.len();
        let fingerprint = blake3::hash(weights.join("+").as_bytes()).to_hex().to_string();
        ticket.tell(AnswerEvent::Accepted { prompt_tokens, fingerprint });
        let Some(first) = requests.first().copied() else {
            return ticket.tell(AnswerEvent::Ended { usage: Usage { prompt_tokens, ..Usage::default() } });
        };
        let choice = |request: &RequestId| Choice { request: *request, held: VecDeque::new(), ended: false };
        for (index, request) in requests.iter().enumerate() {
            self.choices.insert(*request, (first, index));
        }
        self.answers.insert(
            first,
            Answer {
                ticket,
                adapter,
                choices: requests.iter().map(choice).collect(),
                usage: Usage { prompt_tokens, ..Usage::default() },
            },
        );
    }

    /// Requests of answers that nobody waits for any more, which are forgotten.
    pub(super) fn cancelled(&mut self) -> Vec<RequestId> {
        let cancelled = self.answers.iter().filter(|(_, answer)| answer.ticket.is_cancelled());
        let cancelled: Vec<RequestId> = cancelled.map(|(id, _)| *id).collect();
        cancelled.into_iter().flat_map(|id| self.forget(id).map_or_else(Vec::new, |(_, rest)| rest)).collect()
    }

    /// Takes an event of the generator; returns requests that are not needed any more because of it.
    pub(super) fn take(&mut self, event: Event) -> Vec<RequestId> {
        match event {
            Event::Token { request, token } => self.grow(request, &token),
            Event::Finished { request, reason, reused } => self.end(request, reason, reused),
            Event::Failed { request, error } => {
                let Some((id, _)) = self.choices.get(&request).copied() else { return Vec::new() };
                let Some((answer, rest)) = self.forget(id) else { return Vec::new() };
                answer.ticket.fail(error.into());
                return rest;
            }
        }
        Vec::new()
    }

    /// The mathematics failed, for all.
    pub(super) fn fail_all(&mut self, fault: &Fault) {
        self.choices.clear();
        for answer in std::mem::take(&mut self.answers).into_values() {
            answer.ticket.fail(fault.clone());
        }
    }

    fn grow(&mut self, request: RequestId, token: &GeneratedToken) {
        let tokenizer = &self.voice.tokenizer;
        let Some((id, index)) = self.choices.get(&request).copied() else { return };
        let Some(answer) = self.answers.get_mut(&id) else { return };
        if token.token.is_some() {
            answer.usage.completion_tokens += 1;
            self.counters.generated.fetch_add(1, Ordering::Relaxed);
        }
        let choice = &mut answer.choices[index];
        choice.held.extend(scored(token, tokenizer));
        let decided = choice.held.len().saturating_sub(token.undecided);
        let tokens: Vec<ScoredToken> = choice.held.drain(..decided).collect();
        if !token.text.is_empty() || !tokens.is_empty() {
            let text = token.text.clone();
            answer.ticket.tell(AnswerEvent::Piece { choice: index, text, tokens });
        }
    }

    fn end(&mut self, request: RequestId, reason: FinishReason, reused: usize) {
        let Some((id, index)) = self.choices.get(&request).copied() else { return };
        let Some(answer) = self.answers.get_mut(&id) else { return };
        answer.choices[index].ended = true;
        if index == 0 {
            answer.usage.cached_tokens = reused;
        }
        let reason = match reason {
            FinishReason::Stop => EndReason::Stop,
            FinishReason::Length => EndReason::Length,
        };
        answer.ticket.tell(AnswerEvent::ChoiceEnded { choice: index, reason });
        if answer.choices.iter().all(|choice| choice.ended)
            && let Some((mut answer, _)) = self.forget(id)
        {
            // Whoever hears of the end finds what it took free again.
            answer.adapter = None;
            answer.ticket.tell(AnswerEvent::Ended { usage: answer.usage });
        }
    }

    /// The answer and those of its requests that had not ended.
    fn forget(&mut self, id: RequestId) -> Option<(Answer, Vec<RequestId>)> {
        let answer = self.answers.remove(&id)?;
        for choice in &answer.choices {
            self.choices.remove(&choice.request);
        }
        let rest = answer.choices.iter().filter(|choice| !choice.ended).map(|choice| choice.request);
        let rest = rest.collect();
        Some((answer, rest))
    }
}

/// A token with its probability, where that was asked for.
fn scored(token: &GeneratedToken, tokenizer: &Tokenizer) -> Option<ScoredToken> {
    let name = |one: &TokenProbability| NamedToken {
        bytes: tokenizer.token_bytes(one.token).unwrap_or_default(),
        log_probability: one.log_probability.max(NamedToken::LEAST),
    };
    let alternatives = token.alternatives.iter().map(name).collect();
    Some(ScoredToken { token: name(token.probability.as_ref()?), alternatives })
}
