//! Rules over a list of points: "any two from", "award 1 mark for each of the following (max 3)".

use gradus_domain::Marks;

use super::marks_notation::leading_number;

/// How the points that follow earn marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct AwardRule {
    /// Marks for each point.
    pub(crate) each: Option<Marks>,
    /// The most that the points earn together.
    pub(crate) max: Option<Marks>,
    /// How many of the points count.
    pub(crate) any: Option<u32>,
}

impl AwardRule {
    /// The most that the points earn together, where the rule says.
    pub(crate) fn limit(&self, each: Option<Marks>) -> Option<Marks> {
        let of_count = self
            .any
            .zip(self.each.or(each))
            .and_then(|(any, each)| Marks::from_f64(f64::from(any) * each.as_f64()));
        self.max.or(of_count)
    }
}

/// Reads a rule from a line, if the line states one.
pub(crate) fn award_rule(text: &str) -> Option<AwardRule> {
    if text.len() > 200 {
        return None;
    }
    let lower = spaced(&text.to_lowercase());
    let words: Vec<&str> = lower
        .split(|c: char| c.is_whitespace() || matches!(c, ':' | ',' | ';' | '(' | ')' | '[' | ']'))
        .filter(|word| !word.is_empty())
        .collect();
    let rule = AwardRule { each: words_each(&words), max: words_max(&words), any: words_any(&words) };
    let states = rule.any.is_some() || rule.each.is_some();
    states.then_some(rule)
}

/// "1mk" as "1 mk".
fn spaced(text: &str) -> String {
    let mut spaced = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if character.is_alphabetic() && spaced.ends_with(|c: char| c.is_ascii_digit()) {
            spaced.push(' ');
        }
        spaced.push(character);
    }
    spaced
}

fn number(word: &str) -> Option<Marks> {
    leading_number(word).filter(|&(_, length)| length == word.len()).map(|(marks, _)| marks)
}

fn is_unit(word: &str) -> bool {
    matches!(word, "mark" | "marks" | "mk" | "mks" | "pt" | "pts" | "point" | "points")
}

/// "1 mark for each", "1 mark each", "one mark per point", "half a mark for every".
fn words_each(words: &[&str]) -> Option<Marks> {
    words.iter().enumerate().find_map(|(at, word)| {
        let marks = number(word)?;
        let mut next = at + 1;
        if *word == "half" && words.get(next) == Some(&"a") {
            next += 1;
        }
        let unit = words.get(next).is_some_and(|word| is_unit(word));
        let each = words[next..].iter().take(4).any(|word| matches!(*word, "each" | "per" | "every" | "any"));
        let limit = at > 0 && matches!(words[at - 1], "max" | "maximum" | "of" | "to");
        (unit && each && !limit).then_some(marks)
    })
}

/// "max 3", "maximum of 3", "up to 3 marks", "to a maximum of 3".
fn words_max(words: &[&str]) -> Option<Marks> {
    words.iter().enumerate().find_map(|(at, word)| {
        let (reaches, up_to) = match *word {
            "max" | "max." | "maximum" => (true, false),
            "to" => (at > 0 && words[at - 1] == "up", true),
            _ => (false, false),
        };
        let rest = words[at + 1..]
            .iter()
            .position(|word| !matches!(*word, "of" | "a" | "=" | "marks" | "mark" | "total"));
        let next = words.get(at + 1 + rest?)?;
        let unit = words.get(at + 2 + rest?).is_some_and(|word| is_unit(word));
        (reaches && (unit || !up_to)).then(|| number(next)).flatten()
    })
}

/// "any two from", "any 3 of the following", "any two points".
fn words_any(words: &[&str]) -> Option<u32> {
    words.windows(2).take(6).find_map(|pair| {
        let count = (pair[0] == "any").then(|| number(pair[1])).flatten()?;
        let whole = count.thousandths() % 1000 == 0;
        whole.then(|| u32::try_from(count.thousandths() / 1000).ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_as_guides_state_them() {
        let marks = |value: f64| Marks::from_f64(value);
        for (text, each, max, any) in [
            ("Award 1 mark for each of the following (max 3):", marks(1.0), marks(3.0), None),
            ("Any two from:", None, None, Some(2)),
            ("Any 3 of the following, 1 mark each", marks(1.0), None, Some(3)),
            ("One mark per point up to a maximum of 4 marks", marks(1.0), marks(4.0), None),
            ("Any four of the following, 1mk each", marks(1.0), None, Some(4)),
            ("½ mark each, maximum 2", marks(0.5), marks(2.0), None),
            ("half a mark for every correct label", marks(0.5), None, None),
        ] {
            assert_eq!(award_rule(text), Some(AwardRule { each, max, any }), "{text}");
        }
    }

    #[test]
    fn points_are_not_rules() {
        for text in ["names any membrane", "two membranes", "1 mark for naming ATP", "up to 3 layers"] {
            assert_eq!(award_rule(text), None, "{text}");
        }
    }
}
