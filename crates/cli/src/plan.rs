//! The options of a training plan, for every command that trains.

use anyhow::bail;
use clap::{Args, ValueEnum};
use gradus_app::engine::adapter::{LoraConfig, Method, TargetModule};
use gradus_app::engine::backend::cpu::BaseWeights;
use gradus_app::engine::training::{Schedule, Selection, TrainingPlan};
use gradus_app::grading::calibration::WantedAgreement;
use gradus_app::grading::synthetic::SyntheticOptions;
use gradus_app::trained::Purpose;
use gradus_app::training::{PreparedData, USUAL_AGREEMENT, default_selection};

use crate::share;

#[derive(Debug, Args)]
#[command(next_help_heading = "Hyperparameters")]
pub(crate) struct PlanOptions {
    /// Passes over the training data
    #[arg(long)]
    epochs: Option<u32>,
    /// Sequences for one update
    #[arg(long)]
    batch_size: Option<usize>,
    /// Most answers to one question that follow each other in training, where they are computed together;
    /// 1: none
    #[arg(long)]
    group_size: Option<usize>,
    /// Synthetic answers (partial and worthless ones, orders to the marker), as a share of the number of training
    /// examples, and some orders more where these are few; 0: none
    #[arg(long, value_name = "SHARE", value_parser = share::of_training)]
    synthetic_share: Option<f64>,
    /// Peak learning rate [default: 0.0004, with --method full a tenth of it]
    #[arg(long)]
    learning_rate: Option<f64>,
    /// What the learning rate does after the warm-up
    #[arg(long, value_enum)]
    schedule: Option<ScheduleName>,
    /// Share of the updates over which the learning rate rises, 0 to 1
    #[arg(long)]
    warmup_share: Option<f64>,
    /// Decoupled weight decay
    #[arg(long)]
    weight_decay: Option<f64>,
    /// Gradients are scaled down to this norm; 0 turns clipping off
    #[arg(long)]
    max_gradient_norm: Option<f64>,
    /// What is trained of the model [default: lora]
    #[arg(long, value_enum)]
    method: Option<MethodName>,
    /// Rank of the adapter
    #[arg(long)]
    lora_rank: Option<usize>,
    /// The adapter's update is scaled by alpha / rank, or with --rslora by alpha / √rank
    #[arg(long)]
    lora_alpha: Option<f32>,
    /// Scale the update by alpha / √rank (rsLoRA), so that a higher rank does not learn more slowly
    #[arg(long)]
    rslora: bool,
    /// How many times as fast the adapter's second matrix learns as its first (LoRA+, 16 is usual)
    #[arg(long, value_name = "RATIO")]
    lora_plus_ratio: Option<f64>,
    /// Noise on the embeddings in training, as in NEFTune (5 to 15 are usual); 0: none
    #[arg(long, value_name = "ALPHA")]
    neftune_alpha: Option<f64>,
    /// Probability that an input of the adapter is dropped, 0 to 1
    #[arg(long)]
    lora_dropout: Option<f32>,
    /// How the frozen base weights are rounded, here and whenever the model is used: as-stored
    /// (quantised where the file is), full, q8 or q4; only the processor saves memory by it [default:
    /// as-stored]
    #[arg(long, value_name = "HOW", value_parser = base_weights)]
    base_weights: Option<BaseWeights>,
    /// Linear layers to adapt, such as q_proj,v_proj [default: all]
    #[arg(long, value_delimiter = ',', value_parser = target_module)]
    target_modules: Vec<TargetModule>,
    /// Most tokens computed at once; bounds the memory
    #[arg(long)]
    micro_batch_rows: Option<usize>,
    /// Updates between evaluations on the validation data; 0: once an epoch
    #[arg(long)]
    evaluate_every: Option<u64>,
    /// Evaluations without gain after which training stops; 0: never
    #[arg(long)]
    patience: Option<u32>,
    /// Updates before early stopping may act
    #[arg(long)]
    patience_after: Option<u64>,
    /// Updates between checkpoints
    #[arg(long)]
    checkpoint_every: Option<u64>,
    /// Share of the marks given without a person's look that should be the teacher's own: chooses how sure
    /// they must be [default: 0.9]
    #[arg(long, value_name = "SHARE", value_parser = share::wanted)]
    wanted_agreement: Option<f64>,
    /// Which step's parameters become the model [default: last for marking, best-loss otherwise]
    #[arg(long, value_enum)]
    select: Option<SelectionName>,
    /// Seed of initialisation, order and dropout
    #[arg(long)]
    seed: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum MethodName {
    /// A low-rank update of frozen linear layers
    Lora,
    /// LoRA with the length of each row of a weight trained apart from its direction
    Dora,
    /// Every weight, by default at a tenth of the learning rate: 16 bytes of memory a parameter, 12 of disk
    /// for each of three checkpoints, and a whole model rather than an adapter
    Full,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ScheduleName {
    /// Stays at its peak
    Constant,
    /// Falls in a straight line
    Linear,
    /// Falls along half a cosine
    Cosine,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum SelectionName {
    /// The step with the lowest validation loss
    BestLoss,
    /// The last step
    Last,
}

fn base_weights(name: &str) -> Result<BaseWeights, String> {
    BaseWeights::ALL.into_iter().find(|how| how.name() == name).ok_or_else(|| {
        let known: Vec<&str> = BaseWeights::ALL.into_iter().map(BaseWeights::name).collect();
        format!("use one of {}", known.join(", "))
    })
}

fn target_module(name: &str) -> Result<TargetModule, String> {
    TargetModule::ALL.into_iter().find(|module| module.name() == name).ok_or_else(|| {
        let known: Vec<&str> = TargetModule::ALL.into_iter().map(TargetModule::name).collect();
        format!("use some of {}", known.join(", "))
    })
}

impl PlanOptions {
    /// The recipe for that many examples with what was asked for.
    pub(crate) fn plan(&self, examples: usize) -> anyhow::Result<TrainingPlan> {
        let mut plan = self.method_plan(TrainingPlan::for_examples(examples))?;
        let set = |target: &mut f64, value: Option<f64>| value.into_iter().for_each(|value| *target = value);
        set(&mut plan.learning_rate, self.learning_rate);
        set(&mut plan.warmup_share, self.warmup_share);
        set(&mut plan.weight_decay, self.weight_decay);
        set(&mut plan.max_gradient_norm, self.max_gradient_norm);
        set(&mut plan.lora_plus_ratio, self.lora_plus_ratio);
        set(&mut plan.neftune_alpha, self.neftune_alpha);
        plan.epochs = self.epochs.unwrap_or(plan.epochs);
        plan.batch_size = self.batch_size.unwrap_or(plan.batch_size);
        plan.group_size = self.group_size.unwrap_or(plan.group_size);
        plan.micro_batch_rows = self.micro_batch_rows.unwrap_or(plan.micro_batch_rows);
        plan.evaluate_every = self.evaluate_every.unwrap_or(plan.evaluate_every);
        plan.patience = self.patience.unwrap_or(plan.patience);
        plan.patience_after = self.patience_after.unwrap_or(plan.patience_after);
        plan.checkpoint_every = self.checkpoint_every.unwrap_or(plan.checkpoint_every);
        plan.base_weights = self.base_weights.unwrap_or(plan.base_weights);
        plan.seed = self.seed.unwrap_or(plan.seed);
        if let Some(name) = self.schedule {
            plan.schedule = match name {
                ScheduleName::Constant => Schedule::Constant,
                ScheduleName::Linear => Schedule::Linear,
                ScheduleName::Cosine => Schedule::Cosine,
            };
        }
        Ok(plan)
    }

    /// What is made up to be learned.
    pub(crate) fn synthetic(&self) -> SyntheticOptions {
        let usual = SyntheticOptions::default();
        SyntheticOptions { share: self.synthetic_share.unwrap_or(usual.share), ..usual }
    }

    /// What is promised of answers that are marked without a person's look.
    pub(crate) fn wanted(&self) -> WantedAgreement {
        WantedAgreement {
            agreement: self.wanted_agreement.unwrap_or(USUAL_AGREEMENT.agreement),
            ..USUAL_AGREEMENT
        }
    }

    /// How the frozen weights are kept.
    pub(crate) fn base_weights(&self) -> BaseWeights {
        self.base_weights.unwrap_or_default()
    }

    /// Which step's parameters become the model.
    pub(crate) fn selection(&self, prepared: &PreparedData, plan: &TrainingPlan) -> Selection {
        match self.select {
            Some(SelectionName::BestLoss) => Selection::BestLoss,
            Some(SelectionName::Last) => Selection::Last,
            None => default_selection(prepared.purpose, plan),
        }
    }

    /// The plan with the method that was asked for.
    fn method_plan(&self, plan: TrainingPlan) -> anyhow::Result<TrainingPlan> {
        if self.method == Some(MethodName::Full) {
            if let Some(option) = self.adapter_option() {
                bail!(
                    "{option} is about adapters and the frozen weights beside them, and --method full trains the model itself: leave one of them out"
                );
            }
            return Ok(plan.full());
        }
        let usual = LoraConfig::default();
        let modules =
            if self.target_modules.is_empty() { &usual.target_modules } else { &self.target_modules };
        let config = LoraConfig {
            rank: self.lora_rank.unwrap_or(usual.rank),
            alpha: self.lora_alpha.unwrap_or(usual.alpha),
            dropout: self.lora_dropout.unwrap_or(usual.dropout),
            target_modules: modules.clone(),
            rank_stabilised: self.rslora,
            weight_decomposed: self.method == Some(MethodName::Dora),
        };
        Ok(TrainingPlan { method: Method::Lora(config), ..plan })
    }

    /// Refuses what would do nothing: without validation data, without early stopping, or with conversations.
    pub(crate) fn check_use(&self, prepared: &PreparedData, plan: &TrainingPlan) -> anyhow::Result<()> {
        let of_validation = [
            ("--evaluate-every", self.evaluate_every.is_some()),
            ("--patience", self.patience.is_some_and(|patience| patience > 0)),
            ("--select best-loss", matches!(self.select, Some(SelectionName::BestLoss))),
        ];
        let given = of_validation.into_iter().find(|(_, given)| *given);
        if let (Some((option, _)), true) = (given, prepared.data.validation.is_empty()) {
            bail!(
                "{option} needs data to validate with: give --chat-validation, or build the dataset with a --validation-share"
            );
        }
        if prepared.purpose == Purpose::Chat
            && let Some(option) = self.marking_option()
        {
            bail!("{option} is about marked answers, and this trains on conversations: leave it out");
        }
        if self.patience_after.is_some() && plan.patience == 0 {
            bail!("--patience-after needs --patience above 0: nothing stops early without it");
        }
        Ok(())
    }

    /// An option that was given and makes sense for marked answers only.
    fn marking_option(&self) -> Option<&'static str> {
        let given = [
            ("--group-size", self.group_size.is_some()),
            ("--synthetic-share", self.synthetic_share.is_some()),
            ("--wanted-agreement", self.wanted_agreement.is_some()),
        ];
        given.into_iter().find(|(_, given)| *given).map(|(option, _)| option)
    }

    /// An option that was given and makes sense for adapters only.
    fn adapter_option(&self) -> Option<&'static str> {
        let given = [
            ("--lora-rank", self.lora_rank.is_some()),
            ("--lora-alpha", self.lora_alpha.is_some()),
            ("--lora-dropout", self.lora_dropout.is_some()),
            ("--lora-plus-ratio", self.lora_plus_ratio.is_some()),
            ("--rslora", self.rslora),
            ("--target-modules", !self.target_modules.is_empty()),
            ("--base-weights", self.base_weights.is_some()),
        ];
        given.into_iter().find(|(_, given)| *given).map(|(option, _)| option)
    }
}
