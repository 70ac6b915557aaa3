//! The tracer threads of one recording, and what they tell each other.
//!
//! Each has an engine with tasks of its own. What the tracers share is here: the mailboxes, how
//! busy each is, and which tasks live. A stop reads an atomic of it and takes no lock, unless it
//! shows the end of a task.

use super::messages::Message;
pub(crate) use super::post::Idle;
use super::post::Post;
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use sysreel_sys::Tid;
use sysreel_sys::affinity::Mask;
use sysreel_sys::moving::Filters;
use sysreel_sys::signals::Waker;

/// How long a tracer waits for the end of a task to be in the log, before it records what shows
/// that end.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// How often a tracer that has no tasks looks for a request to end the recording.
const IDLE_CHECK: Duration = Duration::from_millis(5);
/// How long the announcer sleeps at most while there is no message.
const LONG: Duration = Duration::from_secs(1);
/// How often a message is announced again until it is read: a signal that comes just before
/// wait4(2) begins does not end the wait.
const WAKE_EVERY: Duration = Duration::from_millis(1);

/// What the tracers of a recording share.
struct All {
    members: Vec<Shared>,
    post: Post<Message>,
    /// The tasks whose ends are not in the log yet: their processes, and their own ids.
    alive: Mutex<BTreeSet<(Tid, Tid)>>,
    /// The affinity masks that tasks would have without a recorder.
    own_masks: Mutex<HashMap<Tid, Arc<Mask>>>,
    /// Processes no longer move: one of them traces others.
    settled: AtomicBool,
    /// The seccomp filters of the recorder.
    filters: Filters,
    /// See [`Options::move_processes`](crate::Options::move_processes).
    moves_all: bool,
}

/// What others see of a tracer.
#[derive(Default)]
struct Shared {
    waker: OnceLock<Waker>,
    /// Whether it has let tasks go that other programs trace.
    has_away: AtomicBool,
    /// The number of its tasks that are in user code.
    busy: AtomicU32,
}

/// A tracer's place among the tracers of a recording.
pub(crate) struct Peers {
    all: Arc<All>,
    me: usize,
    /// The first also looks for requests to end the recording.
    is_first: bool,
}

impl Peers {
    /// Returns the places of `count` tracers, that of the first first.
    pub(crate) fn of_each(count: usize, moves_all: bool) -> Vec<Peers> {
        let all = Arc::new(All {
            members: (0..count).map(|_| Shared::default()).collect(),
            post: Post::new(count),
            alive: Mutex::default(),
            own_masks: Mutex::default(),
            settled: AtomicBool::new(false),
            filters: Filters::of_this_process(),
            moves_all,
        });
        (0..count).map(|me| Peers { all: Arc::clone(&all), me, is_first: me == 0 }).collect()
    }

    /// Begins the work on the calling thread.
    pub(crate) fn begin(&self) {
        _ = self.shared().waker.set(Waker::for_this_thread());
    }

    fn shared(&self) -> &Shared {
        &self.all.members[self.me]
    }

    /// Notes that a task of this tracer enters user code, or leaves it.
    pub(crate) fn count_busy(&self, enters: bool) {
        // Only this thread writes it.
        let busy = &self.shared().busy;
        let before = busy.load(Ordering::Relaxed);
        let now = if enters { before + 1 } else { before.saturating_sub(1) };
        busy.store(now, Ordering::Relaxed);
    }

    /// Returns the tracer to which a task moves: the least busy, if this one has more other tasks
    /// in user code, with `new` ones that have not begun. A shell that waits for its child keeps
    /// it.
    pub(crate) fn destination(&self, new: usize) -> Option<usize> {
        if self.all.settled.load(Ordering::Relaxed) {
            return None;
        }
        let busy = |member: &Shared| member.busy.load(Ordering::Relaxed);
        let own = busy(self.shared()) as usize + new;
        let others = self.all.members.iter().enumerate().filter(|&(at, _)| at != self.me);
        let (at, least) =
            others.map(|(at, other)| (at, busy(other) as usize)).min_by_key(|other| other.1)?;
        if self.all.moves_all {
            return Some((self.me + 1) % self.all.members.len());
        }
        (least < own).then_some(at)
    }

    /// Returns the number of other tracers without a task in user code.
    pub(crate) fn idle_others(&self) -> usize {
        let others = self.all.members.iter().enumerate().filter(|&(at, _)| at != self.me);
        others.filter(|(_, other)| other.busy.load(Ordering::Relaxed) == 0).count()
    }

    /// Sets the affinity mask that a task would have without a recorder.
    pub(crate) fn set_own_mask(&self, tid: Tid, mask: Option<Arc<Mask>>) {
        match mask {
            Some(mask) => _ = lock(&self.all.own_masks).insert(tid, mask),
            None => _ = lock(&self.all.own_masks).remove(&tid),
        }
    }

    /// Returns the affinity mask that a task would have without a recorder.
    pub(crate) fn own_mask(&self, tid: Tid) -> Option<Arc<Mask>> {
        lock(&self.all.own_masks).get(&tid).cloned()
    }

    /// The seccomp filters of the recorder.
    pub(crate) fn filters(&self) -> Filters {
        self.all.filters
    }

    /// Moves no process from now on.
    pub(crate) fn settle(&self) {
        self.all.settled.store(true, Ordering::Relaxed);
    }

    /// Sets whether this tracer has let tasks go that other programs trace.
    pub(crate) fn set_has_away(&self, has_away: bool) {
        self.shared().has_away.store(has_away, Ordering::Release);
    }

    /// Returns the other tracers that have let tasks go.
    pub(crate) fn others_with_away(&self) -> impl Iterator<Item = usize> {
        let others = self.all.members.iter().enumerate().filter(|&(at, _)| at != self.me);
        let others = others.filter(|(_, other)| other.has_away.load(Ordering::Acquire));
        others.map(|(at, _)| at)
    }

