//! Pieces of work in the queue: their states, and what people wish of running ones.

use crate::words::words;

words! {
    /// How far a piece of work in the queue is.
    "queue job" QueueJobState {
        /// To be taken once its time has come.
        Ready = "ready",
        /// A worker has it.
        Running = "running",
        /// It was done.
        Done = "done",
        /// It was given up after a fault.
        Failed = "failed",
        /// It was given up by a person's wish.
        Cancelled = "cancelled",
    }
}

words! {
    /// What a person wishes of a piece of work that a worker may already have.
    "wish" Wish {
        /// That it goes on.
        GoOn = "go-on",
        /// That it stops where it can go on later.
        Pause = "pause",
        /// That it is given up.
        Cancel = "cancel",
    }
}
