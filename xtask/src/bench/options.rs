//! The options of `cargo xtask bench`.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

/// What `--help` says of it.
pub(crate) const USAGE: &str =
    "  bench [OPTIONS]          the engine beside its peers: ratios, share of the peak, memory
                           --model FILE         GGUF file [default: the base model of the tests]
                           --python FILE        a Python with torch, transformers, peft and gguf
                           --llama-python FILE  a Python with llama_cpp
                           --rounds N           turns of each; medians are shown [default: 3]
                           --only TEXT          comparisons with that in their name
                           --json               one line a comparison";

/// What was asked for. A peer without its Python is left out.
#[derive(Debug, Default)]
pub(super) struct Options {
    pub(super) model: Option<PathBuf>,
    pub(super) python: Option<PathBuf>,
    pub(super) llama_python: Option<PathBuf>,
    pub(super) rounds: usize,
    pub(super) only: Option<String>,
    pub(super) json: bool,
}

impl Options {
    pub(super) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self { rounds: 3, ..Self::default() };
        while let Some(word) = words.next() {
            if word == "--json" {
                options.json = true;
                continue;
            }
            let mut value = || words.next().with_context(|| format!("{word} needs a value"));
            match word.as_str() {
                "--model" => options.model = Some(value()?.into()),
                "--python" => options.python = Some(value()?.into()),
                "--llama-python" => options.llama_python = Some(value()?.into()),
                "--only" => options.only = Some(value()?),
                "--rounds" => options.rounds = value()?.parse().context("--rounds takes a number")?,
                other => bail!("bench has no option `{other}`\n\n{USAGE}"),
            }
        }
        ensure!(options.rounds > 0, "--rounds takes at least 1");
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_are_read_and_have_defaults() -> Result<()> {
        let options = parse("--rounds 5 --json --only decode")?;
        assert_eq!((options.rounds, options.json, options.only.as_deref()), (5, true, Some("decode")));
        assert_eq!(parse("")?.rounds, 3);
        Ok(())
    }

    #[test]
    fn what_is_not_known_or_has_no_value_is_refused() {
        for line in ["--fast", "--rounds", "--rounds none", "--rounds 0"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
