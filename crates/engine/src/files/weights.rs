//! The weights of a model by name, read and dequantised one tensor at a time.

use super::FilesError;
use crate::config::ModelConfig;
use gradus_kernels::quantised::QuantisedMatrix;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// A dense tensor in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Sizes, outermost first: `[out, in]` for a projection.
    pub shape: Vec<usize>,
    /// `shape.iter().product()` values.
    pub data: Vec<f32>,
}

/// A tensor in the form that its file has it in.
#[derive(Debug, Clone)]
pub enum Stored {
    /// Every number by itself, or in a format that the kernels do not compute with: widened to f32.
    Single(Tensor),
    /// A matrix of blocks, as they are in the file.
    Quantised(QuantisedMatrix),
}

/// Where tensors come from: a format that knows Hugging Face names and layout.
pub(super) trait TensorSource: Send {
    /// The shape of a tensor, from the header; `None` when the file has no such tensor.
    fn shape(&self, name: &str) -> Option<Vec<usize>>;
    /// Reads one tensor in the Hugging Face layout. Called only for tensors that `shape` knows.
    fn read(&mut self, name: &str) -> Result<Vec<f32>, FilesError>;
    /// As [`Self::read`] without dequantising, where the tensor is a matrix in a format of the kernels.
    fn read_quantised(&mut self, _name: &str) -> Result<Option<QuantisedMatrix>, FilesError> {
        Ok(None)
    }
}

impl TensorSource for BTreeMap<String, Tensor> {
    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.get(name).map(|tensor| tensor.shape.clone())
    }

    fn read(&mut self, name: &str) -> Result<Vec<f32>, FilesError> {
        let taken = || FilesError::TensorTaken { tensor: name.to_owned() };
        self.remove(name).map(|tensor| tensor.data).ok_or_else(taken)
    }
}

/// All tensors of a model, under the names of [`ModelConfig::tensor_shapes`]. Nothing but headers is in
/// memory until a tensor is taken.
pub struct Weights {
    shapes: BTreeMap<String, Vec<usize>>,
    source: Box<dyn TensorSource>,
}

impl Weights {
    /// Holds the headers against the architecture, so that a mismatch shows before any weight is read.
    pub(super) fn check(
        config: &ModelConfig,
        source: Box<dyn TensorSource>,
        path: &Path,
    ) -> Result<Self, FilesError> {
        let mut shapes = BTreeMap::new();
        for (tensor, expected) in config.tensor_shapes() {
            match source.shape(&tensor) {
                Some(found) if found == expected => shapes.insert(tensor, expected),
                Some(found) => {
                    let path = path.to_owned();
                    return Err(FilesError::TensorShape { path, tensor, expected, found });
                }
                None => {
                    let path = path.to_owned();
                    return Err(FilesError::TensorMissing { path, tensor, expected });
                }
            };
        }
        Ok(Self { shapes, source })
    }

    /// Weights that are in memory already, by their Hugging Face names.
    ///
    /// # Errors
    /// When a tensor of the architecture is missing or has another shape.
    pub fn from_tensors(config: &ModelConfig, tensors: BTreeMap<String, Tensor>) -> Result<Self, FilesError> {
        Self::check(config, Box::new(tensors), Path::new("tensors in memory"))
    }

    /// Names of the tensors that have not been taken.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.shapes.keys().map(String::as_str)
    }

    /// Shape of a tensor that has not been taken.
    #[must_use]
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.shapes.get(name).map(Vec::as_slice)
    }

    /// Reads a tensor as f32 and gives it up: it can be taken once.
    ///
    /// # Errors
    /// When there is no such tensor left, or the file cannot be read any more.
    pub fn take(&mut self, name: &str) -> Result<Tensor, FilesError> {
        let Some(shape) = self.shapes.remove(name) else {
            return Err(FilesError::TensorTaken { tensor: name.to_owned() });
        };
        Ok(Tensor { data: self.source.read(name)?, shape })
    }
}

impl Weights {
    /// As [`Self::take`], quantised where the file is and the kernels can compute with it (Q4_0, Q4_1 and
    /// Q8_0; other formats are widened, which loses nothing either).
    ///
    /// # Errors
    /// As [`Self::take`].
    pub fn take_as_stored(&mut self, name: &str) -> Result<Stored, FilesError> {
        if self.shapes.contains_key(name)
            && let Some(matrix) = self.source.read_quantised(name)?
        {
            self.shapes.remove(name);
            return Ok(Stored::Quantised(matrix));
        }
        self.take(name).map(Stored::Single)
    }
}

impl fmt::Debug for Weights {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Weights").field("shapes", &self.shapes).finish_non_exhaustive()
    }
}
