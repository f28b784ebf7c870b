//! A text as words: folded, lightly stemmed, numbers kept. English where a language matters (stems, negations);
//! in other languages stems are merely words as written.

use crate::dataset::fold;

/// Words that turn a statement into its opposite, as [`fold`] leaves them ("don't" is `dont`).
const NEGATIONS: [&str; 36] = [
    "aint", "arent", "cannot", "cant", "couldnt", "didnt", "doesnt", "dont", "hadnt", "hasnt", "havent",
    "isnt", "lack", "lacks", "mustnt", "neednt", "neither", "never", "no", "nobody", "none", "nor", "not",
    "nothing", "nowhere", "seldom", "shouldnt", "unable", "wasnt", "werent", "without", "wont", "wouldnt",
    "hardly", "fails", "instead",
];

/// A text's words in order, twice: as written and as stems.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Words {
    /// Lower-case, without punctuation.
    pub(super) written: Vec<String>,
    /// The same number, each [`stem`]med.
    pub(super) stems: Vec<String>,
}

impl Words {
    pub(super) fn of(text: &str) -> Self {
        let written: Vec<String> = fold(text).split_whitespace().map(str::to_owned).collect();
        let stems = written.iter().map(|word| stem(word)).collect();
        Self { written, stems }
    }

    pub(super) fn len(&self) -> usize {
        self.written.len()
    }

    /// How many of them negate.
    pub(super) fn negations(&self) -> usize {
        self.written.iter().filter(|word| NEGATIONS.contains(&word.as_str())).count()
    }

    /// Those that begin with a digit.
    pub(super) fn numbers(&self) -> impl Iterator<Item = &str> {
        let starts_with_digit = |word: &&str| word.starts_with(|first: char| first.is_ascii_digit());
        self.written.iter().map(String::as_str).filter(starts_with_digit)
    }
}

/// A word without its plural, -ing, -ed and final e, so that "evaporates", "evaporated" and "evaporating" meet
/// (the S stemmer of Harman, "How effective is suffixing?", JASIS 42(1), 1991, with the first step of Porter's).
fn stem(word: &str) -> String {
    let singular = without_plural(word);
    let bare = ["ing", "ed"].iter().find_map(|ending| {
        let rest = singular.strip_suffix(ending)?;
        (rest.len() >= 3 && rest.contains(['a', 'e', 'i', 'o', 'u', 'y'])).then(|| undoubled(rest))
    });
    let bare = bare.unwrap_or(&singular);
    match bare.strip_suffix('e') {
        Some(rest) if rest.len() >= 3 => rest.to_owned(),
        _ => bare.to_owned(),
    }
}

fn without_plural(word: &str) -> String {
    if word.len() <= 3 || ["ss", "us", "is"].iter().any(|ending| word.ends_with(ending)) {
        return word.to_owned();
    }
    if let Some(rest) = word.strip_suffix("ies") {
        return if rest.len() > 1 { format!("{rest}y") } else { format!("{rest}ie") };
    }
    for ending in ["sses", "shes", "ches", "xes", "zes"] {
        if word.ends_with(ending) {
            return word[..word.len() - 2].to_owned();
        }
    }
    word.strip_suffix('s').unwrap_or(word).to_owned()
}

/// "stopp" of "stopped" is "stop", but "fall" of "falling" stays.
fn undoubled(stem: &str) -> &str {
    let mut last_two = stem.chars().rev();
    let (last, before) = (last_two.next(), last_two.next());
    match last {
        Some('b' | 'd' | 'g' | 'm' | 'n' | 'p' | 'r' | 't') if last == before => &stem[..stem.len() - 1],
        _ => stem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_word_meet_in_one_stem_and_short_words_keep_theirs() {
        for forms in [
            ["evaporates", "evaporated", "evaporating", "evaporate"],
            ["stops", "stopped", "stopping", "stop"],
            ["falls", "falling", "fall", "falls"],
            ["batteries", "battery", "battery", "battery"],
            ["switches", "switched", "switching", "switch"],
        ] {
            let stems: Vec<String> = forms.iter().map(|form| stem(form)).collect();
            assert!(stems.iter().all(|stem| *stem == stems[0]), "{stems:?}");
        }
        for word in ["gas", "thing", "red", "bus", "this", "glass", "wärme", "1.5", "="] {
            assert!(word.starts_with(&stem(word)) && stem(word).len() + 1 >= word.len(), "{word}");
        }
    }

    #[test]
    fn negations_and_numbers_are_found() {
        let words = Words::of("It doesn't rise: 1.5 V, not 2.");
        assert_eq!(words.negations(), 2);
        assert_eq!(words.numbers().collect::<Vec<_>>(), ["1.5", "2"]);
        assert_eq!(words.len(), words.stems.len());
    }
}
