//! From bytes to the best text that a format's extractors yield.

use std::sync::Arc;
use std::time::Instant;

use crate::error::{ExtractError, Failure};
use crate::extraction::{Attempt, Extracted, Extraction, Outcome, Warning};
use crate::format::{Extractor, Format};
use crate::guard;
use crate::limits::Limits;
use crate::quality::quality;
use crate::recognise::recognise;

/// From this quality on, and with every page read, no further extractor is tried.
const GOOD: f64 = 0.8;
/// Below this quality the text carries a warning.
const POOR: f64 = 0.5;
/// A later extractor keeps less of the structure, so it must be better by more than this.
const CLEARLY_BETTER: f64 = 0.05;

/// The text of a document. `name` is the file's name, for recognition and for messages.
///
/// # Errors
/// Where the file is empty, too large, of an unknown or misnamed type, protected or unreadable; every
/// error names the file and says what to do.
pub fn extract(name: &str, bytes: &[u8], limits: &Limits) -> Result<Extraction, ExtractError> {
    check_size(name, bytes, limits)?;
    let format = recognise(name, bytes)?;
    let mut record = Record::default();
    let bytes: Arc<[u8]> = bytes.into();
    for &extractor in format.extractors() {
        if record.try_one(extractor, &bytes, limits) {
            break;
        }
    }
    record.finish(name, format)
}

fn check_size(name: &str, bytes: &[u8], limits: &Limits) -> Result<(), ExtractError> {
    let (name, size) = (name.to_owned(), bytes.len() as u64);
    if size == 0 {
        return Err(ExtractError::Empty { name });
    }
    if size > limits.max_bytes {
        return Err(ExtractError::TooLarge { name, bytes: size, limit: limits.max_bytes });
    }
    Ok(())
}

/// What was tried so far and the best of it.
#[derive(Default)]
struct Record {
    attempts: Vec<Attempt>,
    best: Option<Best>,
    first_failure: Option<Failure>,
}

struct Best {
    attempt: usize,
    quality: f64,
    extracted: Extracted,
}

impl Record {
    /// Runs one extractor; whether no further one is needed.
    fn try_one(&mut self, extractor: &'static dyn Extractor, bytes: &Arc<[u8]>, limits: &Limits) -> bool {
        let started = Instant::now();
        let result = guard::run(limits, {
            let (bytes, limits) = (Arc::clone(bytes), limits.clone());
            move || extractor.extract(&bytes, &limits)
        });
        let duration = started.elapsed();
        let (outcome, quality, done) = match result {
            Ok(extracted) => {
                let quality = quality(&extracted);
                let complete = !extracted.warnings.iter().any(Warning::is_page_without_text);
                self.consider(extracted, quality);
                (Outcome::Outscored, Some(quality), complete && quality >= GOOD)
            }
            Err(failure) => {
                let done = failure.is_final();
                self.first_failure.get_or_insert_with(|| failure.clone());
                (Outcome::Failed { failure }, None, done)
            }
        };
        self.attempts.push(Attempt { extractor: extractor.name().to_owned(), outcome, duration, quality });
        done
    }

    fn consider(&mut self, extracted: Extracted, quality: f64) {
        let better = self.best.as_ref().is_none_or(|best| quality > best.quality + CLEARLY_BETTER);
        if better {
            self.best = Some(Best { attempt: self.attempts.len(), quality, extracted });
        }
    }

    fn finish(mut self, name: &str, format: &dyn Format) -> Result<Extraction, ExtractError> {
        let Some(best) = self.best else {
            return Err(ExtractError::Unreadable {
                name: name.to_owned(),
                format: format.description().to_owned(),
                failure: self
                    .first_failure
                    .unwrap_or(Failure::NoText { detail: "No extractor is registered for it.".to_owned() }),
                attempts: self.attempts,
            });
        };
        self.attempts[best.attempt].outcome = Outcome::Chosen;
        let mut warnings = best.extracted.warnings;
        if best.quality < POOR {
            warnings.push(Warning::PoorQuality { percent: (best.quality * 100.0).round() as u8 });
        }
        Ok(Extraction {
            format: format.name().to_owned(),
            text: best.extracted.text,
            title: best.extracted.title,
            pages: best.extracted.pages,
            running_lines: best.extracted.running_lines,
            warnings,
            attempts: self.attempts,
            quality: best.quality,
        })
    }
}
