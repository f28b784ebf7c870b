//! A model's answer as it comes, with what it needs until its end: the model's files, and how its faults are logged.

use gradus_app::service::serving::AskedModel;
use gradus_app::serving::protocol::AnswerEvent;
use gradus_app::serving::{Answering, Ask, Asker, Fault, FaultKind, ServedModel, Serving};
use gradus_app::store::Whose;
use gradus_domain::{Id as _, UserId};

use super::super::failure::Failure;
use super::super::models::missing;
use crate::ServerState;

/// A model that somebody may ask.
pub(super) struct Model {
    asked: AskedModel,
    asker: Asker,
    name: String,
}

/// An answer as it comes. Dropping it tells the model that nobody waits for the rest.
pub(super) struct Answer {
    answering: Answering,
    name: String,
    /// The files stay for as long as they may be read.
    _model: AskedModel,
}

impl Model {
    /// The model of a name.
    pub(super) async fn find(state: &ServerState, user: UserId, name: &str) -> Result<Self, Failure> {
        let asked = state.services.asked_model(Whose::Of(user), name).await?;
        let Some(asked) = asked else { return Err(missing(state, name).await?.into()) };
        Ok(Self { asked, asker: Asker(user.uuid()), name: name.to_owned() })
    }

    /// Asks it. The first event comes before anything is answered, so that a fault before it is an answer of its own.
    pub(super) async fn ask(
        self,
        serving: &Serving,
        ask: impl FnOnce(ServedModel) -> Ask,
    ) -> Result<(AnswerEvent, Answer), Fault> {
        let Self { asked, asker, name } = self;
        let answering =
            serving.ask(asker, ask(asked.files.clone())).await.inspect_err(|fault| note(fault, &name))?;
        let mut answer = Answer { answering, name, _model: asked };
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
        next.inspect_err(|fault| note(fault, &self.name))
    }
}

/// What the log says of a fault. Whoever asked is told their own faults, and is kept from what the server's are.
fn note(fault: &Fault, model: &str) {
    use FaultKind::{
        Busy, Conversation, Failed, Format, Lost, Memory, Model, Options, Share, Slow, Stopping, TooLong,
    };
    let cause = fault.message.replace(['\r', '\n'], " ");
    match fault.kind {
        Conversation | TooLong | Format | Options | Share => {}
        Busy | Stopping | Slow => tracing::warn!(model, cause, "a model gave no answer"),
        Model | Memory | Lost | Failed => tracing::error!(model, cause, "a model gave no answer"),
    }
}
