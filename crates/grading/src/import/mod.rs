//! Files that people upload, read into values: marked answers (CSV, JSONL), known marks
//! (CSV), chat examples (JSONL) and public sets of marked answers.
//! Every problem in a file is reported at once, each with its place and what to do about it.

pub mod chat;
mod columns;
mod encoding;
mod json_lines;
mod known_marks;
mod marked_answers;
mod marked_row;
mod problems;
pub mod public;
mod question_name;
mod table;

pub use known_marks::{KnownMark, KnownMarks, known_marks_csv};
pub use marked_answers::{MarkedAnswers, marked_answers_csv, marked_answers_jsonl};
pub use problems::{ImportErrors, Place, Problem, problem_list};
