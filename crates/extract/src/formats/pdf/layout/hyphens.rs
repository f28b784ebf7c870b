//! Joins the lines of a paragraph, deciding whether a hyphen at a line's end belongs to the word.

use std::collections::HashSet;

/// The words of a document, in lower case.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    words: HashSet<String>,
}

impl Vocabulary {
    /// Adds the words of a line, without its last one where a hyphen ends it.
    pub(super) fn add(&mut self, line: &str) {
        let whole = match line.strip_suffix(['-', '\u{AD}', '\u{2010}']) {
            Some(cut) => cut.rsplit_once(char::is_whitespace).map_or("", |(before, _)| before),
            None => line,
        };
        for word in whole.split_whitespace() {
            let word = word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
            self.words.extend(word.split('-').map(str::to_owned));
            self.words.insert(word);
        }
    }

    fn has(&self, word: &str) -> bool {
        self.words.contains(&word.to_lowercase())
    }
}

/// Appends `next`, the following line, to `text`.
pub(super) fn join(text: &mut String, next: &str, vocabulary: &Vocabulary) {
    let hyphen = text.chars().next_back().filter(|c| matches!(c, '-' | '\u{AD}' | '\u{2010}'));
    let Some(hyphen) = hyphen else {
        text.push(' ');
        text.push_str(next);
        return;
    };
    let before = text[..text.len() - hyphen.len_utf8()].to_owned();
    let head = last_word(&before).to_owned();
    if head.is_empty() {
        // A dash between words, not a hyphen in one.
        text.push(' ');
    } else if hyphen == '\u{AD}' || !keeps_hyphen(&head, first_word(next), vocabulary) {
        *text = before;
    }
    text.push_str(next);
}

/// Whether `head-tail` is written with a hyphen: the document writes it so elsewhere, or both parts are
/// words and the joined one is unknown, or a part is no plain lower-case word (`ATP-dependent`).
fn keeps_hyphen(head: &str, tail: &str, vocabulary: &Vocabulary) -> bool {
    if vocabulary.has(&format!("{head}{tail}")) {
        return false;
    }
    let plain = |word: &str| word.chars().all(char::is_lowercase) && !word.is_empty();
    let head_is_plain =
        plain(head) || head.chars().skip(1).all(char::is_lowercase) && head.chars().count() > 1;
    vocabulary.has(&format!("{head}-{tail}"))
        || !head_is_plain
        || !plain(tail)
        || (vocabulary.has(head) && vocabulary.has(tail))
}

fn last_word(text: &str) -> &str {
    text.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default()
}

fn first_word(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hyphens_of_the_layout_go_and_those_of_words_stay() {
        let mut vocabulary = Vocabulary::default();
        vocabulary.add("a self-made semi-permeable membrane; photosynthesis is a fast process in well lit");
        for (first, second, joined) in [
            ("plants use photo-", "synthesis", "plants use photosynthesis"),
            ("through a semi-", "permeable membrane", "through a semi-permeable membrane"),
            ("it is ATP-", "dependent", "it is ATP-dependent"),
            ("the mito-", "chondrion", "the mitochondrion"),
            ("Mito-", "chondria", "Mitochondria"),
            ("a well-", "lit place", "a well-lit place"),
            ("water -", "and salt", "water - and salt"),
            ("soft\u{AD}", "ware", "software"),
            ("plain", "text", "plain text"),
        ] {
            let mut text = first.to_owned();
            join(&mut text, second, &vocabulary);
            assert_eq!(text, joined);
        }
    }
}
