//! The hyperparameters of a run.

use gradus_kernels::{AdamW, AdamWState};
use serde::{Deserialize, Serialize};

use super::Schedule;
use super::state::Progress;
use crate::adapter::{Adapter, Method, ParameterGroup};
use crate::backend::cpu::BaseWeights;

/// Everything that, with the base model and the data, decides the result of a run to the last bit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingPlan {
    /// What is trained of the model.
    pub method: Method,
    /// How the frozen weights are kept.
    pub base_weights: BaseWeights,
    /// Passes over the training data.
    pub epochs: u32,
    /// Sequences for one update of the parameters.
    pub batch_size: usize,
    /// Most sequences of one group that follow each other in the order of an epoch; 1: the order is chance
    /// alone.
    #[serde(default = "alone")]
    pub group_size: usize,
    /// Most rows (tokens after prefix sharing) computed at once; bounds memory, never changes the result
    /// beyond rounding.
    pub micro_batch_rows: usize,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// What the learning rate does after the warm-up.
    pub schedule: Schedule,
    /// Share of the updates over which the learning rate rises, 0 to 1.
    pub warmup_share: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// The matrices `B` of an adapter learn that many times as fast as `A` (LoRA+, Hayou et al. 2024, who
    /// advise 16 with a lower learning rate); 1: as fast.
    pub lora_plus_ratio: f64,
    /// Strength of the noise added to embeddings in training (NEFTune, Jain et al. 2023: 5 to 15); 0: none.
    pub neftune_alpha: f64,
    /// Gradients are scaled down to this norm; 0 turns clipping off.
    pub max_gradient_norm: f64,
    /// Seed of initialisation, order and dropout.
    pub seed: u64,
    /// Updates between evaluations on the validation data; 0: once an epoch.
    pub evaluate_every: u64,
    /// Evaluations without a better validation loss after which training stops; 0: never.
    pub patience: u32,
    /// Updates before early stopping may act: grading looks like failure for a while and then works.
    pub patience_after: u64,
    /// Updates between checkpoints.
    pub checkpoint_every: u64,
}

/// The group size of plans from before there was one.
fn alone() -> usize {
    1
}

impl Default for TrainingPlan {
    /// The recipe that works for grading with a small model: all linear layers, rank 64, 4e-4.
    fn default() -> Self {
        Self {
            method: Method::default(),
            base_weights: BaseWeights::default(),
            epochs: 3,
            batch_size: 16,
            group_size: 4,
            micro_batch_rows: 1024,
            learning_rate: 4e-4,
            schedule: Schedule::Linear,
            warmup_share: 0.06,
            weight_decay: 0.0,
            lora_plus_ratio: 1.0,
            neftune_alpha: 0.0,
            max_gradient_norm: 1.0,
            seed: 0,
            evaluate_every: 0,
            patience: 0,
            patience_after: 0,
            checkpoint_every: 25,
        }
    }
}

impl TrainingPlan {
    /// The same recipe for training every weight, at a tenth of the learning rate: with the steps of an
    /// adapter it would undo what the model knows.
    #[must_use]
    pub fn full(self) -> Self {
        Self { method: Method::Full, learning_rate: self.learning_rate / 10.0, ..self }
    }

    /// The default recipe for that many examples. A model needs a few hundred updates before it marks at
    /// all, so small sets get more epochs.
    pub fn for_examples(examples: usize) -> Self {
        let plan = Self::default();
        if examples >= 1500 {
            return plan;
        }
        Self { epochs: 8, ..plan }
    }

    /// Updates in one pass over `examples` sequences.
    pub fn steps_per_epoch(&self, examples: usize) -> u64 {
        examples.div_ceil(self.batch_size.max(1)) as u64
    }

    /// Updates in the whole run.
    pub fn total_steps(&self, examples: usize) -> u64 {
        self.steps_per_epoch(examples) * u64::from(self.epochs)
    }

