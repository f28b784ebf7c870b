//! A response as it grows: events in the order in which clients expect them, numbered.

use gradus_app::serving::Fault;
use gradus_app::serving::protocol::{AnswerEvent, ScoredToken};
use serde::Serialize;

use super::super::{TokenLogprob, logprobs};
use super::response::{OutputItem, OutputText, Response, ResponseAnswer};
use super::{ResponseHead, ResponseRequest};

/// An event of a stream.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ResponseEvent {
    /// Its name, which is also that of the server-sent event.
    pub r#type: &'static str,
    /// Its number, from 0.
    pub sequence_number: u64,
    #[serde(flatten)]
    content: Content,
}

/// What events tell.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
enum Content {
    /// How the whole response is.
    Response { response: Box<Response> },
    /// A message begins or is complete.
    Item { output_index: usize, item: OutputItem },
    /// Its text begins or is complete.
    Part { item_id: String, output_index: usize, content_index: usize, part: OutputText },
    /// There is more text.
    Delta {
        item_id: String,
        output_index: usize,
        content_index: usize,
        delta: String,
        logprobs: Vec<TokenLogprob>,
    },
    /// The text is complete.
    Text {
        item_id: String,
        output_index: usize,
        content_index: usize,
        text: String,
        logprobs: Vec<TokenLogprob>,
    },
}

/// Turns what happens to a request into events.
#[derive(Debug)]
pub struct ResponseStream {
    head: ResponseHead,
    answer: ResponseAnswer,
    next_number: u64,
}

impl ResponseStream {
    /// The stream that a request asks for. A failure before [`AnswerEvent::Accepted`] is better told as an
    /// answer of its own than as a stream.
    pub fn new(head: ResponseHead, request: &ResponseRequest) -> Self {
        let answer = ResponseAnswer::new(&head, request);
        Self { head, answer, next_number: 0 }
    }

    /// The events that follow from one of the model's.
    pub fn take(&mut self, event: &AnswerEvent) -> Vec<ResponseEvent> {
        self.answer.take(event);
        match event {
            AnswerEvent::Accepted { .. } => self.begin(),
            AnswerEvent::Piece { text, tokens, .. } => vec![self.delta(text, tokens)],
            // Told with the end, when it is known what it took.
            AnswerEvent::ChoiceEnded { .. } => Vec::new(),
            AnswerEvent::Ended { .. } => self.end(),
            AnswerEvent::Failed(_) => vec![self.ended("response.failed")],
        }
    }

    /// The event that ends a stream which fails on its way.
    pub fn fail(&mut self, fault: &Fault) -> Vec<ResponseEvent> {
        self.take(&AnswerEvent::Failed(fault.clone()))
    }

    fn begin(&mut self) -> Vec<ResponseEvent> {
        let response = || Content::Response { response: Box::new(self.answer.begun()) };
        let (created, in_progress) = (response(), response());
        let item = Content::Item { output_index: 0, item: self.answer.item("in_progress", Vec::new()) };
        let part = self.part(OutputText::new(String::new(), Vec::new()));
        vec![
            self.event("response.created", created),
            self.event("response.in_progress", in_progress),
            self.event("response.output_item.added", item),
            self.event("response.content_part.added", part),
        ]
    }

    fn delta(&mut self, text: &str, tokens: &[ScoredToken]) -> ResponseEvent {
        let content = Content::Delta {
            item_id: self.head.message_id.clone(),
            output_index: 0,
            content_index: 0,
            delta: text.to_owned(),
            logprobs: logprobs::of(tokens),
        };
        self.event("response.output_text.delta", content)
    }

    fn end(&mut self) -> Vec<ResponseEvent> {
        let content = self.answer.content();
        let text = Content::Text {
            item_id: self.head.message_id.clone(),
            output_index: 0,
            content_index: 0,
            text: content.text.clone(),
            logprobs: content.logprobs.clone(),
        };
        let status = self.answer.item_status();
        let item = self.answer.item(status, vec![content.clone()]);
        let part = self.part(content);
        let last = if status == "completed" { "response.completed" } else { "response.incomplete" };
        vec![
            self.event("response.output_text.done", text),
            self.event("response.content_part.done", part),
            self.event("response.output_item.done", Content::Item { output_index: 0, item }),
            self.ended(last),
        ]
    }

    fn part(&self, part: OutputText) -> Content {
        Content::Part { item_id: self.head.message_id.clone(), output_index: 0, content_index: 0, part }
    }

