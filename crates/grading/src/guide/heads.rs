//! How a numbered line begins: `Question 1`, `Q1:`, `1.`, `1)`, `1a)`, `1 (a)(ii)`, `(b)`, `ii.`.
//! Reads one line only; whether a numbered line is a question is decided in `chain` and `subparts`.

use super::lines::{Line, Passage, Shape};

/// The word before a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keyword {
    Question,
    Answer,
    Part,
}

/// What stands around a number. Heads of one document are written alike; lists in it often are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Style {
    Keyword,
    Dot,
    Parenthesis,
    Brackets,
    Colon,
    Dash,
    Bare,
}

/// A numbered beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// Its parts in lower case: `["1", "a", "ii"]`; a dotted number is `["1", ".2"]`.
    pub(crate) path: Vec<String>,
    pub(crate) style: Style,
    pub(crate) keyword: Option<Keyword>,
    /// Where the text after it begins, in bytes.
    pub(crate) rest: usize,
}

impl Head {
    /// Whether it names a question by itself, not a part of the one before it.
    pub(crate) fn is_absolute(&self) -> bool {
        number_value(&self.path[0]).is_some()
    }
}

/// The head of a line and the text after it. A list item's marker counts as written.
pub(crate) fn head_of<'a>(line: &Line<'a>) -> Option<(Head, Passage<'a>)> {
    let own = parse_head(line.passage.text);
    let marker = match line.shape {
        Shape::Item { marker } => marker.and_then(parse_head),
        Shape::Row(_) => return None,
        _ => None,
    };
    let head = match (marker, own) {
        (_, Some(own)) if own.keyword.is_some() => own,
        // "1." as the list's marker and "(a) …" as its text are one head.
        (Some(marker), Some(own)) if marker.is_absolute() && !own.is_absolute() => {
            Head { path: marker.path.into_iter().chain(own.path).collect(), rest: own.rest, ..marker }
        }
        (Some(marker), _) => Head { rest: 0, ..marker },
        (None, own) => own?,
    };
    let rest = line.passage.from(head.rest);
    Some((head, rest))
}

/// Reads the numbered beginning of a text, if it has one.
pub(crate) fn parse_head(text: &str) -> Option<Head> {
    let mut reader = Reader { text, at: 0 };
    let keyword = reader.keyword();
    if let Some(keyword) = keyword {
        return reader.after_keyword(keyword);
    }
    reader.at = 0;
    let mut path = Vec::new();
    let mut style = reader.first_part(&mut path)?;
    // Parts follow directly (`1a`, `1(a)`, `1 (a)`) or after the first delimiter (`1. (a)`, `a) i)`).
    let absolute = number_value(&path[0]).is_some();
    if style == Style::Bare {
        reader.attached_parts(&mut path);
        style = match reader.delimiter() {
            Some(style) => style,
            None if path.len() > 1 && reader.previous() == Some(')') => Style::Brackets,
            None if path.len() > 1 && path[1].starts_with('.') && reader.goes_on_with_capital() => {
                Style::Bare
            }
            None if absolute && (reader.rest().is_empty() || reader.rest().starts_with('\t')) => Style::Bare,
            None => return None,
        };
    }
    reader.bracketed_parts(&mut path);
    (absolute || style != Style::Dash && style != Style::Bare).then(|| reader.finish(path, style, None))
}

const QUESTION_WORDS: [&str; 10] =
    ["questions", "question", "ques", "qn", "q", "problem", "task", "exercise", "item", "number"];
