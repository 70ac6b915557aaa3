//! The calls of each pair of threads, in order.

mod hunks;
mod threads;

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use foldhash::fast::RandomState;

use super::{Found, Pairing, account};
use crate::diff::align::{self, Span};
use crate::diff::effect::Op;
use crate::diff::report::Account;
use crate::diff::run::stream::Stream;
use crate::diff::run::{Run, result};
use crate::state::ProcessId;

/// What every operation of both runs is called, and the number that it has in both.
pub(super) struct Tokens {
    /// By the number of the operation in its own run.
    of: [Vec<u32>; 2],
    /// By the number that both have.
    pub(super) words: Vec<Token>,
}

/// An operation, as both runs call it.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) role: String,
    pub(super) op: Op,
    /// It opens what is then read or written.
    pub(super) opens: bool,
    pub(super) resource: String,
    pub(super) result: String,
}

impl Token {
    /// As it stands in a report.
    pub(super) fn text(&self) -> String {
        let op = match self.op {
            Op::Call => String::new(),
            op if self.opens => format!("open to {op} "),
            op => format!("{op} "),
        };
        let ended = if self.result == "ok" { String::new() } else { format!(" {}", self.result) };
        format!("{op}{}{ended}", self.resource)
    }
}

impl Tokens {
    fn of(a: &Run, b: &Run) -> Self {
        let mut ids = HashMap::<(String, Op, bool, String, u16), u32, RandomState>::default();
        let mut words = Vec::new();
        let of = [a, b].map(|run| {
            let ids = run.streams.deeds.iter().map(|(role, deed)| {
                let key = (run.name(*role).to_owned(), deed.op, deed.opens, run.resource(deed), deed.errno);
                *ids.entry(key).or_insert_with_key(|(role, op, opens, resource, errno)| {
                    words.push(Token {
                        role: role.clone(),
                        op: *op,
                        opens: *opens,
                        resource: resource.clone(),
                        result: result(*errno),
                    });
                    u32::try_from(words.len() - 1).unwrap_or(u32::MAX)
                })
            });
            ids.collect::<Vec<_>>()
        });
        Self { of, words }
    }

    fn stream(&self, side: usize, stream: &Stream) -> Vec<u32> {
        stream.steps.iter().map(|step| self.token(side, step.deed)).collect()
    }

    /// The number that an operation of one run has in both.
    pub(super) fn token(&self, side: usize, deed: u32) -> u32 {
        usize::try_from(deed).ok().and_then(|at| self.of[side].get(at)).copied().unwrap_or(u32::MAX)
    }

    pub(super) fn word(&self, token: u32) -> Option<&Token> {
        self.words.get(usize::try_from(token).ok()?)
    }
}

/// Two streams that belong together.
pub(super) struct Job<'r> {
    pub(super) processes: (ProcessId, ProcessId),
    pub(super) streams: [&'r Stream; 2],
    pub(super) tokens: [Vec<u32>; 2],
    pub(super) spans: Vec<Span>,
}

/// Finds what differs between the streams of all pairs of processes, and says where each call went.
pub(super) fn differences(a: &Run, b: &Run, pairing: &Pairing, found: &mut Vec<Found>) -> [Account; 2] {
    let mut accounts = [account::begin(a), account::begin(b)];
    let tokens = Tokens::of(a, b);
    let threads = threads::Threads::of(a, b, pairing, &tokens);
    let calls = |stream: &Stream| stream.steps.iter().map(|step| u64::from(step.pieces)).sum::<u64>();
    for (side, stream) in &threads.alone {
        accounts[*side].different += calls(stream);
    }
    found.extend(threads.found);
    let jobs = align_all(threads.pairs, &tokens);
    hunks::differences([a, b], &tokens, &jobs, found, &mut accounts);
    found.extend(signals(a, b, pairing));
    for (account, run) in accounts.iter_mut().zip([a, b]) {
        let judged = account.muted + account.same + account.different + account.moved + account.gave_up;
        account.unseen = run.calls.saturating_sub(judged);
    }
    accounts
}

/// Aligns all pairs, as many at a time as there are CPUs.
fn align_all<'r>(pairs: Vec<threads::Pair<'r>>, tokens: &Tokens) -> Vec<Job<'r>> {
    let workers =
        std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(pairs.len().max(1));
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(pairs.len()));
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(pair) = pairs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let [x, y] = pair.streams;
                    let both = [tokens.stream(0, x), tokens.stream(1, y)];
                    let spans = align::align(&both[0], &both[1]);
                    let job = Job { processes: pair.processes, streams: pair.streams, tokens: both, spans };
                    done.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(job);
                }
            });
        }
    });
    let mut jobs = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    jobs.sort_by_key(|job| (job.processes, job.streams[0].steps.first().map(|step| step.event)));
    jobs
}

/// Signals that only one of a pair of processes got. When they come is no matter.
fn signals(a: &Run, b: &Run, pairing: &Pairing) -> Vec<Found> {
    use crate::diff::report::Change;
    use crate::diff::rule::Rule;
    let mut found = Vec::new();
    for (side, (run, other)) in [(a, b), (b, a)].into_iter().enumerate() {
        let change = if side == 0 { Change::Removed } else { Change::Added };
        for ((process, signal), (_, event)) in &run.streams.signals {
            let Some(partner) = pairing.partner(side, *process) else { continue };
            if other.streams.signals.contains_key(&(partner, *signal)) {
                continue;
            }
            let role =
                run.processes.get(usize::try_from(process.0).unwrap_or(usize::MAX)).map_or("-", |p| p.role());
            let mut one = Found::new(Rule::SignalReceived, change, role, crate::diff::run::signal(*signal));
            one.difference.events[side] = Some(*event);
            one.processes[side] = vec![*process];
            one.processes[1 - side] = vec![partner];
            found.push(one);
        }
    }
    found
}