    fn ended(&mut self, name: &'static str) -> ResponseEvent {
        let response = Box::new(self.answer.clone().finish());
        self.event(name, Content::Response { response })
    }

    fn event(&mut self, name: &'static str, content: Content) -> ResponseEvent {
        let sequence_number = self.next_number;
        self.next_number += 1;
        ResponseEvent { r#type: name, sequence_number, content }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradus_app::serving::FaultKind;
    use gradus_app::serving::protocol::{EndReason, NamedToken, Usage};
    use serde_json::{Value, json};

    fn events(model: &[AnswerEvent]) -> Vec<Value> {
        let body = json!({ "model": "m", "input": "hello", "stream": true, "top_logprobs": 1 });
        let request = ResponseRequest::read(&body, 0).unwrap();
        let head = ResponseHead { id: "resp_1".into(), message_id: "msg_1".into(), created_at: 5 };
        let mut stream = ResponseStream::new(head, &request);
        let events = model.iter().flat_map(|event| stream.take(event));
        events.map(|event| serde_json::to_value(event).unwrap()).collect()
    }

    fn accepted() -> AnswerEvent {
        AnswerEvent::Accepted { prompt_tokens: 3, fingerprint: "f".into() }
    }

    fn piece(text: &str) -> AnswerEvent {
        let token = NamedToken { bytes: text.as_bytes().to_vec(), log_probability: -1.0 };
        let tokens = vec![ScoredToken { token: token.clone(), alternatives: vec![token] }];
        AnswerEvent::Piece { choice: 0, text: text.into(), tokens }
    }

    fn whole(reason: EndReason) -> Vec<Value> {
        events(&[
            accepted(),
            piece("a"),
            piece("b"),
            AnswerEvent::ChoiceEnded { choice: 0, reason },
            AnswerEvent::Ended { usage: Usage { prompt_tokens: 3, cached_tokens: 0, completion_tokens: 2 } },
        ])
    }

    #[test]
    fn events_come_in_the_order_that_clients_expect_and_are_numbered() {
        let events = whole(EndReason::Stop);
        let names: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
        let expected = [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ];
        assert_eq!(names, expected);
        for (number, event) in events.iter().enumerate() {
            assert_eq!(event["sequence_number"], number);
        }
    }

    #[test]
    fn what_is_told_of_one_thing_agrees_from_event_to_event() {
        let events = whole(EndReason::Stop);
        assert_eq!(events[0]["response"]["status"], "in_progress");
        assert_eq!(
            events[2]["item"],
            json!({ "type": "message", "id": "msg_1", "status": "in_progress", "role": "assistant", "content": [] })
        );
        assert_eq!(events[3]["part"]["text"], "", "text begins empty");
        assert_eq!((&events[4]["delta"], &events[5]["delta"]), (&json!("a"), &json!("b")));
        assert_eq!(events[4]["logprobs"][0]["top_logprobs"][0]["token"], "a");
        assert_eq!((&events[6]["text"], &events[7]["part"]["text"]), (&json!("ab"), &json!("ab")));
        assert_eq!(events[8]["item"], events[9]["response"]["output"][0]);
        assert_eq!(events[9]["response"]["usage"]["total_tokens"], 5);
        for event in &events[3..8] {
            let place = (&event["item_id"], &event["output_index"], &event["content_index"]);
            assert_eq!(place, (&json!("msg_1"), &json!(0), &json!(0)));
        }
        for index in [0, 1, 9] {
            assert_eq!(events[index]["response"]["id"], "resp_1");
        }
    }

    #[test]
    fn a_response_at_its_limit_ends_as_incomplete() {
        let events = whole(EndReason::Length);
        let last = events.last().unwrap();
        assert_eq!(
            (&last["type"], &last["response"]["status"]),
            (&json!("response.incomplete"), &json!("incomplete"))
        );
        assert_eq!(events[8]["item"]["status"], "incomplete");
    }

    #[test]
    fn a_failure_on_the_way_ends_the_stream_with_a_failed_response() {
        let events =
            events(&[accepted(), piece("a"), AnswerEvent::Failed(Fault::new(FaultKind::Lost, "killed"))]);
        let last = events.last().unwrap();
        assert_eq!((events.len(), &last["type"]), (6, &json!("response.failed")));
        assert_eq!(last["response"]["error"]["code"], "server_error");
        assert_eq!(last["response"]["output"][0]["content"][0]["text"], "a", "what there is of it");
    }
}
