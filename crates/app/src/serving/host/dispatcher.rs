//! Which models are in memory, and which request goes to which. One thread; it waits for nothing but
//! notices.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use gradus_engine::memory;

use super::eviction::{Held, Room, make_room};
use super::model::{self, Counters, Start};
use super::ticket::Ticket;
use super::{HostOptions, Reports};
use crate::serving::protocol::{Command, Report, Status};
use crate::serving::{Ask, Asker, Fault, FaultKind};

/// How often a busy host tells its status.
const STATUS_EVERY: Duration = Duration::from_secs(1);

/// One stay of a model in memory: what is said of an earlier one is not meant for a later one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) base: PathBuf,
    number: u64,
}

/// What the dispatcher is told.
pub(super) enum Notice {
    /// By the server.
    Command(Command),
    /// A model is there and takes so many bytes.
    Loaded { life: Life, bytes: u64 },
    /// A model takes no more requests: it could not be loaded, it failed, or it is not what is on disk.
    Gone { life: Life },
    /// A request is done, whatever came of it.
    Done { id: u64 },
    /// No more requests come.
    Close,
}

/// A model in memory, or on its way there.
struct Warm {
    life: Life,
    inbox: Sender<(Ask, Ticket)>,
    /// Requests that it has.
    asked: usize,
    bytes: u64,
    used: u64,
    counters: Arc<Counters>,
}

/// A request that is not done.
struct Known {
    cancelled: Arc<AtomicBool>,
    /// The model that has it.
    model: Option<Life>,
}

pub(super) struct Dispatcher {
    options: HostOptions,
    reports: Reports,
    notices: Sender<Notice>,
    warm: BTreeMap<PathBuf, Warm>,
    /// Requests whose model is not there yet, and all that came after them.
    pending: VecDeque<(Ask, Ticket)>,
    requests: BTreeMap<u64, Known>,
    clock: u64,
    /// Tokens generated and read by models that have left.
    former: (u64, u64),
    told: (Instant, u64),
}

impl Dispatcher {
    pub(super) fn new(options: HostOptions, reports: Reports, notices: Sender<Notice>) -> Self {
        Self {
            options,
            reports,
            notices,
            warm: BTreeMap::new(),
            pending: VecDeque::new(),
            requests: BTreeMap::new(),
            clock: 0,
            former: (0, 0),
            told: (Instant::now(), 0),
        }
    }

