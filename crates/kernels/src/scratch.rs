//! Memory that a thread keeps between tasks, one value of each type.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::collections::HashMap;

thread_local! {
    static KEPT: RefCell<HashMap<TypeId, Box<dyn Any>>> = RefCell::default();
}

/// Runs `body` with what the last call on this thread left of that type. (Thread-local statics cannot be
/// generic, and the value must be free to differ with the numbers that a kernel computes with.)
pub(crate) fn with_scratch<T: Default + 'static, R>(body: impl FnOnce(&mut T) -> R) -> R {
    let kept = KEPT.with_borrow_mut(|all| all.remove(&TypeId::of::<T>()));
    let mut value = kept.and_then(|any| any.downcast::<T>().ok()).unwrap_or_default();
    let result = body(&mut value);
    KEPT.with_borrow_mut(|all| all.insert(TypeId::of::<T>(), value));
    result
}

#[cfg(test)]
mod tests {
    use super::with_scratch;

    #[test]
    fn a_value_is_found_again_by_its_type() {
        with_scratch(|kept: &mut Vec<u8>| kept.push(1));
        with_scratch(|other: &mut Vec<u16>| assert!(other.is_empty()));
        with_scratch(|kept: &mut Vec<u8>| {
            assert_eq!(kept, &[1]);
            with_scratch(|within: &mut Vec<u8>| assert!(within.is_empty(), "in use by the caller"));
        });
    }
}
