//! The text of a request as it arrives: whole characters, and nothing of a stop text.

use std::collections::VecDeque;

use crate::tokenizer::StreamDecoder;

#[derive(Debug)]
pub(super) struct TextStream<'t> {
    decoder: Option<StreamDecoder<'t>>,
    stops: Vec<String>,
    /// May yet become a stop text.
    held: String,
    /// Bytes that each of the latest tokens brought, from the first on whose text is held.
    pieces: VecDeque<usize>,
}

/// What a token adds to the text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Addition {
    pub(super) text: String,
    /// Whether the text ended with a stop text.
    pub(super) stopped: bool,
    /// How many of the latest tokens have text that is held, or that is not part of the text.
    pub(super) undecided: usize,
}

impl<'t> TextStream<'t> {
    pub(super) fn new(decoder: StreamDecoder<'t>, stops: Vec<String>) -> Self {
        Self { decoder: Some(decoder), stops, held: String::new(), pieces: VecDeque::new() }
    }

    pub(super) fn push(&mut self, token: u32) -> Addition {
        let more = self.decoder.as_mut().map_or_else(String::new, |decoder| decoder.push(token));
        self.held.push_str(&more);
        self.pieces.push_back(more.len());
        let first = self.stops.iter().filter_map(|stop| self.held.find(stop.as_str())).min();
        if let Some(end) = first {
            self.held.truncate(end);
            self.give_out(end);
            let undecided = std::mem::take(&mut self.pieces).len();
            // What the token brought after the stop text is not part of the text.
            self.decoder = None;
            return Addition { text: std::mem::take(&mut self.held), stopped: true, undecided };
        }
        let rest = self.held.split_off(self.held.len() - self.unfinished());
        let text = std::mem::replace(&mut self.held, rest);
        self.give_out(text.len());
        Addition { text, stopped: false, undecided: self.pieces.len() }
    }

    /// How many of the latest tokens have text that is held.
    pub(super) fn undecided(&self) -> usize {
        self.pieces.len()
    }

    /// Lets go of the tokens whose text is given out as a whole. One without text goes with the next, as it
    /// may be the beginning of a character.
    fn give_out(&mut self, mut bytes: usize) {
        while let Some(first) = self.pieces.front().copied().filter(|first| *first <= bytes && bytes > 0) {
            self.pieces.pop_front();
            bytes -= first;
        }
        if let Some(first) = self.pieces.front_mut() {
            *first -= bytes;
        }
    }

    /// What is left at the end.
    pub(super) fn finish(&mut self) -> String {
        self.pieces.clear();
        let rest = self.decoder.take().map_or_else(String::new, StreamDecoder::finish);
        std::mem::take(&mut self.held) + &rest
    }

    /// Bytes at the end that may be the beginning of a stop text.
    fn unfinished(&self) -> usize {
        let of_stop = |stop: &String| {
            let lengths = stop.char_indices().skip(1).map(|(length, _)| length);
            lengths.filter(|length| self.held.ends_with(&stop[..*length])).max()
        };
        self.stops.iter().filter_map(of_stop).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::{GgufVocabulary, Tokenizer};

    fn tokenizer() -> Tokenizer {
        let pieces = ["a", "b", "ab", "c", "Ã", "©"];
        Tokenizer::from_gguf(GgufVocabulary {
            model: "gpt2".into(),
            tokens: pieces.map(str::to_owned).to_vec(),
            ..GgufVocabulary::default()
        })
        .unwrap()
    }

    fn added(stops: &[&str], tokens: &[u32]) -> (Vec<String>, bool, String) {
        let tokenizer = tokenizer();
        let stops = stops.iter().map(|stop| (*stop).to_owned()).collect();
        let mut stream = TextStream::new(tokenizer.stream(), stops);
        let mut pieces = Vec::new();
        for token in tokens {
            let addition = stream.push(*token);
            pieces.push(addition.text);
            if addition.stopped {
                return (pieces, true, stream.finish());
            }
        }
        (pieces, false, stream.finish())
    }

    #[test]
    fn a_stop_text_ends_the_text_wherever_tokens_are_cut() {
        assert_eq!(added(&["bc"], &[2, 3, 0]), (vec!["a".into(), String::new()], true, String::new()));
        let expected = vec![String::new(), "a".into(), String::new(), String::new()];
        assert_eq!(added(&["abc"], &[0, 0, 1, 3]), (expected, true, String::new()));
    }

    #[test]
    fn what_only_looked_like_a_stop_text_comes_later() {
        let expected = ["", "", "ab"].map(str::to_owned).to_vec();
        let (pieces, stopped, rest) = added(&["abc"], &[0, 1, 0]);
        assert_eq!((pieces, stopped, rest), (expected, false, "a".to_owned()));
    }

    #[test]
    fn it_is_known_whose_text_is_held() {
        let tokenizer = tokenizer();
        let mut stream = TextStream::new(tokenizer.stream(), vec!["abc".to_owned()]);
        // a, then b: together they may become "abc"; then a: "ab" is given out, "a" is not.
        let undecided: Vec<usize> = [0, 1, 0].map(|token| stream.push(token).undecided).to_vec();
        assert_eq!(undecided, [1, 2, 1]);
        // Half of a character: the "a" is held beside it until the next token completes it.
        let undecided: Vec<usize> = [4, 5, 3].map(|token| stream.push(token).undecided).to_vec();
        assert_eq!(undecided, [2, 0, 0]);
        let last = [2, 3].map(|token| stream.push(token));
        assert_eq!((last[0].undecided, last[1].undecided, last[1].stopped), (1, 2, true));
        assert_eq!(stream.undecided(), 0);
    }

    #[test]
    fn a_token_of_which_a_part_is_given_out_is_undecided() {
        let tokenizer = tokenizer();
        let mut stream = TextStream::new(tokenizer.stream(), vec!["bc".to_owned()]);
        let addition = stream.push(2);
        assert_eq!((addition.text.as_str(), addition.undecided), ("a", 1));
        let addition = stream.push(0);
        assert_eq!((addition.text.as_str(), addition.undecided), ("ba", 0));
    }

    #[test]
    fn a_character_in_two_tokens_comes_whole() {
        assert_eq!(added(&[], &[4, 5]), (vec![String::new(), "é".into()], false, String::new()));
        assert_eq!(added(&["c"], &[0, 4]), (vec!["a".into(), String::new()], false, "\u{FFFD}".into()));
    }
}
