//! Prompts and files of them.

use std::fmt::Display;
use std::path::Path;

use serde::Deserialize;

use crate::{Error, files};

/// A text to be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// The text.
    pub text: String,
    /// The file and line it stands in; `None` where it was given by itself.
    pub place: Option<String>,
}

impl Prompt {
    /// What is wrong with it, with its place.
    pub fn problem(&self, what: impl Display) -> String {
        match &self.place {
            Some(place) => format!("{place}: {what}"),
            None => what.to_string(),
        }
    }
}

/// Reads prompts: one on each line, or as the field `prompt` of one JSON object on each line.
///
/// # Errors
/// Names every line that cannot be read.
pub fn read_prompts(path: &Path) -> Result<Vec<Prompt>, Error> {
    #[derive(Deserialize)]
    struct Line {
        prompt: String,
    }
    let bytes = files::read(path)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.trim_start_matches('\u{FEFF}').lines().enumerate();
    let lines: Vec<(usize, &str)> = lines.filter(|(_, line)| !line.trim().is_empty()).collect();
    let Some((_, first)) = lines.first() else {
        return Err(Error::Request(format!("{} holds no prompt: write one on each line", path.display())));
    };
    let is_json = first.trim_start().starts_with('{');
    let (mut prompts, mut problems) = (Vec::with_capacity(lines.len()), Vec::new());
    for (index, line) in lines {
        let place = Some(format!("{}, line {}", path.display(), index + 1));
        let text = if is_json {
            serde_json::from_str(line).map(|line: Line| line.prompt)
        } else {
            Ok(line.trim().to_owned())
        };
        let prompt = Prompt { text: String::new(), place };
        match text {
            Ok(text) => prompts.push(Prompt { text, ..prompt }),
            Err(error) => {
                let told = error.to_string();
                // The line that it counts is always the first.
                let told = told.split(" at line ").next().unwrap_or_default();
                problems.push(
                    prompt.problem(format!("{told}; each line is a JSON object with the text in \"prompt\"")),
                );
            }
        }
    }
    refuse(problems)?;
    Ok(prompts)
}

/// An error where there are problems.
pub(crate) fn refuse(mut problems: Vec<String>) -> Result<(), Error> {
    match problems.len() {
        0 => Ok(()),
        1 => Err(Error::Request(problems.remove(0))),
        _ => Err(Error::Prompts { problems }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<String>, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("prompts");
        std::fs::write(&path, text).unwrap();
        let prompts = read_prompts(&path).map_err(|error| error.to_string())?;
        let short = |place: Option<String>| place.unwrap().rsplit(' ').next().unwrap().to_owned();
        Ok(prompts.into_iter().map(|prompt| short(prompt.place) + ": " + &prompt.text).collect())
    }

    #[test]
    fn prompts_are_lines_or_objects() {
        assert_eq!(read("What is osmosis?\n\n  Why? \r\n").unwrap(), ["1: What is osmosis?", "3: Why?"]);
        let objects = "{\"prompt\": \"a\\nb\"}\n{\"prompt\": \"c\", \"id\": 3}\n";
        assert_eq!(read(objects).unwrap(), ["1: a\nb", "2: c"]);
        assert!(read(" \n").unwrap_err().contains("holds no prompt"));
    }

    #[test]
    fn every_line_that_cannot_be_read_is_named() {
        let refused = read("{\"prompt\": \"a\"}\nb\n{\"prompt\": \"c\"}\n{\"text\": \"d\"}").unwrap_err();
        for part in ["2 problems", "line 2", "line 4", "\"prompt\""] {
            assert!(refused.contains(part), "{part}: {refused}");
        }
        assert!(!refused.contains("line 1") && !refused.contains("line 3"), "{refused}");
    }
}
