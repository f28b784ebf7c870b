//! Where a model runs: on the CPU with the backend made for it, or on a GPU with the generic one.

use std::fmt;
use std::str::FromStr;

use candle_core::{Device as Place, Error};

use super::cpu::{BaseWeights, CpuBackend, Precision};
use super::generic::{self, GenericBackend};
use super::{Backend, BackendError};
use crate::config::ModelConfig;
use crate::files::Weights;

/// A device as people name it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Device {
    /// The first GPU that this build can use, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// An NVIDIA GPU, by its number.
    Cuda(usize),
    /// The GPU of an Apple computer.
    Metal,
}

impl FromStr for Device {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let number = name.strip_prefix("cuda:").and_then(|number| number.parse().ok());
        match (name, number) {
            ("auto", _) => Ok(Self::Auto),
            ("cpu", _) => Ok(Self::Cpu),
            ("cuda", _) => Ok(Self::Cuda(0)),
            (_, Some(number)) => Ok(Self::Cuda(number)),
            ("metal", _) => Ok(Self::Metal),
            _ => Err("use auto, cpu, cuda, cuda:1 (another GPU by its number) or metal".to_owned()),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => formatter.write_str("auto"),
            Self::Cpu => formatter.write_str("cpu"),
            Self::Cuda(number) => write!(formatter, "cuda:{number}"),
            Self::Metal => formatter.write_str("metal"),
        }
    }
}

impl Device {
    /// The GPUs that this build can use and that are there.
    pub fn gpus() -> Vec<Self> {
        let cuda = (0..).map(Self::Cuda).take_while(|gpu| gpu.open().is_ok());
        let metal = Some(Self::Metal).filter(|gpu| gpu.open().is_ok());
        cuda.chain(metal).collect()
    }

    /// The device that is meant: `Auto` decided by what is there.
    #[must_use]
    pub fn chosen(self) -> Self {
        match self {
            Self::Auto => Self::gpus().first().copied().unwrap_or(Self::Cpu),
            named => named,
        }
    }

    /// The device with what it computes in, for reports: `cpu (avx512-bf16 instructions, bf16)`.
    #[must_use]
    pub fn describe(self) -> String {
        match self.chosen() {
            Self::Cpu => {
                let precision = if Precision::best() == Precision::Bf16 { "bf16" } else { "f32" };
                format!("cpu ({} instructions, {precision})", crate::cpu::level().name())
            }
            gpu => format!("{gpu} (f32)"),
        }
    }

    /// Puts a model on the device, in the fastest precision that it is good at, its weights rounded as
    /// `base_weights` says. The processor saves memory by it; other devices do not.
    ///
    /// # Errors
    /// When this build cannot use the device, it is not there, or has too little memory.
    pub fn backend(
        self,
        config: ModelConfig,
        weights: Weights,
        base_weights: BaseWeights,
    ) -> Result<Box<dyn Backend>, BackendError> {
        match self.chosen() {
            Self::Cpu => {
                let precision = Precision::best();
                Ok(Box::new(CpuBackend::with_base_weights(config, weights, precision, base_weights)?))
            }
            gpu => {
                let place = gpu.open().map_err(|error| gpu.refused(&error))?;
                let weights = (weights, base_weights);
                let precision = generic::Precision::Single;
                Ok(Box::new(GenericBackend::with_base_weights(config, weights, place, precision)?))
            }
        }
    }

    fn open(self) -> Result<Place, Error> {
        match self {
            Self::Auto | Self::Cpu => Ok(Place::Cpu),
            Self::Cuda(number) => Place::new_cuda(number),
            Self::Metal => Place::new_metal(0),
        }
    }

    fn refused(self, error: &Error) -> BackendError {
        let reason = match error {
            Error::NotCompiledWithCudaSupport => {
                "this program was built without CUDA; build it with `cargo install --path crates/cli \
                 --features cuda` where NVIDIA's CUDA toolkit is installed"
                    .to_owned()
            }
            Error::NotCompiledWithMetalSupport => {
                "this program was built without Metal; build it with `cargo install --path crates/cli \
                 --features metal` on an Apple computer"
                    .to_owned()
            }
            error => error.to_string(),
        };
        BackendError::Device { device: self.to_string(), reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_named_as_they_are_written() {
        for name in ["auto", "cpu", "cuda:0", "cuda:3", "metal"] {
            assert_eq!(name.parse::<Device>().unwrap().to_string(), name);
        }
        assert_eq!("cuda".parse(), Ok(Device::Cuda(0)));
        for wrong in ["gpu", "cuda:", "cuda:x", "cuda:-1", ""] {
            assert!(wrong.parse::<Device>().unwrap_err().contains("cuda:1"));
        }
    }

    #[test]
    fn what_is_chosen_automatically_is_there() {
        assert!(Device::Auto.chosen().open().is_ok());
        assert_ne!(Device::Auto.chosen(), Device::Auto);
    }
}
