//! How many of something each holder may have at once. Knows nothing of what it is.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// Places of which each holder has as many as any other.
#[derive(Debug)]
pub(crate) struct Places<H> {
    each: usize,
    taken: Arc<Mutex<HashMap<H, usize>>>,
}

/// A place that is taken until this is dropped.
#[derive(Debug)]
pub(crate) struct Place<H: Eq + Hash> {
    holder: H,
    taken: Arc<Mutex<HashMap<H, usize>>>,
}

impl<H: Eq + Hash + Copy> Places<H> {
    /// So many places for each holder.
    pub(crate) fn new(each: usize) -> Self {
        Self { each, taken: Arc::default() }
    }

    /// One more place for `holder`, unless it has all of its own.
    pub(crate) fn take(&self, holder: H) -> Option<Place<H>> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.get(&holder).copied().unwrap_or_default();
        (own < self.each).then(|| {
            taken.insert(holder, own + 1);
            Place { holder, taken: Arc::clone(&self.taken) }
        })
    }
}

impl<H: Eq + Hash> Drop for Place<H> {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = taken.get_mut(&self.holder) {
            *own -= 1;
            if *own == 0 {
                // Whoever has none is not remembered.
                taken.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_holder_has_its_own_places_and_gives_them_back() {
        let places = Places::new(2);
        let ada = [places.take("ada"), places.take("ada")];
        assert!(ada.iter().all(Option::is_some));
        assert!(places.take("ada").is_none());
        let bob = places.take("bob");
        assert!(bob.is_some());
        drop(ada);
        assert!(places.take("ada").is_some());
        drop(bob);
        assert!(places.taken.lock().unwrap().is_empty(), "nobody is remembered who has none");
    }
}