/// Words after a number that make it a mention ("Question 1 asks …"), not a head.
const MENTION_WORDS: [&str; 18] = [
    "also", "of", "and", "or", "to", "asks", "is", "was", "in", "has", "requires", "above", "below", "on",
    "about", "only", "are", "should",
];
const NUMBER_WORDS: [&str; 12] =
    ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn previous(&self) -> Option<char> {
        self.text[..self.at].chars().next_back()
    }

    fn skip(&mut self, pattern: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches(pattern).len();
    }

    /// The ASCII letters ahead, in lower case (so that its length is the length read); empty where the
    /// word goes on in other letters.
    fn word(&self) -> String {
        let rest = self.rest();
        let after = rest.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        if after.starts_with(char::is_alphabetic) {
            return String::new();
        }
        rest[..rest.len() - after.len()].to_ascii_lowercase()
    }

    fn keyword(&mut self) -> Option<Keyword> {
        self.skip(|c| c == '*' || c == '_');
        let word = self.word();
        let keyword = match word.as_str() {
            "answer" | "ans" | "response" | "solution" => Keyword::Answer,
            "part" => Keyword::Part,
            word if QUESTION_WORDS.contains(&word) => Keyword::Question,
            _ => return None,
        };
        self.at += word.len();
        self.skip(|c| c.is_whitespace() || c == '.' || c == '#');
        // "Answer to question 2", "Question no. 3".
        for filler in ["to", "for", "number", "no", "question", "q"] {
            let next = self.word();
            let followed = self.rest().get(next.len()..).unwrap_or("");
            if next == filler && (filler == "q" || !followed.starts_with(char::is_alphanumeric)) {
                self.at += next.len();
                self.skip(|c| c.is_whitespace() || c == '.' || c == '#');
            }
        }
        Some(keyword)
    }

    fn after_keyword(mut self, keyword: Keyword) -> Option<Head> {
        let mut path = Vec::new();
        let word = self.word();
        if let Some(value) = NUMBER_WORDS.iter().position(|&name| name == word) {
            self.at += word.len();
            path.push((value + 1).to_string());
        } else if self.first_part(&mut path).is_none() {
            return None;
        }
        if number_value(&path[0]).is_none() && keyword != Keyword::Part {
            return None;
        }
        self.attached_parts(&mut path);
        let delimited = self.delimiter().is_some();
        self.bracketed_parts(&mut path);
        let rest = self.rest();
        let next_word = rest.split_whitespace().next().unwrap_or("").to_lowercase();
        let apart = rest.is_empty()
            || rest.starts_with(|c: char| !c.is_alphanumeric() && c != '.' && c != ',' && c != '%');
        (delimited || apart && !MENTION_WORDS.contains(&next_word.as_str()))
            .then(|| self.finish(path, Style::Keyword, Some(keyword)))
    }

    /// `1`, `(1)`, `(a)`, `a)` or `a.`: the first part and, where its own delimiter is read, the style.
    fn first_part(&mut self, path: &mut Vec<String>) -> Option<Style> {
        if let Some(part) = self.in_brackets(|part| is_part(part) || number_value(part).is_some()) {
            path.push(part);
            return Some(Style::Brackets);
        }
        let digits = self.digits();
        if !digits.is_empty() {
            path.push(digits.trim_start_matches('0').to_owned());
            return (digits.len() <= 3 && !path[0].is_empty()).then_some(Style::Bare);
        }
        let word = self.word();
        if !is_part(&word) {
            return None;
        }
        self.at += word.len();
        path.push(word);
        match self.delimiter() {
            Some(style @ (Style::Dot | Style::Parenthesis | Style::Colon)) => Some(style),
            _ => None,
        }
    }

    fn digits(&mut self) -> &'a str {
        let from = self.at;
        self.skip(|c| c.is_ascii_digit());
        &self.text[from..self.at]
    }

    /// Parts that follow a number without a delimiter: `.2`, `a`, `aii`, `(a)`, ` (a)`, ` a)`.
    fn attached_parts(&mut self, path: &mut Vec<String>) {
        while self.rest().starts_with('.') {
            let from = self.at;
            self.at += 1;
            let digits = self.digits();
            if digits.is_empty() || digits.len() > 2 {
                self.at = from;
                break;
            }
            path.push(format!(".{digits}"));
        }
        let word = self.word();
        if !word.is_empty() && !self.rest()[word.len()..].starts_with(char::is_alphanumeric) {
            if is_part(&word) {
                self.at += word.len();
                path.push(word);
            } else if let Some((letter, roman)) = word.split_at_checked(1)
                && is_part(letter)
                && roman_value(roman).is_some()
            {
                self.at += word.len();
                path.extend([letter.to_owned(), roman.to_owned()]);
            }
        }
        self.bracketed_parts(path);
    }

    /// `(a)`, ` (a)(ii)`, ` a)`: never a number in brackets, which is a number of marks.
    fn bracketed_parts(&mut self, path: &mut Vec<String>) {
        while path.len() < 4 {
            let from = self.at;
            self.skip(char::is_whitespace);
            if let Some(part) = self.in_brackets(is_part) {
                path.push(part);
                continue;
            }
            let word = self.word();
            if is_part(&word) && self.rest()[word.len()..].starts_with(')') {
                self.at += word.len() + 1;
                path.push(word);
                continue;
            }
            self.at = from;
            break;
        }
    }

    fn in_brackets(&mut self, accept: impl Fn(&str) -> bool) -> Option<String> {
        let inner = self.rest().strip_prefix('(')?;
        let part = inner[..inner.find(')')?].trim();
        let lower = part.to_lowercase();
        if part.len() > 5 || !accept(&lower) {
            return None;
        }
        self.at += inner.find(')')? + 2;
        Some(lower)
    }

    /// `.`, `)`, `:` or a dash between spaces, with something other than more of the number after it.
    fn delimiter(&mut self) -> Option<Style> {
        let rest = self.rest();
        let mut chars = rest.chars();
        let first = chars.next()?;
        let after = chars.as_str();
        let apart = after.is_empty() || after.starts_with(|c: char| c.is_whitespace() || c == '*');
        let style = match first {
            '.' if apart || after.starts_with(|c: char| c.is_uppercase() || c == ')') => Style::Dot,
            ')' | ']' => Style::Parenthesis,
            ':' if !after.starts_with(|c: char| c.is_ascii_digit()) => Style::Colon,
            _ => {
                let trimmed = rest.trim_start();
                let dash = trimmed.starts_with(['-', '–', '—']) && trimmed.len() < rest.len();
                let width = trimmed.chars().next().map_or(0, char::len_utf8);
                if !dash || !trimmed[width..].starts_with(char::is_whitespace) {
                    return None;
                }
                self.at += rest.len() - trimmed.len() + width;
                return Some(Style::Dash);
            }
        };
        self.at += first.len_utf8();
        Some(style)
    }

    fn goes_on_with_capital(&self) -> bool {
        let rest = self.rest();
        rest.is_empty()
            || rest.starts_with(char::is_whitespace) && rest.trim_start().starts_with(char::is_uppercase)
    }

    fn finish(mut self, path: Vec<String>, style: Style, keyword: Option<Keyword>) -> Head {
        self.skip(|c| c.is_whitespace() || matches!(c, '.' | ':' | ')' | '*' | '|'));
        // A dash sets the text off only where a space follows: "Q1: -5" keeps its sign.
        let rest = self.rest();
        if let Some(first) = rest.chars().next().filter(|c| matches!(c, '-' | '–' | '—')) {
            let after = &rest[first.len_utf8()..];
            if after.starts_with(char::is_whitespace) {
                self.at = self.text.len() - after.trim_start().len();
            }
        }
        Head { path, style, keyword, rest: self.at }
    }
}

