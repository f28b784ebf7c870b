//! A model's answer as it comes, with what it needs until its end: the model's files, and how its faults are logged.

use gradus_app::service::serving::AskedModel;
use gradus_app::serving::protocol::AnswerEvent;
use gradus_app::serving::{Answering, Ask, Fault, FaultKind, ServedModel, Serving};
use gradus_app::store::Whose;
use gradus_domain::UserId;

use super::super::Refusal;
use super::super::failure::Failure;
use crate::ServerState;
use crate::guard::RequestId;

/// A model that somebody may ask.
pub(super) struct Model {
    asked: AskedModel,
    log: FaultLog,
}

/// An answer as it comes. Dropping it tells the model that nobody waits for the rest.
pub(super) struct Answer {
    answering: Answering,
    log: FaultLog,
    /// The files stay for as long as they may be read.
    _model: AskedModel,
}

/// What the log says of each fault of a request.
struct FaultLog {
    request_id: RequestId,
    model: String,
}

impl Model {
    /// The model of a name.
    pub(super) async fn find(
        state: &ServerState,
        user: UserId,
        name: &str,
        request_id: RequestId,
    ) -> Result<Self, Failure> {
        let asked = state.services.asked_model(Whose::Of(user), name).await?;
        let asked = asked.ok_or_else(|| Refusal::no_such_model(name))?;
        Ok(Self { asked, log: FaultLog { request_id, model: name.to_owned() } })
    }

    /// Asks it. The first event comes before anything is answered, so that a fault before it is an answer of its own.
    pub(super) async fn ask(
        self,
        serving: &Serving,
        ask: impl FnOnce(ServedModel) -> Ask,
    ) -> Result<(AnswerEvent, Answer), Fault> {
        let Self { asked, log } = self;
        let answering = serving.ask(ask(asked.files.clone())).await.inspect_err(|fault| log.note(fault))?;
        let mut answer = Answer { answering, log, _model: asked };
        let first = answer.next().await?;
        Ok((first, answer))
    }
}

impl Answer {
    /// What happens next.
    ///
    /// # Errors
    /// The fault that ends it; so does an end that does not come.
    pub(super) async fn next(&mut self) -> Result<AnswerEvent, Fault> {
        let cut_off = || Err(Fault::new(FaultKind::Failed, "the answer has no end"));
        let next = self.answering.next().await.unwrap_or_else(cut_off);
        next.inspect_err(|fault| self.log.note(fault))
    }
}

impl FaultLog {
    /// Whoever asked is told their own faults, and is kept from what the server's are.
    fn note(&self, fault: &Fault) {
        use FaultKind::{
            Busy, Conversation, Failed, Format, Lost, Memory, Model, Options, Slow, Stopping, TooLong,
        };
        let (request_id, model) = (&self.request_id, &self.model);
        let cause = fault.message.replace(['\r', '\n'], " ");
        match fault.kind {
            Conversation | TooLong | Format | Options => {}
            Busy | Stopping | Slow => tracing::warn!(%request_id, model, cause, "a model gave no answer"),
            Model | Memory | Lost | Failed => {
                tracing::error!(%request_id, model, cause, "a model gave no answer");
            }
        }
    }
}