    /// Returns the tasks that are in the log and have not ended there.
    pub(crate) fn living(&self) -> Vec<Tid> {
        lock(&self.all.alive).iter().map(|&(_, tid)| tid).collect()
    }

    /// Notes that a task is in the log.
    pub(crate) fn has_begun(&self, process: Tid, tid: Tid) {
        lock(&self.all.alive).insert((process, tid));
    }

    /// Notes that the end of a task is in the log.
    pub(crate) fn has_ended(&self, process: Tid, tid: Tid) {
        lock(&self.all.alive).remove(&(process, tid));
    }

    /// Waits until the end of a process is in the log. Its tracer has reaped it before its parent
    /// could, and is about to commit it.
    pub(crate) fn await_end(&self, process: Tid) {
        self.await_until(|alive| !alive.contains(&(process, process)));
    }

    /// Waits until the ends of all tasks of a process are in the log, but for `left`.
    pub(crate) fn await_others(&self, process: Tid, left: [Tid; 2]) {
        let of_process = (process, Tid::MIN)..=(process, Tid::MAX);
        self.await_until(|alive| {
            alive.range(of_process.clone()).all(|(_, tid)| left.contains(tid))
        });
    }

    /// Whether the end of the leader of a process is not in the log yet.
    pub(crate) fn is_alive(&self, leader: Tid) -> bool {
        lock(&self.all.alive).contains(&(leader, leader))
    }

    /// Takes the first message of a kind, before others.
    pub(crate) fn receive_first(&self, is_meant: impl Fn(&Message) -> bool) -> Option<Message> {
        self.all.post.receive_first(self.me, is_meant)
    }

    fn await_until(&self, mut is_so: impl FnMut(&BTreeSet<(Tid, Tid)>) -> bool) {
        let begun = Instant::now();
        while !is_so(&lock(&self.all.alive)) && begun.elapsed() < LONGEST_WAIT {
            std::thread::yield_now();
        }
    }

    /// Sends a message to another tracer.
    pub(crate) fn send(&self, to: usize, message: Message) {
        self.all.post.send(to, message);
        if let Some(waker) = self.all.members[to].waker.get() {
            waker.wake();
        }
    }

    /// Sends a message to all others.
    pub(crate) fn send_to_others(&self, message: impl Fn() -> Message) {
        for other in (0..self.all.members.len()).filter(|&other| other != self.me) {
            self.send(other, message());
        }
    }

    /// Returns the next message to this tracer.
    pub(crate) fn receive(&self) -> Option<Message> {
        self.all.post.receive(self.me)
    }

    /// Waits, as this tracer has no tasks.
    pub(crate) fn idle(&self) -> Idle {
        self.all.post.idle(self.me, self.is_first.then_some(IDLE_CHECK))
    }

    /// Starts the thread that announces messages again until they are read. It ends with them.
    ///
    /// # Errors
    /// The errno of starting a thread.
    pub(crate) fn start_announcer(&self) -> std::io::Result<()> {
        let all = Arc::downgrade(&self.all);
        let announce = move || {
            while let Some(all) = all.upgrade() {
                let Some(unread) = all.post.wait_for_mail(LONG, WAKE_EVERY) else { return };
                let wakers = unread.into_iter().filter_map(|at| all.members[at].waker.get());
                wakers.for_each(|waker| waker.wake());
            }
        };
        std::thread::Builder::new().name("announcer".into()).spawn(announce).map(drop)
    }
}

impl Drop for Peers {
    /// The others do not wait for a tracer that has ended, with or without tasks.
    fn drop(&mut self) {
        self.all.post.leave();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tracer_without_tasks_gets_messages_until_none_has_tasks() {
        let mut places = Peers::of_each(2, false).into_iter();
        let (first, second) = (places.next().unwrap(), places.next().unwrap());
        let other = std::thread::spawn(move || {
            second.begin();
            let mut received = 0;
            while second.idle() == Idle::Look {
                while let Some(Message::Superseded(tid)) = second.receive() {
                    received += tid;
                }
            }
            received
        });
        for tid in 1..=10 {
            first.send_to_others(|| Message::Superseded(tid));
        }
        while first.idle() == Idle::Look {}
        assert_eq!(other.join().unwrap(), 55);
    }

    #[test]
    fn a_task_moves_to_a_less_busy_tracer() {
        let places = Peers::of_each(3, false);
        assert_eq!(places[0].destination(0), None);
        assert_eq!(places[0].destination(1), Some(1));
        places[0].count_busy(true);
        places[1].count_busy(true);
        assert_eq!(places[0].destination(0), Some(2));
        places[2].count_busy(true);
        assert_eq!((places[0].destination(0), places[0].idle_others()), (None, 0));
        places[0].count_busy(true);
        places[2].count_busy(false);
        assert_eq!(places[0].destination(0), Some(2));
        places[0].settle();
        assert_eq!(places[0].destination(0), None);
    }

    #[test]
    fn the_end_of_the_last_thread_is_awaited() {
        let places = Peers::of_each(2, false);
        places[0].has_begun(7, 7);
        places[1].has_begun(7, 8);
        places[1].has_begun(9, 9);
        let ends = std::thread::scope(|scope| {
            let waits = scope.spawn(|| places[0].await_others(7, [7, 7]));
            places[1].has_ended(7, 8);
            waits.join().is_ok()
        });
        assert!(ends && places[0].is_alive(7));
        places[0].has_ended(7, 7);
        places[1].await_end(7);
        assert!(!places[0].is_alive(7) && places[0].is_alive(9));
    }
}
