//! Command lines that do again what was done, for reports.

use std::fmt::Display;

use gradus_app::engine::backend::Device;

use crate::environment::Environment;

/// A command line in the making, as a shell reads it.
pub(crate) struct Again(String);

impl Again {
    /// `gradus` with that command, on the instructions that were forced, if any.
    pub(crate) fn command(name: &str, environment: &Environment) -> Self {
        Self::program(environment).word(name)
    }

    /// The command line as it was given.
    pub(crate) fn as_given(environment: &Environment) -> Self {
        let words = std::env::args_os().skip(1);
        words.fold(Self::program(environment), |again, word| again.word(&word.to_string_lossy()))
    }

    fn program(environment: &Environment) -> Self {
        let forced = environment.instructions.map(|level| format!("GRADUS_CPU={} ", level.name()));
        Self(format!("{}gradus", forced.unwrap_or_default()))
    }

    fn word(mut self, word: &str) -> Self {
        self.0.push(' ');
        self.0.push_str(&quoted(word));
        self
    }

    /// An option with its value, where it was given.
    pub(crate) fn option(mut self, name: &str, value: Option<impl Display>) -> Self {
        if let Some(value) = value {
            self = self.word(&format!("--{name}")).word(&value.to_string());
        }
        self
    }

    /// An option without a value, where it was given.
    pub(crate) fn flag(mut self, name: &str, given: bool) -> Self {
        if given {
            self = self.word(&format!("--{name}"));
        }
        self
    }

    /// The device that was meant: another machine might choose another one by itself.
    pub(crate) fn device(self, device: Device) -> Self {
        self.option("device", Some(device.chosen()))
    }

    pub(crate) fn into_line(self) -> String {
        self.0
    }
}

/// A word as a POSIX shell reads it, quoted where it has to be.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn words_are_quoted_where_a_shell_would_take_them_apart() {
        assert_eq!(quoted("run/model-2.gguf"), "run/model-2.gguf");
        assert_eq!(quoted("my guide.docx"), "'my guide.docx'");
        assert_eq!(quoted("Ada's $1"), r"'Ada'\''s $1'");
        assert_eq!(quoted(""), "''");
    }
}
