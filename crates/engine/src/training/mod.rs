//! Supervised fine-tuning of an adapter: plan, loop, events, checkpoints. Knows nothing of guides,
//! queues or screens; everything that happens is told to an event sink.

mod checkpoint;
mod data;
mod evaluation;
mod events;
mod plan;
mod run;
mod schedule;
mod state;
mod vectors;

pub use checkpoint::{CheckpointError, Checkpoints, FinishedRun, Selection};
pub use data::TrainingData;
pub use evaluation::evaluate;
pub use events::{EventSink, TrainEvent};
pub use plan::TrainingPlan;
pub use run::{Outcome, Run, StopReason, TrainError, run};
pub use schedule::Schedule;
pub use state::{BestStep, Cursor, LossPoint, TrainingState};