/// One letter or a short Roman number, in lower case.
fn is_part(part: &str) -> bool {
    letter_value(part).is_some() || roman_value(part).is_some()
}

/// 1 for `1`, 2 for `.2`.
pub(crate) fn number_value(part: &str) -> Option<u32> {
    let digits = part.strip_prefix('.').unwrap_or(part);
    let plain = !digits.is_empty() && digits.len() <= 3 && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

/// 1 for `a` to 26 for `z`.
pub(crate) fn letter_value(part: &str) -> Option<u32> {
    match part.as_bytes() {
        [letter @ b'a'..=b'z'] => Some(u32::from(letter - b'a') + 1),
        _ => None,
    }
}

/// 1 for `i` to 20 for `xx`.
pub(crate) fn roman_value(part: &str) -> Option<u32> {
    const ROMAN: [&str; 20] = [
        "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii", "xiii", "xiv", "xv", "xvi",
        "xvii", "xviii", "xix", "xx",
    ];
    let index = ROMAN.iter().position(|&roman| roman == part)?;
    u32::try_from(index + 1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(String, &str)> {
        parse_head(text).map(|head| (head.path.concat(), &text[head.rest..]))
    }

    #[test]
    fn heads_are_read_as_people_write_them() {
        for (text, id, rest) in [
            ("Question 1 (20 marks)", "1", "(20 marks)"),
            ("QUESTION 12: Explain", "12", "Explain"),
            ("Question One – Cells", "1", "Cells"),
            ("Q1. Explain", "1", "Explain"),
            ("Q1: -5", "1", "-5"),
            ("Q 2) x", "2", "x"),
            ("1. Explain", "1", "Explain"),
            ("1) Explain", "1", "Explain"),
            ("1.Explain", "1", "Explain"),
            ("1a) Define", "1a", "Define"),
            ("1 (a) Define", "1a", "Define"),
            ("1(a)(ii) Define", "1aii", "Define"),
            ("1. (a) Define", "1a", "Define"),
            ("1aii. Define", "1aii", "Define"),
            ("1.2 Define", "1.2", "Define"),
            ("Question 3(b): Define", "3b", "Define"),
            ("(a) Define", "a", "Define"),
            ("(a)(ii) Define", "aii", "Define"),
            ("ii) Define", "ii", "Define"),
            ("Part (b) Define", "b", "Define"),
            ("Answer to question 2: x", "2", "x"),
            ("Answer 4", "4", ""),
            ("7", "7", ""),
            ("Question 5 [4]", "5", "[4]"),
        ] {
            assert_eq!(read(text), Some((id.to_owned(), rest)), "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_a_head_is_refused() {
        for text in [
            "Question 1 asks about osmosis",
            "1.5 marks",
            "2 marks",
            "1st of May",
            "e.g. water",
            "2x + 3 = 5",
            "1998. A year",
            "Questions",
            "a cell",
            "(see page 2)",
            "Quite 1.",
            "3.14 is pi",
            "Answer: water",
            "",
            "½",
            "10 % of cells",
            "I think so",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
