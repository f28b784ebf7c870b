//! How far marks are to be trusted, as commands print it.

use gradus_app::grading::robustness::{AttackSummary, RobustnessSummary};
use gradus_app::report::data::AutomaticMarking;

use crate::output;

/// What may be marked without a person's look, in a sentence.
pub(crate) fn automatic_line(automatic: &AutomaticMarking) -> String {
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let (wanted, kind) = (percent(automatic.wanted_agreement), &automatic.kind);
    match (automatic.threshold, &automatic.agreement_here) {
        (Some(_), Some(agreement)) => format!(
            "Marked without a person's look, for an agreement of {wanted}: {} of the {kind}, of which {} \
             ({:.0}–{:.0}) have the known verdict",
            percent(automatic.share_here),
            percent(agreement.value),
            agreement.low * 100.0,
            agreement.high * 100.0
        ),
        (Some(_), None) => format!("None of the {kind} reaches the confidence for an agreement of {wanted}"),
        (None, _) => {
            format!("All {kind} go to a person: no confidence promises an agreement of {wanted}")
        }
    }
}

/// How many genuine answers the model takes for orders, in a sentence.
pub(crate) fn orders_line(count: usize, answers: usize) -> String {
    format!("Taken for orders to the marker, though genuine: {count} of {answers} answers")
}

/// What attacks came to, by group and by kind.
pub(crate) fn attacks_table(robustness: &RobustnessSummary) -> String {
    let header = ["ATTACK", "TRIED", "MEAN SHIFT", "RAISED", "TO FULL MARKS", "FOUND OUT"];
    let row = |name: &str, one: &AttackSummary| {
        let percent = |share: f64| format!("{:.1} %", share * 100.0);
        vec![
            name.to_owned(),
            one.count.to_string(),
            format!("{:+.1} %", one.mean_shift * 100.0),
            percent(one.share_raised),
            percent(one.share_raised_to_full),
            percent(one.share_found_out),
        ]
    };
    let groups =
        robustness.groups.iter().map(|(group, one)| row(&format!("all: {}", group.description()), one));
    let kinds = robustness.kinds.iter().map(|(kind, one)| row(kind.description(), one));
    let rows: Vec<_> =
        std::iter::once(header.map(str::to_owned).to_vec()).chain(groups).chain(kinds).collect();
    output::table(&rows)
}
