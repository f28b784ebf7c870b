//! A text with one of its statements reversed, by rules: a verb negated or a word replaced by its opposite.

use std::ops::Range;

use crate::metrics::random::SplitMix64;

/// Verbs that "not" follows.
const NEGATABLE: [&str; 9] = ["is", "are", "was", "were", "can", "will", "must", "should", "would"];
/// Verbs in the third person that are no plural nouns, and are denied by "does not" and their stem.
const DENIABLE: [&str; 20] = [
    "absorbs",
    "affects",
    "allows",
    "attracts",
    "becomes",
    "conducts",
    "contains",
    "creates",
    "depends",
    "dissolves",
    "eats",
    "gives",
    "indicates",
    "keeps",
    "makes",
    "prevents",
    "produces",
    "provides",
    "requires",
    "vibrates",
];
/// Words after which "not" would deny nothing or twice.
const NEGATIVE: [&str; 6] = ["no", "never", "neither", "none", "nothing", "only"];
/// Verbs that only "not" makes auxiliary, so that they lose one but are not given one.
const ALSO_NEGATED: [&str; 7] = ["does", "do", "did", "has", "have", "had", "could"];
/// Negations in one word and what they deny.
const CONTRACTED: [(&str, &str); 12] = [
    ("cannot", "can"),
    ("can't", "can"),
    ("won't", "will"),
    ("isn't", "is"),
    ("aren't", "are"),
    ("wasn't", "was"),
    ("weren't", "were"),
    ("doesn't", "does"),
    ("don't", "do"),
    ("didn't", "did"),
    ("shouldn't", "should"),
    ("wouldn't", "would"),
];
/// Opposites, each for the other.
const OPPOSITES: [(&str, &str); 48] = [
    ("increase", "decrease"),
    ("increases", "decreases"),
    ("increased", "decreased"),
    ("increasing", "decreasing"),
    ("higher", "lower"),
    ("highest", "lowest"),
    ("high", "low"),
    ("more", "less"),
    ("most", "least"),
    ("greater", "smaller"),
    ("large", "small"),
    ("larger", "smaller"),
    ("largest", "smallest"),
    ("faster", "slower"),
    ("fast", "slow"),
    ("longer", "shorter"),
    ("long", "short"),
    ("harder", "softer"),
    ("hardest", "softest"),
    ("hard", "soft"),
    ("heavier", "lighter"),
    ("hotter", "colder"),
    ("hot", "cold"),
    ("warmer", "cooler"),
    ("stronger", "weaker"),
    ("strong", "weak"),
    ("thicker", "thinner"),
    ("brighter", "dimmer"),
    ("before", "after"),
    ("above", "below"),
    ("always", "never"),
    ("open", "closed"),
    ("positive", "negative"),
    ("maximum", "minimum"),
    ("internal", "external"),
    ("inside", "outside"),
    ("first", "last"),
    ("early", "late"),
    ("true", "false"),
    ("synchronous", "asynchronous"),
    ("absorb", "release"),
    ("attract", "repel"),
    ("expands", "contracts"),
    ("gains", "loses"),
    ("exponential", "linear"),
    ("exponentially", "linearly"),
    ("dependent", "independent"),
    ("everything", "nothing"),
];
/// Opposites of which only the first says enough to be replaced: "with" and "no" have many uses, and
/// "possible reasons" are a heading.
const ONE_WAY: [(&str, &str); 7] = [
    ("both", "neither"),
    ("every", "no"),
    ("yes", "no"),
    ("without", "with"),
    ("impossible", "possible"),
    ("disconnected", "connected"),
    ("damaged", "intact"),
];

/// One replacement among all that the rules find, each as likely. `None` where no rule applies.
pub(super) fn contradicted(text: &str, random: &mut SplitMix64) -> Option<String> {
    let words = words(text);
    let reversals: Vec<(Range<usize>, String)> =
        (0..words.len()).filter_map(|at| reversal(text, &words, at)).collect();
    if reversals.is_empty() {
        return None;
    }
    let (range, replacement) = &reversals[random.below(reversals.len())];
    Some(format!("{}{replacement}{}", &text[..range.start], &text[range.end..]))
}

