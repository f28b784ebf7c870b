//! The pages and the JSON of the reports, on realistic samples.

mod benchmark;
mod escaping;
mod markup;
mod report;
mod sample;
mod trust;
