//! An adapter as a directory of Hugging Face PEFT: `adapter_config.json` and
//! `adapter_model.safetensors`.

mod config;

use std::fs;
use std::path::Path;

use half::{bf16, f16};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use super::ExportError;
use super::draft::Draft;
use super::tensors::{self, Precision};
use crate::adapter::{Adapter, LoraConfig, LoraPair, TargetModule};
use crate::config::ModelConfig;

const CONFIG: &str = "adapter_config.json";
const WEIGHTS: &str = "adapter_model.safetensors";
const PICKLED_WEIGHTS: &str = "adapter_model.bin";

/// Writes an adapter so that PEFT loads it. `base_model` is the name or path by which others find the
/// model that it belongs to. The directory must not exist, or be empty.
///
/// # Errors
/// When something is there already, the file system refuses, or all weights of the model were trained; then
/// nothing is left behind.
pub fn write_adapter(destination: &Path, adapter: &Adapter, base_model: &str) -> Result<(), ExportError> {
    let lora = adapter.method().lora().ok_or(ExportError::NoAdapter)?;
    let draft = Draft::begin(destination)?;
    draft.write_json(CONFIG, &config::to_json(lora, base_model))?;
    let parts: Vec<Part> = adapter.pairs().iter().flat_map(parts_of).collect();
    let shapes: Vec<_> = parts.iter().map(|part| (part.name.clone(), part.shape.clone())).collect();
    let mut next = parts.iter();
    tensors::write(&draft.path().join(WEIGHTS), Precision::F32, &shapes, |_| {
        let range = next.next().map_or(0..0, |part| part.range.clone());
        Ok(adapter.parameters[range].to_vec())
    })?;
    draft.publish()
}

/// Reads an adapter that PEFT or [`write_adapter`] wrote, for that model.
///
/// # Errors
/// When a file is missing or damaged, the adapter belongs to another model, or it is of a kind that
/// is not LoRA or DoRA on whole linear layers (trained biases or embeddings, a choice of layers, ranks that
/// differ).
pub fn read_adapter(directory: &Path, model: &ModelConfig) -> Result<Adapter, ExportError> {
    let mut lora = config::read(&directory.join(CONFIG))?;
    let path = directory.join(WEIGHTS);
    if !path.is_file() && directory.join(PICKLED_WEIGHTS).is_file() {
        let reason =
            format!("only safetensors are read: save the adapter again in place of {PICKLED_WEIGHTS}");
        return Err(ExportError::unsupported(directory, reason));
    }
    let bytes = fs::read(&path).map_err(ExportError::io("read", &path))?;
    let tensors = SafeTensors::deserialize(&bytes).map_err(|error| ExportError::damaged(&path, error))?;
    let file = AdapterFile { path: &path, tensors };
    lora.target_modules = file.target_modules(&lora, model)?;
    file.fill(Adapter::zeroed(lora, model))
}

/// One of the trained tensors of a linear layer, in the file and in the adapter's flat vector.
struct Part {
    name: String,
    shape: Vec<usize>,
    range: std::ops::Range<usize>,
}

fn parts_of(pair: &LoraPair) -> Vec<Part> {
    let part = |part: &str, shape: &[usize], range: &std::ops::Range<usize>| Part {
        name: format!("base_model.model.{}.lora_{part}", pair.path()),
        shape: shape.to_vec(),
        range: range.clone(),
    };
    let mut parts = vec![
        part("A.weight", &[pair.rank, pair.input], &pair.a),
        part("B.weight", &[pair.output, pair.rank], &pair.b),
    ];
    parts.extend(pair.magnitude.iter().map(|range| part("magnitude_vector", &[pair.output], range)));
    parts
}

struct AdapterFile<'a> {
    path: &'a Path,
    tensors: SafeTensors<'a>,
}

impl AdapterFile<'_> {
    /// The linear layers adapted in layer 0; [`fill`](Self::fill) finds out whether the others are the
    /// same. Their shapes are held against the model first, so that nothing in the file can ask for
    /// more memory than the file is long.
    fn target_modules(
        &self,
        lora: &LoraConfig,
        model: &ModelConfig,
    ) -> Result<Vec<TargetModule>, ExportError> {
        let mut found = Vec::new();
        for module in TargetModule::ALL {
            let name = format!("base_model.model.model.layers.0.{}.lora_A.weight", module.path());
            if let Ok(tensor) = self.tensors.tensor(&name) {
                self.check_shape(&name, &tensor, &[lora.rank, module.features(model).0])?;
                found.push(module);
            }
        }
        if found.is_empty() {
            let names = TargetModule::ALL.map(TargetModule::name).join(", ");
            let reason = format!("it adapts none of {names} in the first layer");
            return Err(ExportError::unsupported(self.path, reason));
        }
        Ok(found)
    }

    fn fill(&self, mut adapter: Adapter) -> Result<Adapter, ExportError> {
        let parts: Vec<Part> = adapter.pairs().iter().flat_map(parts_of).collect();
        for part in &parts {
            let tensor = self.tensors.tensor(&part.name).map_err(|_| {
                let reason = format!(
                    "it has no tensor \"{}\": every layer of the model must be adapted alike",
                    part.name
                );
                ExportError::unsupported(self.path, reason)
            })?;
            self.check_shape(&part.name, &tensor, &part.shape)?;
            self.read(&part.name, &tensor, &mut adapter.parameters[part.range.clone()])?;
        }
        self.refuse_others(&parts)?;
        Ok(adapter)
    }

    /// A tensor left unread would be a part of the adapter left out.
    fn refuse_others(&self, parts: &[Part]) -> Result<(), ExportError> {
        let other = self.tensors.names().into_iter().find(|name| parts.iter().all(|part| part.name != *name));
        let Some(name) = other else {
            return Ok(());
        };
        let reason =
            format!("the tensor \"{name}\" is not part of such an adapter of this model's linear layers");
        Err(ExportError::unsupported(self.path, reason))
    }

    fn check_shape(
        &self,
        name: &str,
        tensor: &TensorView<'_>,
        expected: &[usize],
    ) -> Result<(), ExportError> {
        if tensor.shape() == expected {
            return Ok(());
        }
        Err(ExportError::TensorShape {
            path: self.path.to_owned(),
            tensor: name.to_owned(),
            expected: expected.to_vec(),
            found: tensor.shape().to_vec(),
        })
    }

    fn read(&self, name: &str, tensor: &TensorView<'_>, values: &mut [f32]) -> Result<(), ExportError> {
        let data = tensor.data();
        match tensor.dtype() {
            Dtype::F32 => convert(data, values, f32::from_le_bytes),
            Dtype::F16 => convert(data, values, |bytes| f16::from_le_bytes(bytes).to_f32()),
            Dtype::BF16 => convert(data, values, |bytes| bf16::from_le_bytes(bytes).to_f32()),
            other => {
                let reason = format!("\"{name}\" has the type {other:?}; supported are F32, F16 and BF16");
                return Err(ExportError::unsupported(self.path, reason));
            }
        }
        if values.iter().all(|value| value.is_finite()) {
            return Ok(());
        }
        Err(ExportError::damaged(self.path, format!("\"{name}\" holds values that are not numbers")))
    }
}

fn convert<const N: usize>(data: &[u8], values: &mut [f32], from: impl Fn([u8; N]) -> f32) {
    let (elements, _) = data.as_chunks::<N>();
    values.iter_mut().zip(elements).for_each(|(value, bytes)| *value = from(*bytes));
}
