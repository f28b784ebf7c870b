//! The result as a Markdown table, to be read in a terminal and kept in docs/performance.md.

use super::engine::Start;
use super::{Figures, Outcome};

pub(super) fn markdown(outcomes: &[Outcome], start: Option<&Start>, rounds: usize) -> String {
    let mut lines = vec![
        format!(
            "Medians of {rounds} turns each; tokens/s. Share: of the speed of one large product in the same run."
        ),
        String::new(),
        "| workload, peer | ours | peer | ratio | bar | share of the peak | our memory | peer's |".into(),
        "|---|--:|--:|--:|--:|--:|--:|--:|".into(),
    ];
    lines.extend(outcomes.iter().map(row));
    lines.extend(start.into_iter().flat_map(|Start { begins, done }| {
        let line = format!("From the start of `gradus train` to the first step: {begins:.2} s; until that step is done: {done:.2} s.");
        [String::new(), line]
    }));
    lines.join("\n")
}

fn row(outcome: &Outcome) -> String {
    let speed = |figures: &Figures| format!("{:.0}", figures.tokens_per_second);
    let memory = |figures: &Figures| format!("{:.0} MB", figures.peak_rss_mb);
    let cell = |value: Option<String>| value.unwrap_or_else(|| "–".into());
    format!(
        "| {} | {} | {} | {} | {} | {} | {} | {} |",
        outcome.name,
        speed(&outcome.ours),
        cell(outcome.peer.as_ref().map(speed)),
        cell(outcome.ratio.map(|ratio| format!("{ratio:.2}x"))),
        outcome.bar,
        cell(outcome.ours.share_of_peak.map(|share| format!("{:.0} %", 100.0 * share))),
        memory(&outcome.ours),
        cell(outcome.peer.as_ref().map(memory)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_was_not_there_leaves_its_cells_empty() {
        let ours = Figures { tokens_per_second: 1000.4, peak_rss_mb: 900.0, share_of_peak: Some(0.58) };
        let alone = Outcome { name: "train", ours, peer: None, ratio: None, bar: 4.0 };
        assert_eq!(row(&alone), "| train | 1000 | – | – | 4 | 58 % | 900 MB | – |");
        let peer = Figures { tokens_per_second: 400.0, peak_rss_mb: 5000.0, share_of_peak: None };
        let both = Outcome { peer: Some(peer), ratio: Some(2.501), ..alone };
        assert_eq!(row(&both), "| train | 1000 | 400 | 2.50x | 4 | 58 % | 900 MB | 5000 MB |");
    }
}