    /// The learning rate of update `step` (from 0).
    pub fn learning_rate_at(&self, step: u64, total_steps: u64) -> f64 {
        let warmup = (self.warmup_share * total_steps as f64).ceil() as u64;
        self.learning_rate * self.schedule.factor(step, total_steps, warmup)
    }

    /// Whether early stopping says that the run should end.
    pub(super) fn is_out_of_patience(&self, progress: &Progress) -> bool {
        self.patience > 0
            && progress.step >= self.patience_after
            && progress.evaluations_without_gain >= self.patience
    }

    /// The optimizer, with PyTorch's default decay rates.
    pub fn optimizer(&self) -> AdamW {
        AdamW { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: self.weight_decay }
    }

    /// One update of the adapter's parameters, each group at its own rate. `moment` is the update's number
    /// (from 1), the learning rate and the factor on the gradients that clipping asks for.
    pub fn update(
        &self,
        adapter: &mut Adapter,
        gradients: &[f32],
        state: &mut AdamWState,
        (step, learning_rate, clip): (u64, f64, f32),
    ) {
        let groups = adapter.groups(self.lora_plus_ratio);
        let parameters = &mut adapter.parameters[..];
        for ParameterGroup { range, rate, decays } in groups {
            let weight_decay = if decays { self.weight_decay } else { 0.0 };
            let moment = (step, rate * learning_rate, clip);
            AdamW { weight_decay, ..self.optimizer() }
                .update_range(range, parameters, gradients, state, moment);
        }
    }

    /// What is wrong with the plan, as `(field, message)`; empty for a sound one.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        let mut check = |field, sound: bool, message: &str| {
            if !sound {
                problems.push((field, message.to_owned()));
            }
        };
        self.method.problems().into_iter().for_each(|(field, message)| check(field, false, message));
        let ratio = self.lora_plus_ratio;
        check(
            "lora_plus_ratio",
            ratio > 0.0 && ratio.is_finite(),
            "must be above 0 (16 is usual, 1 is plain LoRA)",
        );
        let without_b = self.method == Method::Full;
        check(
            "lora_plus_ratio",
            !without_b || ratio == 1.0,
            "must be 1 in full fine-tuning: it has no matrices B",
        );
        let alpha = self.neftune_alpha;
        check(
            "neftune_alpha",
            alpha >= 0.0 && alpha.is_finite(),
            "must be a number of at least 0 (5 is usual)",
        );
        check("epochs", self.epochs > 0, "must be at least 1");
        check("batch_size", self.batch_size > 0, "must be at least 1");
        check("group_size", self.group_size > 0, "must be at least 1");
        check("micro_batch_rows", self.micro_batch_rows > 0, "must be at least 1");
        let rate = self.learning_rate;
        check("learning_rate", rate > 0.0 && rate < 1.0, "must be above 0 and below 1 (4e-4 is usual)");
        check("warmup_share", (0.0..=1.0).contains(&self.warmup_share), "must be 0 to 1");
        check("weight_decay", (0.0..1.0).contains(&self.weight_decay), "must be at least 0 and below 1");
        let norm = self.max_gradient_norm;
        check("max_gradient_norm", norm >= 0.0 && norm.is_finite(), "must be a number of at least 0");
        check("checkpoint_every", self.checkpoint_every > 0, "must be at least 1");
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_plan_is_sound_and_a_broken_one_names_its_fields() {
        assert!(TrainingPlan::default().problems().is_empty());
        let broken = TrainingPlan { epochs: 0, learning_rate: f64::NAN, ..TrainingPlan::default() };
        let fields: Vec<_> = broken.problems().into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["epochs", "learning_rate"]);
    }

    #[test]
    fn what_belongs_to_another_method_is_a_problem() {
        assert!(TrainingPlan::default().full().problems().is_empty());
        let plan = TrainingPlan { lora_plus_ratio: 16.0, ..TrainingPlan::default() };
        assert!(plan.problems().is_empty());
        let plan = TrainingPlan { method: Method::Full, ..plan };
        assert_eq!(
            plan.problems().into_iter().map(|(field, _)| field).collect::<Vec<_>>(),
            ["lora_plus_ratio"]
        );
    }
}
