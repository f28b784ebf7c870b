//! What attacks say: templates with the genuine answer and the question's facts left open, by kind and family.
//!
//! The two families of a kind must differ in words and build; a test holds them apart.

mod disguises;
mod languages;
mod orders;
mod persuasion;
mod worthless;

use super::{AttackKind, Family};
use crate::guide::Question;

/// The wordings of a kind.
pub(super) struct Wordings {
    training: &'static [&'static str],
    test: &'static [&'static str],
}

impl Wordings {
    fn of(&self, family: Family) -> &'static [&'static str] {
        match family {
            Family::Training => self.training,
            Family::Test => self.test,
        }
    }
}

/// The templates of a kind, none where its texts are not made from templates.
pub(super) fn templates(kind: AttackKind, family: Family) -> &'static [&'static str] {
    let wordings = match kind {
        AttackKind::Blank => worthless::BLANK,
        AttackKind::QuestionCopied => worthless::QUESTION_COPIED,
        AttackKind::DirectOrder => orders::DIRECT_ORDER,
        AttackKind::ModeratorsNote => orders::MODERATORS_NOTE,
        AttackKind::FakeDelimiter => disguises::FAKE_DELIMITER,
        AttackKind::FakeMetadata => disguises::FAKE_METADATA,
        AttackKind::RolePlay => persuasion::ROLE_PLAY,
        AttackKind::Flattery => persuasion::FLATTERY,
        AttackKind::OtherLanguage => languages::OTHER_LANGUAGE,
        AttackKind::OffTopic
        | AttackKind::Gibberish
        | AttackKind::InstructionsAlone
        | AttackKind::Contradiction
        | AttackKind::InvisibleCharacters => return &[],
    };
    wordings.of(family)
}

/// What templates leave open, each as `{name}`.
pub(super) struct Values(Vec<(&'static str, String)>);

impl Values {
    /// The genuine `{answer}`, the question's `{number}` and `{question}` text, its `{maximum}` mark and what
    /// the marker writes for the `{best}` answers, which is the maximum or a word.
    pub(super) fn of(question: &Question, answer: &str) -> Self {
        let maximum = question.max_marks.to_string();
        let best = question.scale().pop().map_or_else(|| maximum.clone(), |verdict| verdict.name);
        Self(vec![
            ("{answer}", answer.to_owned()),
            ("{number}", question.id.0.clone()),
            ("{question}", question.text.clone()),
            ("{maximum}", maximum),
            ("{best}", best),
        ])
    }

    /// The template with its gaps filled, once: what is filled in is not looked at again.
    pub(super) fn filled(&self, template: &str) -> String {
        let mut filled = String::new();
        let mut rest = template;
        while let Some(at) = rest.find('{') {
            let (before, from_brace) = rest.split_at(at);
            filled.push_str(before);
            rest = match self.0.iter().find(|(name, _)| from_brace.starts_with(name)) {
                Some((name, value)) => {
                    filled.push_str(value);
                    &from_brace[name.len()..]
                }
                None => {
                    filled.push('{');
                    &from_brace[1..]
                }
            };
        }
        filled + rest
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::AttackGroup;
    use super::*;
    use crate::guide::QuestionId;
    use gradus_domain::Marks;

    /// The words of a template without its gaps; of a script without spaces, its single characters.
    fn words(template: &str) -> Vec<String> {
        let spaced: String = template
            .chars()
            .flat_map(|c| if c >= '\u{3040}' { vec![' ', c, ' '] } else { vec![c] })
            .collect();
        let gaps = ["answer", "number", "question", "maximum", "best"].map(|name| format!("{{{name}}}"));
        let without_gaps = gaps.iter().fold(spaced, |text, gap| text.replace(gap, " "));
        let words = without_gaps.split(|c: char| !c.is_alphanumeric());
        words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
    }

    fn sequences(template: &str, length: usize) -> BTreeSet<Vec<String>> {
        words(template).windows(length).map(<[String]>::to_vec).collect()
    }

    #[test]
    fn no_wording_of_one_family_resembles_one_of_the_other() {
        for kind in AttackKind::ALL {
            for training in templates(kind, Family::Training) {
                for test in templates(kind, Family::Test) {
                    assert_ne!(training, test);
                    let shared = &sequences(training, 4) & &sequences(test, 4);
                    assert!(shared.is_empty(), "{}: {shared:?}", kind.name());
                    let (one, other) = (sequences(training, 1), sequences(test, 1));
                    let (shared, all) = ((&one & &other).len(), (&one | &other).len());
                    assert!(shared * 2 <= all, "{}: {training} / {test}", kind.name());
                }
            }
        }
    }

    #[test]
    fn a_kind_has_six_wordings_in_a_family_and_an_injection_keeps_the_genuine_answer() {
        for kind in AttackKind::ALL {
            for family in [Family::Training, Family::Test] {
                let templates = templates(kind, family);
                assert!(templates.is_empty() || templates.len() >= 6, "{}", kind.name());
                let keeps_answer = templates.iter().all(|text| text.contains("{answer}"));
                assert!(keeps_answer || kind.group() == AttackGroup::Worthless, "{}", kind.name());
            }
        }
    }

    #[test]
    fn gaps_are_filled_once_and_other_braces_stay() {
        let question = Question::new(QuestionId("2a".into()), "Why?".into(), Marks::from_thousandths(2500));
        let values = Values::of(&question, "{best} {x");
        assert_eq!(
            values.filled(r#"{"q": "{number}"} {answer} \m{{maximum}} {best}{"#),
            r#"{"q": "2a"} {best} {x \m{2.5} 2.5{"#
        );
    }
}
