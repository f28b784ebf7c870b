//! `cargo xtask bench`: the engine beside its peers on one model, turn by turn in one sitting, because
//! such machines differ from minute to minute; medians, ratios, peak memory.

mod comparisons;
mod engine;
mod options;
mod peers;
mod table;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::environment::Environment;
use comparisons::{COMPARISONS, Comparison};
use engine::Engine;
use options::Options;
use peers::Peers;

pub(crate) use options::USAGE;

/// One run of one workload by one of those compared, in a process of its own.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Figures {
    /// Prompt or training tokens read, or tokens generated, a second.
    tokens_per_second: f64,
    /// The most memory that the process had.
    peak_rss_mb: f64,
    /// Floating-point operations a second over those of one large product, measured in the same run.
    #[serde(default)]
    share_of_peak: Option<f64>,
}

/// What the rounds of one comparison gave.
#[derive(Debug, Serialize)]
struct Outcome {
    name: &'static str,
    /// Medians over the rounds.
    ours: Figures,
    peer: Option<Figures>,
    /// Median of the rounds' ratios of tokens a second.
    ratio: Option<f64>,
    bar: f64,
}

/// Runs the comparisons asked for and prints a table; with `--json` one line a comparison.
pub(crate) fn run(environment: &Environment, arguments: impl Iterator<Item = String>) -> Result<bool> {
    let options = Options::parse(arguments)?;
    let model = options.model.clone().map_or_else(|| crate::suite::base_model(environment), Ok)?;
    ensure!(model.is_file(), "{} is not a file; --model takes a GGUF file", model.display());
    let engine = Engine::build(environment, &model)?;
    let peers = Peers { model: &model, options: &options };
    let chosen: Vec<&Comparison> = COMPARISONS
        .iter()
        .filter(|comparison| options.only.as_ref().is_none_or(|only| comparison.name.contains(only.as_str())))
        .collect();
    ensure!(!chosen.is_empty(), "no comparison has that in its name; there are {}", comparisons::names());
    let mut outcomes = Vec::new();
    for (index, comparison) in chosen.iter().enumerate() {
        eprintln!("{}/{} {}", index + 1, chosen.len(), comparison.name);
        let outcome = compare(comparison, &engine, &peers, options.rounds)
            .with_context(|| format!("comparison `{}`", comparison.name))?;
        if options.json {
            println!("{}", serde_json::to_string(&outcome)?);
        }
        outcomes.push(outcome);
    }
    let start = options.only.is_none().then(|| engine.start(options.rounds)).transpose()?;
    match (options.json, &start) {
        (true, Some(start)) => println!("{}", serde_json::to_string(start)?),
        (true, None) => {}
        (false, start) => println!("{}", table::markdown(&outcomes, start.as_ref(), options.rounds)),
    }
    Ok(true)
}

/// Ours and theirs in turn.
fn compare(comparison: &Comparison, engine: &Engine, peers: &Peers<'_>, rounds: usize) -> Result<Outcome> {
    let mut ours = Vec::with_capacity(rounds);
    let mut theirs = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        ours.push(engine.measure(comparison.ours)?);
        theirs.extend(peers.measure(comparison.peer)?);
    }
    let ratios: Vec<f64> = ours
        .iter()
        .zip(&theirs)
        .map(|(ours, peer)| ours.tokens_per_second / peer.tokens_per_second)
        .collect();
    Ok(Outcome {
        name: comparison.name,
        ours: medians(&ours).context("no round was run")?,
        peer: medians(&theirs),
        ratio: median(ratios),
        bar: comparison.bar,
    })
}

fn medians(figures: &[Figures]) -> Option<Figures> {
    let of = |value: fn(&Figures) -> f64| median(figures.iter().map(value).collect());
    Some(Figures {
        tokens_per_second: of(|figures| figures.tokens_per_second)?,
        peak_rss_mb: of(|figures| figures.peak_rss_mb)?,
        share_of_peak: median(figures.iter().filter_map(|figures| figures.share_of_peak).collect()),
    })
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one_or_between_the_two_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(Vec::new()), None);
    }
}
