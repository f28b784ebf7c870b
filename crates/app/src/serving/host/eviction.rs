//! Which models have to leave for another one to come. Pure.

/// A model in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    /// Bytes that it takes or may take.
    pub(super) bytes: u64,
    /// Whether it is answering.
    pub(super) busy: bool,
    /// When it was asked last, by a counter.
    pub(super) used: u64,
}

/// How to make room.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// Once these have left, by their place in the list.
    After(Vec<usize>),
    /// Not before some model has come to rest.
    Later,
    /// Not even in an empty memory.
    Never,
}

/// Makes room for `needed` bytes within `budget`: models at rest leave, least recently used first, and no
/// more than have to.
pub(super) fn make_room(held: &[Held], needed: u64, budget: u64) -> Room {
    if needed > budget {
        return Room::Never;
    }
    let mut taken: u64 = held.iter().map(|model| model.bytes).sum();
    let mut resting: Vec<usize> = (0..held.len()).filter(|index| !held[*index].busy).collect();
    resting.sort_by_key(|index| held[*index].used);
    let mut leaving = Vec::new();
    for index in resting {
        if taken + needed <= budget {
            break;
        }
        taken -= held[index].bytes;
        leaving.push(index);
    }
    if taken + needed <= budget { Room::After(leaving) } else { Room::Later }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(models: &[(u64, bool, u64)]) -> Vec<Held> {
        models.iter().map(|(bytes, busy, used)| Held { bytes: *bytes, busy: *busy, used: *used }).collect()
    }

    #[test]
    fn nobody_leaves_where_there_is_room() {
        assert_eq!(make_room(&held(&[(40, false, 1)]), 60, 100), Room::After(Vec::new()));
    }

    #[test]
    fn the_least_recently_used_leave_and_no_more_than_have_to() {
        let models = held(&[(30, false, 3), (30, false, 1), (30, false, 2)]);
        assert_eq!(make_room(&models, 40, 100), Room::After(vec![1]));
        assert_eq!(make_room(&models, 70, 100), Room::After(vec![1, 2]));
    }

    #[test]
    fn a_model_that_answers_stays() {
        let models = held(&[(50, true, 1), (40, false, 2)]);
        assert_eq!(make_room(&models, 50, 100), Room::After(vec![1]));
        assert_eq!(make_room(&models, 51, 100), Room::Later);
    }

    #[test]
    fn what_fits_nowhere_is_said_at_once() {
        assert_eq!(make_room(&[], 101, 100), Room::Never);
        assert_eq!(make_room(&held(&[(9, true, 1)]), 101, 100), Room::Never);
    }
}
