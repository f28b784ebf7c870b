//! Handlers that have a model answer: the request is read, its model found, and what the model says comes as a whole or
//! as it grows. Who goes away ends the answer; what goes wrong inside is told to the log alone.

mod chat;
mod response;
mod served;
mod stream;

pub(super) use chat::create_chat_completion;
pub(super) use response::create_response;

use uuid::Uuid;

/// Chance for whoever names no seed.
fn chance() -> u64 {
    Uuid::now_v7().as_u64_pair().1
}

/// An id of something that is not kept.
fn passing_id(kind: &str) -> String {
    format!("{kind}{}", Uuid::now_v7().simple())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_and_ids_are_not_given_out_twice() {
        let seeds: std::collections::BTreeSet<u64> = (0..100).map(|_| chance()).collect();
        assert_eq!(seeds.len(), 100);
        assert_ne!(passing_id("a-"), passing_id("a-"));
        assert!(passing_id("chatcmpl-").starts_with("chatcmpl-"));
    }
}
