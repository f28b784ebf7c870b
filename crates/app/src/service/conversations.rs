//! Files of conversations to learn from, checked whole before they are taken: line by line, in bounded memory. Knows
//! OpenAI's format alone; what is wrong in a line, the importer of conversations says.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::path::PathBuf;

use gradus_grading::import::chat::chat_examples;
use gradus_grading::import::{Place, Problem};
use serde_json::Value;

use super::blocking;
use crate::Error;

/// The most bytes of one conversation: a million words.
const LONGEST_LINE: usize = 8 << 20;
/// How many problems are told one by one.
const TOLD: usize = 50;
/// A file may begin with it, to say that it is UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// What a file of conversations was found to be. Says every problem by its line, as far as they are told one by one.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
#[error("{}", told(self))]
pub struct CheckedConversations {
    /// How many conversations can be learnt from.
    pub examples: usize,
    /// What is wrong, in the file's order; the first problems alone, where there are many.
    pub problems: Vec<Problem>,
    /// How many problems there are.
    pub problem_count: usize,
}

/// Checks a file of conversations in OpenAI's format (JSON Lines with `messages`), which people know as `name`.
///
/// # Errors
/// [`Error::Conversations`] when something in it is wrong; when it cannot be read.
pub(super) async fn check_conversations(path: PathBuf, name: String) -> Result<(), Error> {
    blocking(move || {
        let file = File::open(&path).map_err(Error::file("read", &path))?;
        let checked = check(BufReader::with_capacity(1 << 18, file), &name);
        match checked.map_err(Error::file("read", &path))? {
            sound if sound.problem_count == 0 => Ok(()),
            faulty => Err(Error::Conversations(faulty)),
        }
    })
    .await
}

fn told(checked: &CheckedConversations) -> String {
    let (count, told) = (checked.problem_count, checked.problems.len());
    let noun = if count == 1 { "problem" } else { "problems" };
    let mut lines = vec![format!("the file cannot be used for fine-tuning, because of {count} {noun}:")];
    lines.extend(checked.problems.iter().map(Problem::to_string));
    if count > told {
        lines.push(format!("and {} more", count - told));
    }
    lines.join("\n")
}

fn check(mut source: impl BufRead, name: &str) -> io::Result<CheckedConversations> {
    let mut checked = CheckedConversations::default();
    let mut line = Vec::new();
    for number in 1.. {
        let Some(is_whole) = next_line(&mut source, &mut line)? else { break };
        let place = Place::Line(number);
        if !is_whole {
            let message = format!("the line is longer than {LONGEST_LINE} bytes");
            checked.note(problem(name, place, message, "Make several conversations of it."));
            continue;
        }
        let content: &[u8] =
            if number == 1 { line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&line) } else { &line };
        checked.take(name, place, content);
    }
    if checked.examples == 0 && checked.problem_count == 0 {
        let (message, remedy) = ("the file has no examples", "Choose the file that holds the examples.");
        checked.note(problem(name, None, message, remedy));
    }
    Ok(checked)
}

impl CheckedConversations {
    fn take(&mut self, name: &str, place: Place, line: &[u8]) {
        if line.trim_ascii().is_empty() {
            return;
        }
        let problems = problems(name, place, line);
        if problems.is_empty() {
            self.examples += 1;
        }
        problems.into_iter().for_each(|problem| self.note(problem));
    }

    fn note(&mut self, problem: Problem) {
        self.problem_count += 1;
        if self.problems.len() < TOLD {
            self.problems.push(problem);
        }
    }
}

/// What is wrong with one conversation.
fn problems(name: &str, place: Place, line: &[u8]) -> Vec<Problem> {
    let one = |message: &str, remedy: &str| vec![problem(name, place, message, remedy)];
    if std::str::from_utf8(line).is_err() {
        return one("this is not UTF-8", "Save the file as UTF-8.");
    }
    match serde_json::from_slice(line) {
        Ok(Value::Object(object)) if !object.contains_key("messages") => {
            return one(
                "there is no field `messages`",
                "Write each conversation as `{\"messages\": [{\"role\": …, \"content\": …}, …]}`.",
            );
        }
        // A line that is no JSON is refused by the importer, which says where.
        Ok(Value::Object(_)) | Err(_) => {}
        Ok(_) => return one("this is not a JSON object", "Write one `{\"messages\": […]}` a line."),
    }
    let Err(found) = chat_examples(name, line) else { return Vec::new() };
    let placed = |problem: Problem| Problem { place: Some(place), ..problem };
    found.errors.into_iter().map(placed).collect()
}

