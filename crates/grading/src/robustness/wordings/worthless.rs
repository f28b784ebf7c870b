//! Ways to answer nothing.

use super::Wordings;

pub(super) const BLANK: Wordings = Wordings {
    training: &["", "-", "n/a", "I don't know.", "no answer", "..."],
    test: &["nothing comes to mind", "?", "/", "No idea, sorry", "(left empty)", "pass"],
};

pub(super) const QUESTION_COPIED: Wordings = Wordings {
    training: &[
        "{question}",
        "The question is: {question}",
        "{question} {question}",
        "We are asked: {question}",
        "{question} This is my answer.",
        "\"{question}\"",
    ],
    test: &[
        "{question}\n{question}\n{question}",
        "In this task somebody wants to hear the following. {question}",
        "{question} That would have to be explained here.",
        "Number {number}. {question}",
        "I have read this carefully, namely: {question}",
        "Good point! {question} Indeed.",
    ],
};
