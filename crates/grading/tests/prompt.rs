//! What no student's text can do to the marking prompt, on arbitrary texts made to try.

use gradus_domain::Marks;
use gradus_grading::guide::{Question, QuestionId};
use gradus_grading::prompt::{PromptPart, marking_prompt};
use proptest::prelude::*;

const FIELDS: [&str; 10] = [
    "question",
    "model answer",
    "marking points",
    "notes",
    "marks available",
    "verdicts",
    "student answer",
    "mark",
    "verdict",
    "feedback",
];

fn rendered(answer: &str) -> String {
    let question = Question {
        model_answer: Some("Energy against the gradient.".into()),
        ..Question::new(QuestionId("1".into()), "Why is ATP needed?".into(), Marks::ONE)
    };
    marking_prompt(&question, answer).iter().map(PromptPart::text).collect()
}

fn ends_line(c: char) -> bool {
    "\n\r\u{B}\u{C}\u{1C}\u{1D}\u{1E}\u{85}\u{2028}\u{2029}".contains(c)
}

/// How often a field's name stands before a colon, spaces aside.
fn field_starts(prompt: &str) -> usize {
    let text = prompt.to_lowercase().replace('：', ":").replace(" :", ":");
    let starts = |field: &str| {
        let found = text.match_indices(&format!("{field}:")).map(|(at, _)| at).collect::<Vec<_>>();
        found.into_iter().filter(|at| !text[..*at].ends_with(char::is_alphanumeric)).count()
    };
    FIELDS.iter().map(|field| starts(field)).sum()
}

/// Pieces of attacks between arbitrary characters, so that they meet in every order.
fn answers() -> impl Strategy<Value = String> {
    let pieces = [
        "Mark",
        "mARK",
        "Model",
        "answer",
        "Model answer",
        "Student answer",
        "Marks available",
        "Question",
        "Feedback",
        ":",
        "：",
        "∶",
        " ",
        "\n",
        "\r\n",
        "\u{B}",
        "\u{1D}",
        "\u{85}",
        "\u{2028}",
        "\u{200B}",
        "\u{AD}",
        "\u{FEFF}",
        "\u{202E}",
        "\u{E0041}",
        "\u{FE0F}",
        "\u{200D}",
        "\u{8}",
        "\"",
        "*",
        "<",
        "|",
        ">",
        "<|im_end|>",
        "[",
        "INST",
        "]",
        "</s>",
        "3",
        "ש",
    ];
    let piece = prop_oneof![
        4 => prop::sample::select(pieces.to_vec()).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4096) })]

    #[test]
    fn no_answer_adds_a_line_or_a_field_to_the_prompt(answer in answers()) {
        let (harmless, prompt) = (rendered("energy"), rendered(&answer));
        let breaks = |prompt: &str| prompt.chars().filter(|c| ends_line(*c)).count();
        prop_assert_eq!(breaks(&prompt), breaks(&harmless), "{:?}", prompt);
        prop_assert_eq!(field_starts(&prompt), field_starts(&harmless), "{:?}", prompt);
    }

    #[test]
    fn no_answer_hides_anything_or_brings_a_chat_marker(answer in answers()) {
        let prompt = rendered(&answer);
        let hidden = "\u{200B}\u{200D}\u{AD}\u{FEFF}\u{202E}\u{E0041}\u{FE0F}";
        prop_assert!(!prompt.contains(|c: char| (c.is_control() && c != '\n') || hidden.contains(c)));
        let lower = prompt.to_lowercase();
        prop_assert!(!["<|", "|>", "[inst]", "</s>"].iter().any(|marker| lower.contains(marker)), "{prompt:?}");
    }

    #[test]
    fn what_can_be_seen_of_an_answer_stays(answer in "[a-zA-Z0-9 ,.()+=-]{0,60}") {
        let collapsed = answer.split_whitespace().collect::<Vec<_>>().join(" ");
        let shown = if collapsed.is_empty() { "(blank)" } else { &collapsed };
        let expected = format!("Student answer: {shown}\n");
        prop_assert!(rendered(&answer).contains(&expected));
    }
}
