//! What of a model is trained, and how.

use serde::{Deserialize, Serialize};

use super::TargetModule;

/// A method of fine-tuning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Method {
    /// A low-rank update of frozen linear layers (LoRA, Hu et al. 2021), also rank-stabilised or decomposed
    /// into magnitude and direction.
    Lora(LoraConfig),
    /// Every weight of the model.
    Full,
}

impl Default for Method {
    fn default() -> Self {
        Self::Lora(LoraConfig::default())
    }
}

impl From<LoraConfig> for Method {
    fn from(config: LoraConfig) -> Self {
        Self::Lora(config)
    }
}

impl Method {
    /// The configuration of low-rank training, if it is that.
    pub fn lora(&self) -> Option<&LoraConfig> {
        match self {
            Self::Lora(config) => Some(config),
            Self::Full => None,
        }
    }

    /// Probability that an input feature is dropped on its way into an adapter.
    pub fn dropout(&self) -> f32 {
        self.lora().map_or(0.0, |config| config.dropout)
    }

    /// What is wrong with it, as `(field, message)`; empty for a sound one.
    pub(crate) fn problems(&self) -> Vec<(&'static str, &'static str)> {
        let Self::Lora(config) = self else { return Vec::new() };
        let checks = [
            ("rank", (1..=512).contains(&config.rank), "must be 1 to 512"),
            ("alpha", config.alpha > 0.0 && config.alpha.is_finite(), "must be above 0"),
            ("dropout", (0.0..1.0).contains(&config.dropout), "must be at least 0 and below 1"),
            ("target_modules", !config.target_modules.is_empty(), "must name at least one module"),
        ];
        checks
            .into_iter()
            .filter(|(_, sound, _)| !sound)
            .map(|(field, _, message)| (field, message))
            .collect()
    }
}

/// What kind of low-rank update to train.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoraConfig {
    /// Rank of the update.
    pub rank: usize,
    /// Numerator of the factor that the update is multiplied by.
    pub alpha: f32,
    /// Probability that an input feature is dropped on its way into the adapter, in training only.
    pub dropout: f32,
    /// Which linear layers carry an adapter.
    pub target_modules: Vec<TargetModule>,
    /// Divides alpha by √rank rather than by the rank, so that a higher rank does not learn more slowly
    /// (rsLoRA, Kalajdzievski 2023).
    pub rank_stabilised: bool,
    /// Trains the length of each row of an adapted weight apart from its direction (DoRA, Liu et al. 2024).
    pub weight_decomposed: bool,
}

impl Default for LoraConfig {
    /// What marked best: docs/marking-quality.md.
    fn default() -> Self {
        Self {
            rank: 64,
            alpha: 128.0,
            dropout: 0.05,
            target_modules: TargetModule::ALL.to_vec(),
            rank_stabilised: false,
            weight_decomposed: false,
        }
    }
}

impl LoraConfig {
    /// What the update is multiplied by.
    pub fn scale(&self) -> f32 {
        let rank = self.rank as f32;
        self.alpha / if self.rank_stabilised { rank.sqrt() } else { rank }
    }

    /// The method's usual name.
    pub fn name(&self) -> &'static str {
        match (self.rank_stabilised, self.weight_decomposed) {
            (false, false) => "LoRA",
            (true, false) => "rsLoRA",
            (false, true) => "DoRA",
            (true, true) => "rank-stabilised DoRA",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rank_stabilisation_divides_by_the_root_of_the_rank() {
        let plain = LoraConfig { rank: 16, alpha: 8.0, ..LoraConfig::default() };
        assert_eq!(plain.scale(), 0.5);
        assert_eq!(LoraConfig { rank_stabilised: true, ..plain }.scale(), 2.0);
    }

    #[test]
    fn a_method_says_which_field_has_no_sense() {
        assert!(Method::Full.problems().is_empty());
        let broken = LoraConfig { rank: 0, target_modules: Vec::new(), ..LoraConfig::default() };
        let fields: Vec<_> = Method::Lora(broken).problems().into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["rank", "target_modules"]);
    }
}