    pub(super) fn run(mut self, inbox: &Receiver<Notice>) {
        let mut told_rest = true;
        loop {
            let is_busy = !self.requests.is_empty();
            if is_busy && self.told.0.elapsed() >= STATUS_EVERY || !is_busy && !told_rest {
                self.tell_status();
            }
            told_rest = !is_busy;
            let notice = match is_busy {
                true => inbox.recv_timeout(STATUS_EVERY.saturating_sub(self.told.0.elapsed())),
                false => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match notice {
                Ok(Notice::Close) | Err(RecvTimeoutError::Disconnected) => return self.refuse_pending(),
                Ok(notice) => self.take(notice),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn take(&mut self, notice: Notice) {
        match notice {
            Notice::Command(Command::Ask { id, asker, ask }) => self.ask((id, asker), *ask),
            Notice::Command(Command::Cancel { id }) => self.cancel(id),
            Notice::Loaded { life, bytes } => {
                if let Some(warm) = self.living(&life) {
                    warm.bytes = bytes;
                }
                self.shrink();
            }
            Notice::Gone { life } => {
                if self.living(&life).is_some() {
                    self.forget(&life.base);
                }
            }
            Notice::Done { id } => {
                let model = self.requests.remove(&id).and_then(|request| request.model);
                if let Some(warm) = model.and_then(|life| self.living(&life)) {
                    warm.asked = warm.asked.saturating_sub(1);
                }
                self.shrink();
            }
            Notice::Close => {}
        }
        self.dispatch();
    }

    fn living(&mut self, life: &Life) -> Option<&mut Warm> {
        self.warm.get_mut(&life.base).filter(|warm| warm.life == *life)
    }

    fn ask(&mut self, (id, asker): (u64, Asker), ask: Ask) {
        let ticket = Ticket::new((id, asker), Arc::clone(&self.reports), self.notices.clone());
        if self.requests.len() >= self.options.limits.requests {
            let most = self.options.limits.requests;
            let message = format!("{most} requests are being answered or wait already; ask again later");
            return ticket.fail(Fault::new(FaultKind::Busy, message));
        }
        self.requests.insert(id, Known { cancelled: ticket.cancellation(), model: None });
        self.pending.push_back((ask, ticket));
    }

    fn cancel(&mut self, id: u64) {
        if let Some(request) = self.requests.get(&id) {
            request.cancelled.store(true, Ordering::Relaxed);
        }
        self.pending.retain(|(_, ticket)| !ticket.is_cancelled());
    }

    /// Hands over what waits, in its order: a request whose model has to wait for room holds up those after
    /// it, or it would wait as long as others come.
    fn dispatch(&mut self) {
        while let Some((ask, _)) = self.pending.front() {
            let base = ask.model.base.clone();
            if !self.warm.contains_key(&base) {
                match self.room_for(&base) {
                    Ok(true) => self.load(&base),
                    Ok(false) => return,
                    Err(fault) => {
                        if let Some((_, ticket)) = self.pending.pop_front() {
                            ticket.fail(fault);
                        }
                        continue;
                    }
                }
            }
            let (Some(warm), Some(request)) = (self.warm.get_mut(&base), self.pending.pop_front()) else {
                return;
            };
            self.clock += 1;
            warm.used = self.clock;
            let id = request.1.id();
            match warm.inbox.send(request) {
                Ok(()) => {
                    warm.asked += 1;
                    if let Some(known) = self.requests.get_mut(&id) {
                        known.model = Some(warm.life.clone());
                    }
                }
                Err(unsent) => {
                    // The model is gone, and the notice of it is on its way.
                    self.pending.push_front(unsent.0);
                    self.forget(&base);
                }
            }
        }
    }

    /// Whether there is room for a model, after those that are not needed have left.
    fn room_for(&mut self, base: &Path) -> Result<bool, Fault> {
        let (limits, budget) = (self.options.limits, self.options.limits.memory_bytes);
        let needed = model::file_bytes(base)?.saturating_add(limits.beside_weights());
        match self.make_room(needed) {
            Room::After(_) => Ok(true),
            Room::Later => Ok(false),
            Room::Never => Err(model::too_large(base, needed, budget)),
        }
    }

    /// Lets models leave that are not needed, where all together take more than they may: what a model
    /// takes is known only once it is loaded.
    fn shrink(&mut self) {
        self.make_room(0);
    }

    fn make_room(&mut self, needed: u64) -> Room {
        let held: Vec<(PathBuf, Held)> = self
            .warm
            .iter()
            .map(|(base, warm)| {
                (base.clone(), Held { bytes: warm.bytes, busy: warm.asked > 0, used: warm.used })
            })
            .collect();
        let models: Vec<Held> = held.iter().map(|(_, held)| *held).collect();
        let room = make_room(&models, needed, self.options.limits.memory_bytes);
        if let Room::After(leaving) = &room {
            leaving.iter().for_each(|index| self.forget(&held[*index].0));
        }
        room
    }

    fn load(&mut self, base: &Path) {
        let (inbox, requests) = channel();
        let counters = Arc::new(Counters::default());
        let bytes = model::file_bytes(base).unwrap_or(0) + self.options.limits.beside_weights();
        self.clock += 1;
        let life = Life { base: base.to_owned(), number: self.clock };
        let start = Start {
            life: life.clone(),
            options: self.options,
            requests,
            notices: self.notices.clone(),
            counters: Arc::clone(&counters),
        };
        thread::spawn(move || model::run(start));
        self.warm.insert(base.to_owned(), Warm { life, inbox, asked: 0, bytes, used: self.clock, counters });
    }

    /// Its thread ends, and its memory is free, once it has answered what it was asked.
    fn forget(&mut self, base: &Path) {
        if let Some(warm) = self.warm.remove(base) {
            let (generated, read) = warm.counters.tokens();
            self.former.0 += generated;
            self.former.1 += read;
        }
    }

    fn refuse_pending(self) {
        for (_, ticket) in self.pending {
            ticket.fail(Fault::new(FaultKind::Stopping, "the server is being stopped; ask again later"));
        }
    }

    fn tell_status(&mut self) {
        let (mut generated, mut read) = self.former;
        for warm in self.warm.values() {
            let (more_generated, more_read) = warm.counters.tokens();
            generated += more_generated;
            read += more_read;
        }
        // What a model says of itself may be a moment old.
        let running = |warm: &Warm| warm.counters.running().min(warm.asked);
        let running: usize = self.warm.values().map(running).sum();
        let seconds = self.told.0.elapsed().as_secs_f64();
        let tokens_per_second = generated.saturating_sub(self.told.1) as f64 / seconds.max(1e-3);
        self.told = (Instant::now(), generated);
        (self.reports)(Report::Status(Status {
            running,
            waiting: self.requests.len().saturating_sub(running),
            models: self.warm.len(),
            generated_tokens: generated,
            read_tokens: read,
            tokens_per_second,
            memory_bytes: memory::held_bytes(),
        }));
    }
}
