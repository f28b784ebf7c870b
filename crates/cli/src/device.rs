//! The option that says where a model runs.

use clap::Args;
use gradus_app::engine::backend::Device;

/// Option of every command that runs a model.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct DeviceOption {
    /// Where the model runs: auto (a GPU where this build can use one), cpu, cuda, cuda:1 or metal
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub(crate) device: Device,
}
