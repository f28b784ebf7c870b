//! Models as GGUF files: what they say, what is in their headers, and when an export is refused.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use candle_core::quantized::GgmlDType;
use candle_core::quantized::gguf_file::{Content, Value};
use gradus_engine::adapter::{Adapter, LoraConfig};
use gradus_engine::batch::Sequence;
use gradus_engine::config::{Activation, Design, Family, LocalLayers, ModelConfig, RopeScaling};
use gradus_engine::export::gguf::{About, GgufExport, GgufExported, GgufType, Prompting, write_gguf};
use gradus_engine::export::{Drift, ExportError};
use gradus_engine::files;
use gradus_engine::random::Random;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use crate::environment;
use crate::peft::random_adapter;
use crate::reference::{Reference, backend, largest_difference, original, read, scores, tiny_model};

const ALL_TYPES: [GgufType; 9] = [
    GgufType::F32,
    GgufType::F16,
    GgufType::Bf16,
    GgufType::Q8_0,
    GgufType::Q6K,
    GgufType::Q5K,
    GgufType::Q4K,
    GgufType::Q4_1,
    GgufType::Q4_0,
];

#[test]
fn a_gguf_file_scores_as_base_and_adapter_do_in_every_type() {
    let place = Place::new();
    // Wide enough for blocks of 256, with some rows that are not.
    let base = place.base(|config| config.hidden_size = 256);
    let adapter = small_adapter(&base);
    let mut sizes = Vec::new();
    for kind in ALL_TYPES {
        let exported = place.export(&base, &adapter, kind, &format!("{kind:?}")).unwrap();
        println!("{kind:?}: {}; {} bytes; {:?}", exported.drift, exported.bytes, exported.notes);
        let found = scores(&mut backend(&place.model(&format!("{kind:?}"))), None, &sample());
        let wanted = scores(&mut backend(&base), Some(&adapter), &sample());
        assert!(f64::from(largest_difference(&found, &wanted)) <= exported.drift.largest + 1e-4);
        sizes.push(exported.bytes);
    }
    assert!(sizes.windows(2).all(|pair| pair[0] >= pair[1]) || sizes[6] < sizes[3], "{sizes:?}");
}

