//! A text with one of its statements reversed, by rules: a verb negated or a word replaced by its opposite.

use std::ops::Range;

use crate::metrics::random::SplitMix64;

/// Verbs that "not" follows.
const NEGATABLE: [&str; 9] = ["is", "are", "was", "were", "can", "will", "must", "should", "would"];
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
const OPPOSITES: [(&str, &str); 55] = [
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
    ("same", "different"),
    ("open", "closed"),
    ("positive", "negative"),
    ("possible", "impossible"),
    ("maximum", "minimum"),
    ("internal", "external"),
    ("inside", "outside"),
    ("first", "last"),
    ("early", "late"),
    ("true", "false"),
    ("yes", "no"),
    ("connected", "disconnected"),
    ("synchronous", "asynchronous"),
    ("absorbs", "releases"),
    ("absorb", "release"),
    ("attract", "repel"),
    ("attracts", "repels"),
    ("expands", "contracts"),
    ("gains", "loses"),
    ("exponential", "linear"),
    ("exponentially", "linearly"),
    ("dependent", "independent"),
    ("everything", "nothing"),
    ("without", "with"),
];
/// Opposites of which only the first says enough to be replaced: "with" and "no" have many uses.
const ONE_WAY: [(&str, &str); 3] = [("both", "neither"), ("every", "no"), ("faulty", "intact")];

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

/// What to write for the word at that place, or for it and a "not" that follows.
fn reversal(text: &str, words: &[Range<usize>], at: usize) -> Option<(Range<usize>, String)> {
    let range = words[at].clone();
    let written = &text[range.clone()];
    let word = written.to_lowercase().replace('’', "'");
    let not = words.get(at + 1).filter(|next| text[(*next).clone()].eq_ignore_ascii_case("not"));
    let is_negatable = NEGATABLE.contains(&word.as_str());
    if let Some(not) = not.filter(|_| is_negatable || ALSO_NEGATED.contains(&word.as_str())) {
        return Some((range.start..not.end, written.to_owned()));
    }
    if is_negatable {
        return Some((range, format!("{written} not")));
    }
    let opposite = opposite(&word)?;
    Some((range, with_initial_of(written, opposite)))
}

fn opposite(word: &str) -> Option<&'static str> {
    let forwards = CONTRACTED.iter().chain(&OPPOSITES).chain(&ONE_WAY);
    let backwards = OPPOSITES.iter().filter(|(one, _)| *one != "without" && *one != "yes");
    let pair = forwards.copied().chain(backwards.map(|(one, other)| (*other, *one)));
    pair.into_iter().find(|(one, _)| *one == word).map(|(_, other)| other)
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
            ("A high-speed link with is-a relations", &[]),
            ("", &[]),
        ] {
            assert_eq!(all(text), expected.iter().map(ToString::to_string).collect(), "{text}");
        }
    }
}
