//! Pure grading logic: marking guides, students' papers, prompts, datasets and metrics.
//! Knows nothing of files, models or the network.

pub mod blend;
pub mod calibration;
pub mod dataset;
pub mod guide;
pub mod import;
pub mod judgement;
pub mod lexical;
pub mod marked_answer;
pub mod metrics;
pub mod paper;
pub mod prompt;
pub mod robustness;
pub mod synthetic;