/// Letters with apostrophes between them, as byte ranges.
fn words(text: &str) -> Vec<Range<usize>> {
    let mut words: Vec<Range<usize>> = Vec::new();
    for (at, c) in text.char_indices().filter(|(_, c)| c.is_alphanumeric() || matches!(c, '\'' | '’' | '-'))
    {
        match words.last_mut().filter(|word| word.end == at) {
            Some(word) => word.end += c.len_utf8(),
            None => words.push(at..at + c.len_utf8()),
        }
    }
    words
}

/// What to write for the word at that place, or for it and the one beside it that changes too.
fn reversal(text: &str, words: &[Range<usize>], at: usize) -> Option<(Range<usize>, String)> {
    let lower = |range: &Range<usize>| text[range.clone()].to_lowercase().replace('’', "'");
    let (range, word) = (words[at].clone(), lower(&words[at]));
    let written = &text[range.clone()];
    let next = words.get(at + 1).map(|next| (next.end, lower(next)));
    let is_negatable = NEGATABLE.contains(&word.as_str());
    match next {
        Some((end, not)) if not == "not" => {
            let loses_it = is_negatable || ALSO_NEGATED.contains(&word.as_str());
            return loses_it.then(|| (range.start..end, written.to_owned()));
        }
        Some((_, negative)) if is_negatable && NEGATIVE.contains(&negative.as_str()) => return None,
        _ if word == "can" => return Some((range.end..range.end, "not".to_owned())),
        _ if is_negatable => return Some((range.end..range.end, " not".to_owned())),
        _ if DENIABLE.contains(&word.as_str()) => {
            return Some((range, format!("does not {}", word.trim_end_matches('s'))));
        }
        _ => {}
    }
    let opposite = with_initial_of(written, opposite(&word)?);
    let article = at.checked_sub(1).map(|before| words[before].clone());
    match article.filter(|article| matches!(text[article.clone()].to_lowercase().as_str(), "a" | "an")) {
        Some(article) => {
            let agreeing = if opposite.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
            let agreeing = with_initial_of(&text[article.clone()], agreeing);
            Some((article.start..range.end, format!("{agreeing} {opposite}")))
        }
        None => Some((range, opposite)),
    }
}

fn opposite(word: &str) -> Option<&'static str> {
    let forwards = CONTRACTED.iter().chain(&OPPOSITES).chain(&ONE_WAY).copied();
    let backwards = OPPOSITES.iter().map(|(one, other)| (*other, *one));
    forwards.chain(backwards).find(|(one, _)| *one == word).map(|(_, other)| other)
}

fn with_initial_of(written: &str, word: &str) -> String {
    let is_capital = written.starts_with(char::is_uppercase);
    let mut letters = word.chars();
    match letters.next().filter(|_| is_capital) {
        Some(initial) => initial.to_uppercase().chain(letters).collect(),
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn all(text: &str) -> BTreeSet<String> {
        (0..40).filter_map(|seed| contradicted(text, &mut SplitMix64::new(seed))).collect()
    }

    #[test]
    fn one_statement_is_reversed_and_the_rest_stays() {
        for (text, expected) in [
            ("The water was evaporated.", &["The water was not evaporated."][..]),
            ("It cannot flow.", &["It can flow."]),
            ("Salt doesn’t burn.", &["Salt does burn."]),
            ("It does not melt.", &["It does melt."]),
            ("Yes: higher", &["No: higher", "Yes: lower"]),
            ("Asynchronous; no", &["Synchronous; no"]),
            ("A bulb creates a gap", &["A bulb does not create a gap"]),
            ("in a closed path", &["in an open path"]),
            ("A synchronous bus", &["An asynchronous bus"]),
            ("It can flow", &["It cannot flow"]),
            ("There is no bulb; it was not only so", &["There is no bulb; it was only so"]),
            ("A high-speed link with is-a relations", &[]),
            ("", &[]),
        ] {
            assert_eq!(all(text), expected.iter().map(ToString::to_string).collect(), "{text}");
        }
    }
}
