//! Whether this machine has room for another job. Work that would not fit waits in the queue: begun, it would fail, or
//! take from what runs already.

use gradus_domain::{JobKind, Weight};
use serde::{Deserialize, Serialize};

use crate::service::operations::Room;

/// What a machine must have left before a worker begins another job.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// On the disk of the data.
    pub least_free_disk_bytes: u64,
    /// Memory that programs may still take.
    pub least_free_memory_mib: u64,
    /// Processes that want a core, for each core there is, over the last minute; heavy work waits while there are more.
    /// Unlimited where nothing is said: others that are busy make work slower, not fail.
    pub most_load_per_core: Option<f64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { least_free_disk_bytes: 1 << 30, least_free_memory_mib: 512, most_load_per_core: None }
    }
}

impl Limits {
    /// Why no job of this kind may begin now, if none may. What the system does not tell holds nothing back.
    fn shortage(&self, kind: JobKind, room: &Room) -> Option<String> {
        // It makes room.
        if kind == JobKind::CleanUp {
            return None;
        }
        let mib = |bytes: u64| bytes >> 20;
        let least_memory = self.least_free_memory_mib.saturating_mul(1 << 20);
        if let Some(free) = room.free_disk_bytes.filter(|free| *free < self.least_free_disk_bytes) {
            let least = mib(self.least_free_disk_bytes);
            return Some(format!("the disk has {} MiB left of the {least} that there must be", mib(free)));
        }
        if let Some(free) = room.available_memory_bytes.filter(|free| *free < least_memory) {
            let least = self.least_free_memory_mib;
            return Some(format!(
                "there are {} MiB of memory left of the {least} that there must be",
                mib(free)
            ));
        }
        let most = self.most_load_per_core.filter(|_| kind.weight() == Weight::Heavy)?;
        let load = room.load_per_core.filter(|load| *load > most)?;
        Some(format!("the load is {load:.1} for each core, and may be {most:.1}"))
    }
}

/// Lets in the kinds of work that there is room for.
pub(super) struct Gate {
    limits: Limits,
    /// Why some kind was not let in when it was asked last.
    pub(super) held_back: Option<String>,
}

impl Gate {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, held_back: None }
    }

    /// Those of the kinds that may begin now. Says once when that changes.
    pub(super) fn admitted(&mut self, kinds: &[JobKind], room: &Room) -> Vec<JobKind> {
        let (mut admitted, mut held_back) = (Vec::new(), None);
        for &kind in kinds {
            match self.limits.shortage(kind, room) {
                None => admitted.push(kind),
                Some(shortage) => held_back = Some(shortage),
            }
        }
        match (&self.held_back, &held_back) {
            (None, Some(reason)) => tracing::warn!(reason, "new work waits until there is room"),
            (Some(_), None) => tracing::info!("there is room again, and work begins"),
            _ => {}
        }
        self.held_back = held_back;
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOMY: Room = Room {
        free_disk_bytes: Some(50 << 30),
        available_memory_bytes: Some(8 << 30),
        load_per_core: Some(1.0),
    };
    const KINDS: [JobKind; 3] = [JobKind::Train, JobKind::MakeReport, JobKind::CleanUp];

    fn admitted(limits: Limits, room: Room) -> (Vec<JobKind>, Option<String>) {
        let mut gate = Gate::new(limits);
        let admitted = gate.admitted(&KINDS, &room);
        (admitted, gate.held_back)
    }

    #[test]
    fn a_machine_with_room_or_one_that_does_not_tell_holds_nothing_back() {
        let silent = Room { free_disk_bytes: None, available_memory_bytes: None, load_per_core: None };
        for room in [ROOMY, silent] {
            assert_eq!(admitted(Limits::default(), room), (KINDS.to_vec(), None));
        }
        let exactly =
            Room { free_disk_bytes: Some(1 << 30), available_memory_bytes: Some(512 << 20), ..ROOMY };
        assert_eq!(admitted(Limits::default(), exactly).1, None);
    }

    #[test]
    fn without_room_only_what_makes_room_begins() {
        let full = Room { free_disk_bytes: Some((1 << 30) - 1), ..ROOMY };
        let (kinds, reason) = admitted(Limits::default(), full);
        assert_eq!(kinds, [JobKind::CleanUp]);
        assert!(reason.unwrap().contains("1023 MiB left of the 1024"));
        let starved = Room { available_memory_bytes: Some(100 << 20), ..ROOMY };
        let (kinds, reason) = admitted(Limits::default(), starved);
        assert_eq!(kinds, [JobKind::CleanUp]);
        assert!(reason.unwrap().contains("100 MiB of memory left of the 512"));
    }

    #[test]
    fn load_holds_heavy_work_back_alone_and_only_where_it_is_limited() {
        let busy = Room { load_per_core: Some(3.5), ..ROOMY };
        assert_eq!(admitted(Limits::default(), busy).1, None);
        let limits = Limits { most_load_per_core: Some(2.0), ..Limits::default() };
        let (kinds, reason) = admitted(limits, busy);
        assert_eq!(kinds, [JobKind::MakeReport, JobKind::CleanUp]);
        assert_eq!(reason.unwrap(), "the load is 3.5 for each core, and may be 2.0");
        assert_eq!(admitted(limits, ROOMY).1, None);
    }

    #[test]
    fn a_gate_opens_again() {
        let mut gate = Gate::new(Limits::default());
        assert_eq!(gate.admitted(&KINDS, &Room { free_disk_bytes: Some(0), ..ROOMY }).len(), 1);
        assert_eq!(gate.admitted(&KINDS, &ROOMY).len(), 3);
        assert_eq!(gate.held_back, None);
    }
}
