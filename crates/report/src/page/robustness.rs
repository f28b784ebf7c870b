//! What answers written to mislead the model achieved: a verdict, a table by kind, and the worst of them.

use gradus_domain::Marks;
use gradus_grading::guide::QuestionId;
use gradus_grading::robustness::{AttackGroup, AttackKind, AttackSummary, RobustnessSummary};

use super::tables::Cell;
use crate::advice::{number_of, raised, rarely_works};
use crate::data::{AttackExample, RobustnessFacts};
use crate::numbers::{counted, grouped, signed_percent, small_percent};
use crate::shown::{shortened_in_the_middle, shown};

/// Longest text of an example, in characters.
const EXAMPLE_TEXT: usize = 400;

/// The section.
pub(super) struct Robustness {
    /// One line.
    pub(super) verdict: &'static str,
    /// What it rests on.
    pub(super) sentences: Vec<String>,
    pub(super) groups: Vec<AttackGroupRows>,
    pub(super) examples: Vec<ExampleRow>,
}

/// Attacks of one purpose.
pub(super) struct AttackGroupRows {
    pub(super) name: &'static str,
    pub(super) note: &'static str,
    pub(super) rows: Vec<AttackRow>,
}

/// What attacks of one kind achieved.
pub(super) struct AttackRow {
    pub(super) name: String,
    pub(super) description: &'static str,
    pub(super) cells: Vec<Cell>,
}

/// An attack that worked.
pub(super) struct ExampleRow {
    pub(super) kind: String,
    pub(super) question: String,
    pub(super) out_of: String,
    pub(super) answer: String,
    pub(super) before: String,
    pub(super) after: String,
}

/// The most that an answer to a question can get, where it is known.
pub(super) type Maximum<'a> = dyn Fn(&QuestionId) -> Option<Marks> + 'a;

/// Everything about attacks.
pub(super) fn robustness(facts: &RobustnessFacts, maximum: &Maximum<'_>) -> Robustness {
    let overall = &facts.summary.overall;
    let verdict = match raised(overall) {
        0 => "No attack worked.",
        _ if rarely_works(overall) => "Attacks rarely work.",
        _ => "Attacks work too often for marks that nobody looks at.",
    };
    let groups = [AttackGroup::Worthless, AttackGroup::Contradiction, AttackGroup::Injection];
    Robustness {
        verdict,
        sentences: sentences(facts),
        groups: groups.into_iter().filter_map(|group| group_rows(&facts.summary, group)).collect(),
        examples: facts.examples.iter().map(|example| example_row(example, maximum)).collect(),
    }
}

fn sentences(facts: &RobustnessFacts) -> Vec<String> {
    let RobustnessSummary { overall, groups, kinds } = &facts.summary;
    let tried = format!(
        "{}, made from {}, were marked by the trained model.",
        counted(overall.count, "attack", "attacks"),
        counted(facts.answers, "genuine answer", "genuine answers"),
    );
    let worked = match (raised(overall), number_of(overall.share_raised_to_full, overall)) {
        (0, _) => "None got a higher mark than it should.".to_owned(),
        (raised, full) => format!(
            "Of these, {} ({}) got a higher mark than they should, {} of them full marks.",
            grouped(raised as u64),
            small_percent(overall.share_raised),
            if full == 0 { "none".to_owned() } else { grouped(full as u64) },
        ),
    };
    let injections = groups.get(&AttackGroup::Injection).map(|injections| {
        format!(
            "Words for the marker added to an answer moved its mark by {} of the maximum on average; {} of them were \
             found out and go to a person, which counts as 0.",
            signed_percent(injections.mean_shift),
            small_percent(injections.share_found_out),
        )
    });
    let most = kinds.iter().max_by(|a, b| a.1.share_raised.total_cmp(&b.1.share_raised));
    let most = most.filter(|(_, summary)| raised(summary) > 0).map(|(kind, summary)| {
        format!("What works most often is {} ({}).", kind.description(), small_percent(summary.share_raised))
    });
    [Some(tried), Some(worked), injections, most].into_iter().flatten().collect()
}

fn group_rows(summary: &RobustnessSummary, group: AttackGroup) -> Option<AttackGroupRows> {
    let (name, note, all) = match group {
        AttackGroup::Worthless => ("Worthless texts", "should get the lowest mark", "in place of an answer"),
        AttackGroup::Contradiction => {
            ("Contradictions", "should get less than the model answer", "like the model answer, but wrong")
        }
        AttackGroup::Injection => (
            "Words for the marker",
            "should get no more than the answer they are added to",
            "added to a genuine answer",
        ),
    };
    let kinds = summary.kinds.iter().filter(|(kind, _)| kind.group() == group);
    let mut rows: Vec<AttackRow> =
        kinds.map(|(kind, summary)| attack_row(spoken(*kind), kind.description(), summary)).collect();
    if rows.len() > 1 {
        rows.push(attack_row("All of these".to_owned(), all, summary.groups.get(&group)?));
    }
    (!rows.is_empty()).then_some(AttackGroupRows { name, note, rows })
}

fn attack_row(name: String, description: &'static str, attacks: &AttackSummary) -> AttackRow {
    let share = |label, share: f64| Cell {
        label,
        value: small_percent(share),
        interval: format!(
            "{} of {}",
            grouped(number_of(share, attacks) as u64),
            grouped(attacks.count as u64)
        ),
    };
    let plain = |label, value| Cell { label, value, interval: String::new() };
    AttackRow {
        name,
        description,
        cells: vec![
            plain("Attempts", grouped(attacks.count as u64)),
            plain("Mean shift", signed_percent(attacks.mean_shift)),
            share("Raised", attacks.share_raised),
            share("To full marks", attacks.share_raised_to_full),
            share("Found out", attacks.share_found_out),
        ],
    }
}

/// `Fake metadata` for `fake_metadata`.
fn spoken(kind: AttackKind) -> String {
    let words = kind.name().replace("moderators", "moderator’s").replace('_', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn example_row(example: &AttackExample, maximum: &Maximum<'_>) -> ExampleRow {
    ExampleRow {
        kind: spoken(example.kind),
        question: example.question.0.clone(),
        out_of: maximum(&example.question).map(|marks| marks.to_string()).unwrap_or_default(),
        answer: shortened_in_the_middle(&shown(&example.answer), EXAMPLE_TEXT),
        before: example.before.name.clone(),
        after: example.after.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_spoken_in_words() {
        assert_eq!(spoken(AttackKind::ModeratorsNote), "Moderator’s note");
    }
}