#[test]
fn every_architecture_survives_the_round_trip() {
    let place = Place::new();
    let llama3 = RopeScaling::Llama3 {
        factor: 8.0,
        low_frequency_factor: 1.0,
        high_frequency_factor: 4.0,
        original_context_length: 8192,
    };
    type Change<'a> = &'a dyn Fn(&mut ModelConfig);
    let changes: [(&str, &str, Change<'_>); 8] = [
        ("llama", "llama", &|_| ()),
        ("tied", "llama", &|config| config.tie_word_embeddings = true),
        ("llama31", "llama", &|config| {
            config.rope_theta = 500_000.0;
            config.rope_scaling = llama3;
        }),
        ("linear", "llama", &|config| config.rope_scaling = RopeScaling::Linear { factor: 2.0 }),
        ("mistral", "llama", &|config| {
            config.family = Family::Mistral;
            config.sliding_window = Some(4);
        }),
        ("qwen2", "qwen2", &|config| {
            config.family = Family::Qwen2;
            config.attention_bias = true;
        }),
        ("qwen3", "qwen3", &|config| {
            config.family = Family::Qwen3;
            config.query_key_norm = true;
            config.head_dim = 32;
        }),
        ("gemma3", "gemma3", &gemma3),
    ];
    for (name, architecture, change) in changes {
        let base = place.base(change);
        let adapter = small_adapter(&base);
        let exported = place.export(&base, &adapter, GgufType::F32, name).unwrap();
        println!("{name}: {}", exported.drift);
        let (original, again) = (files::load(&base).unwrap(), files::load(&place.model(name)).unwrap());
        assert_eq!(again.config, original.config, "{name}");
        assert_eq!(place.metadata(name)["general.architecture"].to_string().unwrap(), architecture);
        assert_eq!(exported.notes.iter().any(|note| note.contains("looks back 4 tokens")), name == "mistral");
    }
}

/// One period of layers.
pub(crate) fn gemma3(config: &mut ModelConfig) {
    config.family = Family::Gemma3;
    (config.tie_word_embeddings, config.query_key_norm) = (true, true);
    (config.layers, config.key_value_heads, config.sliding_window) = (6, 1, Some(4));
    config.design = Design {
        activation: Activation::TanhGelu,
        output_norms: true,
        scaled_embeddings: true,
        query_scalar: None,
        local_layers: Some(LocalLayers { period: 6, rope_theta: 10_000.0 }),
    };
}

#[test]
fn the_header_says_what_the_model_is_and_where_it_comes_from() {
    let place = Place::new();
    let base = place.base(|_| ());
    place.export(&base, &small_adapter(&base), GgufType::Q8_0, "exported").unwrap();
    let metadata = place.metadata("exported");
    let text = |key: &str| metadata[key].to_string().unwrap().clone();
    assert_eq!(text("general.name"), "marker");
    assert_eq!(text("general.license"), "Apache-2.0");
    assert_eq!(text("general.base_model.0.name"), "tiny \"base\"");
    assert!(text("general.description").contains("Gradus"));
    assert_eq!(metadata["general.file_type"].to_u32().unwrap(), 7);
    assert_eq!(metadata["llama.vocab_size"].to_u32().unwrap(), 260);
    assert_eq!(metadata["tokenizer.ggml.tokens"].to_vec().unwrap().len(), 260);
    let content = content(&place.model("exported"));
    assert_eq!(content.tensor_infos["blk.0.attn_q.weight"].ggml_dtype, GgmlDType::Q8_0);
    assert_eq!(content.tensor_infos["blk.1.ffn_norm.weight"].ggml_dtype, GgmlDType::F32);
}

#[test]
fn a_base_model_in_gguf_passes_its_tokenizer_on_unchanged() {
    let place = Place::new();
    let base = place.base(|_| ());
    place.export(&base, &small_adapter(&base), GgufType::F32, "first").unwrap();
    let first = place.model("first");
    place.export(&first, &small_adapter(&first), GgufType::Q4_0, "second").unwrap();
    let (first, second) = (place.metadata("first"), place.metadata("second"));
    let carried: Vec<&String> = first.keys().filter(|key| !key.starts_with("general.")).collect();
    assert!(carried.len() > 15, "{carried:?}");
    for key in carried {
        assert_eq!(format!("{:?}", first[key]), format!("{:?}", second[key]), "{key}");
    }
    assert_eq!(second["general.license"].to_string().unwrap(), "Apache-2.0");
    assert_eq!(second["general.file_type"].to_u32().unwrap(), 2);
}

#[test]
fn rows_that_are_no_whole_blocks_are_named() {
    let place = Place::new();
    let base = place.base(|config| config.intermediate_size = 100);
    let exported = place.export(&base, &small_adapter(&base), GgufType::Q4K, "exported").unwrap();
    println!("{:?}", exported.notes);
    let notes = exported.notes.join("\n");
    assert!(notes.contains("13 tensors") && notes.contains("the type q5_0"), "{notes}");
    assert!(
        notes.contains("2 tensors whose rows are no whole blocks of 256 weights have the type f16"),
        "{notes}"
    );
    assert!(
        notes.contains("1 tensor whose rows are no whole blocks of 256 weights has the type q8_0"),
        "{notes}"
    );
    let content = content(&place.model("exported"));
    assert_eq!(content.tensor_infos["blk.0.ffn_down.weight"].ggml_dtype, GgmlDType::F16);
}

#[test]
fn the_modelfile_asks_as_the_model_was_trained() {
    let place = Place::new();
    let base = place.base(|_| ());
    let adapter = small_adapter(&base);
    let modelfile = |prompting, name: &str| {
        let export = GgufExport { prompting, ..place.of(&base, &adapter, GgufType::F16) };
        write_gguf(&place.path(name), &export).unwrap();
        fs::read_to_string(place.path(name).join("Modelfile")).unwrap()
    };
    assert_eq!(
        modelfile(Prompting::Completion, "marking"),
        "FROM ./model.gguf\nTEMPLATE \"\"\"{{ .Prompt }}\"\"\"\nPARAMETER temperature 0\n\
         PARAMETER stop \"\n\"\nPARAMETER stop \"<|im_end|>\"\nLICENSE \"Apache-2.0\"\n"
    );
    let chat = modelfile(Prompting::Chat, "chat");
    assert!(chat.contains("TEMPLATE \"\"\"{{ range .Messages }}"), "{chat}");
    assert!(chat.contains("<|im_start|>user\n{{ .Content }}<|im_end|>\n"), "{chat}");
    assert!(!chat.contains("temperature"), "{chat}");
}

#[test]
fn a_chat_template_that_ollama_cannot_have_is_left_to_the_gguf_file() {
    let place = Place::new();
    for (template, note) in [(Some("{{ messages[0]['content'] }}"), "does more"), (None, "no chat template")]
    {
        let base = place.base(|_| ());
        fs::remove_file(base.join("chat_template.jinja")).unwrap();
        if let Some(template) = template {
            fs::write(base.join("chat_template.jinja"), template).unwrap();
        }
        let exported = place.export(&base, &small_adapter(&base), GgufType::F16, note).unwrap();
        assert!(exported.notes.iter().any(|found| found.contains(note)), "{:?}", exported.notes);
        let carried = place.metadata(note).contains_key("tokenizer.chat_template");
        assert_eq!(carried, template.is_some());
    }
}

#[test]
fn a_gguf_export_that_drifted_is_refused_and_removed() {
    let place = Place::new();
    let base = place.base(|_| ());
    let mut adapter = small_adapter(&base);
    // Beyond what f16 can hold.
    adapter.parameters.iter_mut().for_each(|value| *value *= 1e4);
    let error = place.export(&base, &adapter, GgufType::F16, "exported").unwrap_err();
    assert!(matches!(error, ExportError::Drifted { .. }), "{error}");
    assert!(error.to_string().contains("nats apart"), "{error}");
    assert!(!place.path("exported").exists());
    assert!(
        !fs::read_dir(place.0.path())
            .unwrap()
            .any(|entry| { entry.unwrap().file_name().to_string_lossy().starts_with(".partial") })
    );
}

#[test]
fn what_a_gguf_file_cannot_say_and_what_does_not_fit_is_refused() {
    let place = Place::new();
    let base = place.base(|config| {
        config.rope_scaling = RopeScaling::Llama3 {
            factor: 8.0,
            low_frequency_factor: 1.0,
            high_frequency_factor: 2.0,
            original_context_length: 100,
        };
    });
    let adapter = small_adapter(&base);
    let error = place.export(&base, &adapter, GgufType::F16, "exported").unwrap_err();
    assert!(error.to_string().contains("rotary scaling"), "{error}");

    let other = place.base(|config| config.layers = 3);
    let error = place.export(&other, &adapter, GgufType::F16, "exported").unwrap_err();
    assert!(matches!(error, ExportError::OtherBase { .. }), "{error}");

    let export =
        GgufExport { original: original(&other, &adapter, &[]), ..place.of(&other, &adapter, GgufType::F16) };
    assert!(matches!(write_gguf(&place.path("exported"), &export), Err(ExportError::EmptySample)));

    fs::create_dir(place.path("exported")).unwrap();
    fs::write(place.path("exported/precious"), "").unwrap();
    let error = place.export(&base, &adapter, GgufType::F16, "exported").unwrap_err();
    assert!(matches!(error, ExportError::AlreadyThere { .. }), "{error}");
}

#[test]
fn smollm2_is_exported_within_tolerance_in_every_type() {
    let Some(base) = environment::base_model() else {
        return;
    };
    let place = Place::new();
    for kind in [GgufType::F16, GgufType::Q8_0, GgufType::Q4K] {
        let drift = export_smollm2(&base, kind, &place.path(&format!("{kind:?}")));
        println!("SmolLM2 {kind:?}: {drift}");
    }
}

/// An adapter as far from the base model as one that was trained.
pub(crate) fn smollm2_adapter(base: &Path) -> Adapter {
    let config = files::load(base).unwrap().config;
    let lora = LoraConfig { rank: 8, alpha: 16.0, dropout: 0.0, ..LoraConfig::default() };
    let mut adapter = Adapter::new(lora, &config, 9);
    for pair in adapter.pairs().to_vec() {
        for (k, value) in adapter.parameters[pair.b].iter_mut().enumerate() {
            *value = 2e-3 * (k as f32).cos();
        }
    }
    adapter
}

pub(crate) fn export_smollm2(base: &Path, kind: GgufType, destination: &Path) -> Drift {
    let reference: Reference = read("smollm2.json");
    let sample: Vec<Sequence> =
        reference.batches.iter().flatten().map(|example| example.sequence()).collect();
    let adapter = smollm2_adapter(base);
    let about = About { name: "marker", base_model: "smollm2", licence: None };
    let prompting = Prompting::Chat;
    let export = GgufExport { original: original(base, &adapter, &sample), kind, about, prompting };
    write_gguf(destination, &export).unwrap().drift
}

pub(crate) fn sample() -> Vec<crate::reference::Example> {
    read::<Reference>("tiny.json").sample
}

/// An adapter that changes the model, but not beyond recognition.
pub(crate) fn small_adapter(base: &Path) -> Adapter {
    let mut adapter = random_adapter(LoraConfig::default(), &crate::reference::backend(base));
    adapter.parameters.iter_mut().for_each(|value| *value *= 0.3);
    adapter
}

/// A directory for base models and exports.
pub(crate) struct Place(tempfile::TempDir, Vec<Sequence>);

impl Place {
    pub(crate) fn new() -> Self {
        let sample = sample().iter().map(|example| example.sequence()).collect();
        Self(tempfile::tempdir().unwrap(), sample)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn model(&self, export: &str) -> PathBuf {
        self.path(export).join("model.gguf")
    }

    /// The tiny base model with another architecture and random weights.
    pub(crate) fn base(&self, change: impl FnOnce(&mut ModelConfig)) -> PathBuf {
        let path = self.path(&format!("base-{}", fs::read_dir(self.0.path()).unwrap().count()));
        fs::create_dir(&path).unwrap();
        for file in ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja"] {
            fs::copy(tiny_model().join(file), path.join(file)).unwrap();
        }
        let mut config = files::load(&tiny_model()).unwrap().config;
        change(&mut config);
        fs::write(path.join("config.json"), config.to_hugging_face().to_string()).unwrap();
        write_weights(&path.join("model.safetensors"), &config);
        path
    }

    pub(crate) fn of<'a>(&'a self, base: &'a Path, adapter: &'a Adapter, kind: GgufType) -> GgufExport<'a> {
        let about = About { name: "marker", base_model: "tiny \"base\"", licence: Some("Apache-2.0") };
        GgufExport { original: original(base, adapter, &self.1), kind, about, prompting: Prompting::Chat }
    }

    pub(crate) fn export(
        &self,
        base: &Path,
        adapter: &Adapter,
        kind: GgufType,
        name: &str,
    ) -> Result<GgufExported, ExportError> {
        write_gguf(&self.path(name), &self.of(base, adapter, kind))
    }

    fn metadata(&self, export: &str) -> HashMap<String, Value> {
        content(&self.model(export)).metadata
    }
}

fn content(path: &Path) -> Content {
    Content::read(&mut File::open(path).unwrap()).unwrap()
}

fn write_weights(path: &Path, config: &ModelConfig) {
    let mut random = Random::new(&[7]);
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = config
        .tensor_shapes()
        .map(|(name, shape)| {
            let width = (shape[shape.len() - 1] as f64).sqrt();
            let is_norm = name.ends_with("norm.weight");
            let mut value = || {
                let number = random.uniform() * 2.0 - 1.0;
                if is_norm { 1.0 + number / 2.0 } else { number * 1.5 / width }
            };
            let bytes = (0..shape.iter().product()).flat_map(|_| (value() as f32).to_le_bytes()).collect();
            (name, shape, bytes)
        })
        .collect();
    let views = tensors.iter().map(|(name, shape, bytes)| {
        (name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap())
    });
    safetensors::serialize_to_file(views, None, path).unwrap();
}