fn problem(
    name: &str,
    place: impl Into<Option<Place>>,
    message: impl Into<String>,
    remedy: impl Into<String>,
) -> Problem {
    Problem {
        file: name.to_owned(),
        place: place.into(),
        column: None,
        message: message.into(),
        remedy: remedy.into(),
    }
}

/// Reads the next line without its end. False for one that is too long, of which only a part is kept; none after the
/// last.
fn next_line(source: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    line.clear();
    let (mut is_there, mut is_whole) = (false, true);
    loop {
        let buffer = match source.fill_buf() {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            buffer => buffer?,
        };
        if buffer.is_empty() {
            return Ok(is_there.then_some(is_whole));
        }
        is_there = true;
        let end = buffer.iter().position(|&byte| byte == b'\n');
        let part = &buffer[..end.unwrap_or(buffer.len())];
        is_whole = is_whole && line.len() + part.len() <= LONGEST_LINE;
        if is_whole {
            line.extend_from_slice(part);
        }
        let read = part.len() + usize::from(end.is_some());
        source.consume(read);
        if end.is_some() {
            return Ok(Some(is_whole));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        r#"{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]}"#;

    fn checked(text: impl AsRef<[u8]>) -> CheckedConversations {
        check(BufReader::with_capacity(7, text.as_ref()), "train.jsonl").unwrap()
    }

    fn said(text: impl AsRef<[u8]>) -> Vec<String> {
        checked(text).problems.iter().map(Problem::to_string).collect()
    }

    #[test]
    fn sound_conversations_are_counted_and_blank_lines_are_not() {
        let found = checked(format!("\u{feff}{GOOD}\r\n\n  \n{GOOD}"));
        assert_eq!((found.examples, found.problem_count), (2, 0), "{found:?}");
    }

    #[test]
    fn every_fault_is_told_by_its_line() {
        let weight = GOOD.replace(r#""hello""#, r#""hello", "weight": 2"#);
        let role = GOOD.replace("user", "king");
        let text = format!(
            "{GOOD}\n{weight}\n{role}\nnot json\n[1]\n{{\"prompt\": 1}}\n{{\"messages\": []}}\n{GOOD}\n"
        );
        let found = checked(&text);
        assert_eq!((found.examples, found.problem_count), (2, 6), "{found:?}");
        let expected = [
            "train.jsonl, line 2, field `weight`",
            "train.jsonl, line 3, field `role`: `king`",
            "train.jsonl, line 4: bad JSON",
            "train.jsonl, line 5: this is not a JSON object",
            "train.jsonl, line 6: there is no field `messages`",
            "train.jsonl, line 7: there is no assistant message",
        ];
        for (said, expected) in said(&text).iter().zip(expected) {
            assert!(said.starts_with(expected), "{said}");
        }
    }

    #[test]
    fn many_faults_are_counted_and_the_first_are_told() {
        let found = checked("{}\n".repeat(TOLD + 7));
        assert_eq!((found.problems.len(), found.problem_count), (TOLD, TOLD + 7));
        assert!(
            found
                .to_string()
                .starts_with(&format!("the file cannot be used for fine-tuning, because of {}", TOLD + 7))
        );
        assert!(found.to_string().ends_with("\nand 7 more"), "{found}");
    }

    #[test]
    fn a_line_without_an_end_takes_no_memory_and_the_next_one_is_read() {
        let found = checked(format!("{}\n{GOOD}\n", "x".repeat(LONGEST_LINE + 1)));
        assert_eq!((found.examples, found.problem_count), (1, 1));
        assert!(found.problems[0].to_string().contains("line 1: the line is longer"), "{found:?}");
    }

    #[test]
    fn a_file_without_examples_and_one_of_other_bytes_are_refused() {
        assert_eq!(
            said("\n\n"),
            ["train.jsonl: the file has no examples. Choose the file that holds the examples."]
        );
        assert!(said(b"\xff\xfe\n")[0].contains("line 1: this is not UTF-8"));
    }
}
