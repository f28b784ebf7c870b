//! From values to places in a chart, and the round values at which an axis has ticks.

/// A linear map from a domain of values to a range of SVG units.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    domain: (f64, f64),
    range: (f64, f64),
}

impl Scale {
    pub(super) fn new(domain: (f64, f64), range: (f64, f64)) -> Self {
        Self { domain, range }
    }

    /// The place of a value; the middle of the range where the domain is empty.
    pub(super) fn at(&self, value: f64) -> f64 {
        let ((low, high), (start, end)) = (self.domain, self.range);
        if high <= low {
            return f64::midpoint(start, end);
        }
        start + (value - low) / (high - low) * (end - start)
    }

    /// Like [`Self::at`], but a value outside the domain lands on its nearest end.
    pub(super) fn clamped(&self, value: f64) -> f64 {
        let (low, high) = self.domain;
        self.at(value.max(low).min(high))
    }
}

/// A value on an axis with its label.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub(super) value: f64,
    pub(super) label: String,
}

/// Every multiple of 1, 2 or 5 times a power of ten in `low..=high`, about `count` of them. Steps are
/// whole numbers where `whole` says so.
pub(super) fn ticks((low, high): (f64, f64), count: usize, whole: bool) -> Vec<Tick> {
    let step = step((low, high), count);
    let step = if whole { step.max(1.0) } else { step };
    let digits = (-step.log10().floor()).max(0.0) as usize;
    let first = (low / step - 1e-9).ceil() as i64;
    let last = (high / step + 1e-9).floor() as i64;
    (first..=last)
        .map(|multiple| multiple as f64 * step)
        .map(|value| Tick { value, label: format!("{value:.digits$}") })
        .collect()
}

/// The smallest domain around `low..=high` that begins and ends at a tick.
pub(super) fn domain_of_whole_steps((low, high): (f64, f64), count: usize) -> (f64, f64) {
    let step = step((low, high), count);
    let (first, last) = ((low / step).floor() * step, (high / step).ceil() * step);
    if last > first { (first, last) } else { (first, first + step) }
}

fn step((low, high): (f64, f64), count: usize) -> f64 {
    let rough = (high - low) / count.max(1) as f64;
    if !rough.is_finite() || rough <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= rough * 0.999).unwrap_or(10.0);
    factor * power
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(domain: (f64, f64), count: usize, whole: bool) -> Vec<String> {
        let ticks = ticks(domain, count, whole);
        ticks.into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn the_ends_of_the_domain_land_on_the_ends_of_the_range() {
        let scale = Scale::new((10.0, 20.0), (200.0, 0.0));
        assert_eq!(scale.at(10.0), 200.0);
        assert_eq!(scale.at(20.0), 0.0);
        assert_eq!(scale.at(15.0), 100.0);
        assert_eq!(scale.clamped(99.0), 0.0);
    }

    #[test]
    fn an_empty_domain_maps_to_the_middle_and_still_has_a_tick() {
        let scale = Scale::new((3.0, 3.0), (0.0, 100.0));
        assert_eq!(scale.at(3.0), 50.0);
        assert_eq!(labels((3.0, 3.0), 5, false), ["3"]);
        assert_eq!(domain_of_whole_steps((3.0, 3.0), 5), (3.0, 4.0));
    }

    #[test]
    fn ticks_are_round_numbers_with_only_the_digits_they_need() {
        assert_eq!(labels((0.0, 1.0), 4, false), ["0.0", "0.5", "1.0"]);
        assert_eq!(labels((0.0, 120.0), 6, true), ["0", "20", "40", "60", "80", "100", "120"]);
        assert_eq!(labels((0.31, 0.52), 4, false), ["0.4", "0.5"]);
        assert_eq!(labels((0.0, 0.004), 4, false), ["0.000", "0.001", "0.002", "0.003", "0.004"]);
    }

    #[test]
    fn steps_are_whole_where_a_fraction_makes_no_sense() {
        assert_eq!(labels((1.0, 3.0), 8, true), ["1", "2", "3"]);
    }

    #[test]
    fn a_domain_of_whole_steps_holds_its_values() {
        let (low, high) = domain_of_whole_steps((0.31, 2.47), 5);
        assert_eq!((low, high), (0.0, 2.5));
    }
}
