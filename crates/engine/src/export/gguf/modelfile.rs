//! The Modelfile that makes an Ollama model of the GGUF file beside it.

use std::fmt::Write;

use super::turns::Turns;
use super::{MODEL, Prompting};
use crate::files::ModelFiles;

/// A Modelfile, and what a person should know about it.
pub(super) struct Modelfile {
    pub(super) text: String,
    pub(super) note: Option<&'static str>,
}

const NO_TEMPLATE: &str = "the base model has no chat template: Ollama will pass prompts on as they are";
const OTHER_TEMPLATE: &str = "the chat template does more than Ollama's language of templates can say in \
                              few words, so the Modelfile has none and Ollama uses the one in the GGUF file";

pub(super) fn write(base: &ModelFiles, prompting: Prompting, licence: Option<&str>) -> Modelfile {
    let mut text = format!("FROM ./{MODEL}\n");
    let mut note = None;
    match prompting {
        Prompting::Completion => {
            // One line at a time: what follows it is asked for with a longer prompt.
            text.push_str("TEMPLATE \"\"\"{{ .Prompt }}\"\"\"\nPARAMETER temperature 0\n");
            _ = writeln!(text, "PARAMETER stop {}", quoted("\n"));
        }
        Prompting::Chat => note = chat(&mut text, base),
    }
    for token in base.config.eos_token_ids.iter().filter_map(|id| base.tokenizer.token_text(*id)) {
        _ = writeln!(text, "PARAMETER stop {}", quoted(&token));
    }
    if let Some(licence) = licence {
        _ = writeln!(text, "LICENSE {}", quoted(licence));
    }
    Modelfile { text, note }
}

fn chat(text: &mut String, base: &ModelFiles) -> Option<&'static str> {
    let Some(template) = &base.chat_template else {
        text.push_str("TEMPLATE \"\"\"{{ .Prompt }}\"\"\"\n");
        return Some(NO_TEMPLATE);
    };
    let opening = base.tokenizer.opening_token().and_then(|id| base.tokenizer.token_text(id));
    let turns = Turns::of(template);
    let Some((turns, go)) = turns.and_then(|turns| turns.to_go(opening.as_deref()).map(|go| (turns, go)))
    else {
        return Some(OTHER_TEMPLATE);
    };
    _ = writeln!(text, "TEMPLATE \"\"\"{go}\"\"\"");
    if let Some(said) = turns.default_system {
        _ = writeln!(text, "SYSTEM \"\"\"{said}\"\"\"");
    }
    None
}

/// Ollama takes what stands between quotes as it is, lines and backslashes too: nothing can be escaped.
fn quoted(text: &str) -> String {
    let quotes = if text.contains('"') { "\"\"\"" } else { "\"" };
    format!("{quotes}{text}{quotes}")
}
