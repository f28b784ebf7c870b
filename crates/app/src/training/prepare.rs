//! Examples to sequences, with what each was made from.

use std::collections::BTreeMap;

use gradus_engine::training::TrainingData;
use gradus_grading::dataset::{Dataset, Split};
use gradus_grading::guide::{QuestionId, Verdict};
use gradus_grading::import::chat::ChatExample;
use gradus_grading::synthetic::{GenuineAnswer, SyntheticOptions, synthesise};

use crate::runtime::Runtime;
use crate::trained::Purpose;
use crate::{Error, chat, encoding};

/// What to train on.
#[derive(Debug, Clone)]
pub enum TrainingSource {
    /// Marked answers.
    Marking {
        /// The answers.
        dataset: Box<Dataset>,
        /// What is made up to be learned beside them.
        synthetic: SyntheticOptions,
    },
    /// Conversations to train on and to validate with.
    Chat {
        /// Trained on.
        train: Vec<ChatExample>,
        /// Validated with; may be empty.
        validation: Vec<ChatExample>,
    },
}

impl TrainingSource {
    /// The marked answers, where it is made of them.
    pub fn dataset(&self) -> Option<&Dataset> {
        match self {
            Self::Marking { dataset, .. } => Some(dataset),
            Self::Chat { .. } => None,
        }
    }
}

/// Data ready for the engine, with what each sequence was made from.
pub struct PreparedData {
    /// The sequences.
    pub data: TrainingData,
    /// For each training sequence its file and row, for messages.
    pub rows: Vec<String>,
    /// How many of the training sequences nobody wrote; they are the last ones.
    pub synthetic: usize,
    /// Identifies the data.
    pub hash: String,
    /// What it is for.
    pub purpose: Purpose,
}

/// Turns examples into sequences.
pub fn prepare(source: &TrainingSource, runtime: &Runtime) -> Result<PreparedData, Error> {
    match source {
        TrainingSource::Marking { dataset, synthetic } => prepare_marking(dataset, synthetic, runtime),
        TrainingSource::Chat { train, validation } => prepare_chat(train, validation, runtime),
    }
}

fn prepare_marking(
    dataset: &Dataset,
    synthetic: &SyntheticOptions,
    runtime: &Runtime,
) -> Result<PreparedData, Error> {
    let mut data = TrainingData::default();
    let mut rows = Vec::new();
    let positions: BTreeMap<&QuestionId, u32> =
        dataset.guide.questions.iter().map(|question| &question.id).zip(0..).collect();
    for example in &dataset.examples {
        let question = dataset.guide.question(&example.question);
        let (Some(question), Some(verdict)) = (question, dataset.verdict(example)) else { continue };
        let sequence = |feedback| {
            encoding::marking_sequence(&runtime.tokenizer, question, &example.answer, (&verdict, feedback))
        };
        match example.split {
            Split::Train => {
                data.train.push(sequence(example.feedback.as_deref())?);
                data.groups.push(positions[&question.id]);
                rows.push(format!("{}, row {}", example.source.file, example.source.row));
            }
            // Validation is about the verdict alone: that is what the best step is chosen by.
            Split::Validation => data.validation.push(sequence(None)?),
            Split::UnseenAnswers | Split::UnseenQuestions => {}
        }
    }
    let made = synthesise(&dataset.guide, &genuine(dataset), synthetic);
    for answer in &made {
        let Some(question) = dataset.guide.question(&answer.question) else { continue };
        let target = (&answer.verdict, None);
        data.train.push(encoding::marking_sequence(&runtime.tokenizer, question, &answer.answer, target)?);
        data.groups.push(positions[&question.id]);
        rows.push(format!("a synthetic answer ({}) to question {}", answer.origin.name(), question.id.0));
    }
    Ok(PreparedData {
        data,
        rows,
        synthetic: made.len(),
        hash: dataset.content_hash.clone(),
        purpose: Purpose::Marking,
    })
}

/// The training examples, as synthetic ones are made from them.
fn genuine(dataset: &Dataset) -> Vec<GenuineAnswer<'_>> {
    let examples = dataset.examples.iter().filter(|example| example.split == Split::Train);
    let genuine = examples.filter_map(|example| {
        let scale = dataset.guide.question(&example.question)?.scale();
        let verdict = Verdict::position(&scale, example.verdict.as_deref(), example.mark)?;
        Some(GenuineAnswer { question: &example.question, answer: &example.answer, verdict })
    });
    genuine.collect()
}

fn prepare_chat(
    train: &[ChatExample],
    validation: &[ChatExample],
    runtime: &Runtime,
) -> Result<PreparedData, Error> {
    let encode = |examples: &[ChatExample]| {
        let sequences = examples.iter().map(|example| {
            let messages = &example.messages;
            let weights: Vec<f32> = messages.iter().map(|message| message.weight.unwrap_or(1.0)).collect();
            let messages: Vec<_> = messages
                .iter()
                .map(|message| gradus_engine::chat::Message::new(chat::role(message.role), &message.content))
                .collect();
            encoding::chat_sequence(runtime, &messages, &weights)
        });
        sequences.collect::<Result<Vec<_>, Error>>()
    };
    let data =
        TrainingData { train: encode(train)?, validation: encode(validation)?, ..TrainingData::default() };
    let rows = train.iter().map(|example| format!("{}, line {}", example.source.file, example.source.row));
    Ok(PreparedData {
        rows: rows.collect(),
        synthetic: 0,
        hash: data.fingerprint(),
        data,
        purpose: Purpose::Chat,
    })
}
