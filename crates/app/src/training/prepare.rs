//! Examples to sequences, with what each was made from.

use std::collections::BTreeMap;

use gradus_engine::training::TrainingData;
use gradus_grading::dataset::{Dataset, Example, Split};
use gradus_grading::guide::QuestionId;
use gradus_grading::import::chat::ChatExample;
use gradus_grading::synthetic::{GenuineAnswer, Lesson, SyntheticOptions, synthesise};

use super::judgement::of_split;
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

/// Data ready for the engine, with what each sequence was made from.
pub struct PreparedData {
    /// The sequences.
    pub data: TrainingData,
    /// For each training sequence its file and row, for messages.
    pub rows: Vec<String>,
    /// As `rows`, of the validation sequences.
    pub validation_rows: Vec<String>,
    /// The marked answers that it was made from, where it was.
    pub dataset: Option<Box<Dataset>>,
    /// How many of the training sequences nobody wrote; they are the last ones.
    pub synthetic: usize,
    /// How many of these speak to the marker.
    pub orders: usize,
    /// Identifies the data.
    pub hash: String,
    /// What it is for.
    pub purpose: Purpose,
}

/// Turns examples into sequences.
pub fn prepare(source: TrainingSource, runtime: &Runtime) -> Result<PreparedData, Error> {
    match source {
        TrainingSource::Marking { dataset, synthetic } => prepare_marking(dataset, &synthetic, runtime),
        TrainingSource::Chat { train, validation } => prepare_chat(&train, &validation, runtime),
    }
}

fn prepare_marking(
    dataset: Box<Dataset>,
    synthetic: &SyntheticOptions,
    runtime: &Runtime,
) -> Result<PreparedData, Error> {
    let mut data = TrainingData::default();
    let mut rows = Vec::new();
    let positions: BTreeMap<&QuestionId, u32> =
        dataset.guide.questions.iter().map(|question| &question.id).zip(0..).collect();
    let tokenizer = &runtime.tokenizer;
    let row = |example: &Example| format!("{}, row {}", example.source.file, example.source.row);
    for (example, question, verdict) in of_split(&dataset, Split::Train) {
        let target = (&question.scale()[verdict], example.feedback.as_deref());
        data.train.push(encoding::marking_sequence(tokenizer, question, &example.answer, target)?);
        data.groups.push(positions[&question.id]);
        rows.push(row(example));
    }
    let (genuine, mut orders) = (data.train.len(), 0);
    for answer in synthesise(&dataset.guide, &genuine_answers(&dataset), synthetic) {
        let Some(question) = dataset.guide.question(&answer.question) else { continue };
        let text = &answer.answer;
        let sequence = match &answer.lesson {
            Lesson::Verdict(verdict) => {
                encoding::marking_sequence(tokenizer, question, text, (verdict, None))?
            }
            Lesson::Order => encoding::order_sequence(tokenizer, question, text)?,
        };
        // Nobody wrote it, so nobody could shorten it.
        if sequence.tokens.len() <= runtime.config.context_length {
            orders += usize::from(answer.lesson == Lesson::Order);
            data.train.push(sequence);
            data.groups.push(positions[&question.id]);
            rows.push(format!("a synthetic answer ({}) to question {}", answer.origin.name(), question.id.0));
        }
    }
    let mut validation_rows = Vec::new();
    for (example, question, verdict) in of_split(&dataset, Split::Validation) {
        // Validation is about the verdict alone: that is what the best step is chosen by.
        let target = (&question.scale()[verdict], None);
        data.validation.push(encoding::marking_sequence(tokenizer, question, &example.answer, target)?);
        validation_rows.push(row(example));
    }
    Ok(PreparedData {
        synthetic: data.train.len() - genuine,
        orders,
        data,
        rows,
        validation_rows,
        hash: dataset.content_hash.clone(),
        dataset: Some(dataset),
        purpose: Purpose::Marking,
    })
}

/// The training examples, as synthetic ones are made from them.
fn genuine_answers(dataset: &Dataset) -> Vec<GenuineAnswer<'_>> {
    let examples = of_split(dataset, Split::Train).map(|(example, _, verdict)| GenuineAnswer {
        question: &example.question,
        answer: &example.answer,
        verdict,
    });
    examples.collect()
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
    let rows = |examples: &[ChatExample]| {
        let rows =
            examples.iter().map(|example| format!("{}, line {}", example.source.file, example.source.row));
        rows.collect()
    };
    Ok(PreparedData {
        rows: rows(train),
        validation_rows: rows(validation),
        dataset: None,
        synthetic: 0,
        orders: 0,
        hash: data.fingerprint(),
        data,
        purpose: Purpose::Chat,
    })
}
