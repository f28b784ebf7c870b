//! Who waits for a model, in turns: of those who wait, each asker comes once a round, however many requests each has.
//! Pure.

use std::collections::VecDeque;

use crate::serving::Asker;

/// Those who wait.
pub(super) struct Line<T> {
    /// In the order of their turns; none of them has nothing that waits.
    askers: VecDeque<(Asker, VecDeque<T>)>,
}

impl<T> Line<T> {
    pub(super) fn new() -> Self {
        Self { askers: VecDeque::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.askers.is_empty()
    }

    /// Joins behind what the same asker has here already.
    pub(super) fn join(&mut self, asker: Asker, request: T) {
        match self.askers.iter_mut().find(|(other, _)| *other == asker) {
            Some((_, own)) => own.push_back(request),
            None => self.askers.push_back((asker, VecDeque::from([request]))),
        }
    }

    /// The request whose turn it is. Whoever else waits comes before its asker's next one.
    pub(super) fn next(&mut self) -> Option<T> {
        let (asker, mut own) = self.askers.pop_front()?;
        let request = own.pop_front();
        if !own.is_empty() {
            self.askers.push_back((asker, own));
        }
        request
    }

    /// Lets go of those that do not wait any more.
    pub(super) fn retain(&mut self, waits: impl Fn(&T) -> bool) {
        for (_, own) in &mut self.askers {
            own.retain(&waits);
        }
        self.askers.retain(|(_, own)| !own.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn line(requests: &[(u128, u32)]) -> Line<u32> {
        let mut line = Line::new();
        requests.iter().for_each(|(asker, request)| line.join(Asker(Uuid::from_u128(*asker)), *request));
        line
    }

    fn order(mut line: Line<u32>) -> Vec<u32> {
        std::iter::from_fn(|| line.next()).collect()
    }

    #[test]
    fn each_asker_comes_once_a_round_and_keeps_the_order_of_their_own() {
        let waiting = line(&[(1, 10), (1, 11), (1, 12), (2, 20), (3, 30), (2, 21)]);
        assert_eq!(order(waiting), [10, 20, 30, 11, 21, 12]);
    }

    #[test]
    fn whoever_joins_later_waits_for_no_more_than_one_of_each() {
        let mut waiting = line(&[(1, 10), (1, 11), (1, 12), (1, 13)]);
        assert_eq!(waiting.next(), Some(10));
        waiting.join(Asker(Uuid::from_u128(2)), 20);
        assert_eq!(order(waiting), [11, 20, 12, 13]);
    }

    #[test]
    fn those_who_leave_are_forgotten() {
        let mut waiting = line(&[(1, 10), (2, 20), (2, 21)]);
        waiting.retain(|request| *request > 20);
        assert!(!waiting.is_empty());
        assert_eq!(order(waiting), [21]);
        assert!(line(&[]).is_empty());
    }
}
