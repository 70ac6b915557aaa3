//! Compares the calls of each pair of threads, in order.

mod hunks;
mod threads;

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use foldhash::fast::RandomState;

use super::{Found, Pairing, account};
use crate::diff::align::{self, Span, SpanKind};
use crate::diff::effect::Op;
use crate::diff::report::Account;
use crate::diff::run::stream::Stream;
use crate::diff::run::{Run, result};
use crate::state::ProcessId;

/// Common numbers for the operations of both runs.
pub(super) struct Tokens {
    /// The token of each operation, by its index in its own run.
    by_run: [Vec<u32>; 2],
    /// The operations by token.
    pub(super) operations: Vec<NamedOperation>,
    /// The least token that has the same operation and resource, with any result.
    families: Vec<u32>,
}

/// An operation by name, comparable across runs.
#[derive(Clone, Debug)]
pub(super) struct NamedOperation {
    pub(super) role: String,
    pub(super) op: Op,
    /// Whether it opens a file for the operation.
    pub(super) opens: bool,
    pub(super) resource: String,
    pub(super) result: String,
}

impl NamedOperation {
    pub(super) fn text(&self) -> String {
        let op = match self.op {
            Op::Call => String::new(),
            op if self.opens => format!("open to {op} "),
            op => format!("{op} "),
        };
        let suffix = if self.result == "ok" { String::new() } else { format!(" {}", self.result) };
        format!("{op}{}{suffix}", self.resource)
    }
}

/// The identity of an operation.
type Key = (String, Op, bool, String, u16);

impl Tokens {
    /// Numbers the operations in the order of their names, so that exchanging the runs changes
    /// nothing.
    fn new(a: &Run, b: &Run) -> Self {
        let keys = [a, b].map(|run| {
            let key = |(role, operation): &(_, crate::diff::run::Operation)| -> Key {
                (
                    run.name(*role).to_owned(),
                    operation.op,
                    operation.opens,
                    run.resource(operation),
                    operation.errno,
                )
            };
            run.streams.operations.iter().map(key).collect::<Vec<_>>()
        });
        let mut all: Vec<&Key> = keys.iter().flatten().collect();
        all.sort_unstable();
        all.dedup();
        let operations = all.iter().map(|(role, op, opens, resource, errno)| NamedOperation {
            role: role.clone(),
            op: *op,
            opens: *opens,
            resource: resource.clone(),
            result: result(*errno),
        });
        let operations = operations.collect();
        // Operations with the same name are adjacent, as the result is compared last.
        let mut families = Vec::with_capacity(all.len());
        for (at, key) in (0u32..).zip(&all) {
            let same = at.checked_sub(1).and_then(|before| {
                let before = usize::try_from(before).ok()?;
                let (one, other) = (all.get(before)?, key);
                let same = (&one.0, one.1, one.2, &one.3) == (&other.0, other.1, other.2, &other.3);
                same.then(|| families.get(before).copied())?
            });
            families.push(same.unwrap_or(at));
        }
        let ids: HashMap<&Key, u32, RandomState> = all.iter().copied().zip(0..).collect();
        let by_run = [0, 1].map(|side| {
            keys[side].iter().map(|key| ids.get(key).copied().unwrap_or(u32::MAX)).collect()
        });
        Self { by_run, operations, families }
    }

    fn stream(&self, side: usize, stream: &Stream) -> Vec<u32> {
        stream.steps.iter().map(|step| self.token(side, step.operation)).collect()
    }

    /// Returns the token of an operation of one run.
    pub(super) fn token(&self, side: usize, operation: u32) -> u32 {
        usize::try_from(operation)
            .ok()
            .and_then(|at| self.by_run[side].get(at))
            .copied()
            .unwrap_or(u32::MAX)
    }

    /// Returns a number shared by operations that differ only in their result.
    pub(super) fn family(&self, token: u32) -> u32 {
        usize::try_from(token).ok().and_then(|at| self.families.get(at)).copied().unwrap_or(token)
    }

    pub(super) fn operation(&self, token: u32) -> Option<&NamedOperation> {
        self.operations.get(usize::try_from(token).ok()?)
    }
}

/// A pair of aligned streams.
pub(super) struct Job<'r> {
    pub(super) processes: (ProcessId, ProcessId),
    pub(super) streams: [&'r Stream; 2],
    pub(super) tokens: [Vec<u32>; 2],
    pub(super) spans: Vec<Span>,
}

/// Adds the differences between all pairs of streams and returns accounts of all calls.
pub(super) fn differences(
    a: &Run,
    b: &Run,
    pairing: &Pairing,
    found: &mut Vec<Found>,
) -> [Account; 2] {
    let mut accounts = [account::total(a), account::total(b)];
    let tokens = Tokens::new(a, b);
    let threads = threads::Threads::pair(a, b, pairing, &tokens);
    let calls =
        |stream: &Stream| stream.steps.iter().map(|step| u64::from(step.calls)).sum::<u64>();
    for (side, stream) in &threads.unpaired {
        accounts[*side].different += calls(stream);
    }
    found.extend(threads.found);
    let jobs = align_all(threads.pairs, &tokens);
    hunks::differences([a, b], &tokens, &jobs, found, &mut accounts);
    found.extend(signals(a, b, pairing));
    for (account, run) in accounts.iter_mut().zip([a, b]) {
        let accounted = account.counted_only
            + account.same
            + account.different
            + account.moved
            + account.gave_up;
        account.unseen = run.calls.saturating_sub(accounted);
    }
    accounts
}

/// Aligns all pairs, in parallel on all CPUs.
fn align_all<'r>(pairs: Vec<threads::Pair<'r>>, tokens: &Tokens) -> Vec<Job<'r>> {
    let workers = std::thread::available_parallelism()
        .map_or(1, std::num::NonZero::get)
        .min(pairs.len().max(1));
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(pairs.len()));
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(pair) = pairs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let [x, y] = pair.streams;
                    let both = [tokens.stream(0, x), tokens.stream(1, y)];
                    let spans = align_symmetric(&both[0], &both[1]);
                    let job = Job {
                        processes: pair.processes,
                        streams: pair.streams,
                        tokens: both,
                        spans,
                    };
                    done.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(job);
                }
            });
        }
    });
    let mut jobs = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    jobs.sort_by_key(|job| (job.processes, job.streams[0].steps.first().map(|step| step.event)));
    jobs
}

/// Aligns two streams so that exchanging them gives the mirror image, even where several alignments
/// are equally good.
fn align_symmetric(a: &[u32], b: &[u32]) -> Vec<Span> {
    if a <= b {
        return align::align(a, b);
    }
    let mirrored = |span: Span| {
        let kind = match span.kind {
            SpanKind::OnlyA => SpanKind::OnlyB,
            SpanKind::OnlyB => SpanKind::OnlyA,
            same => same,
        };
        Span { kind, a: span.b, b: span.a }
    };
    align::align(b, a).into_iter().map(mirrored).collect()
}

/// Returns the pseudo-name of a signal: if a process sends a signal to itself, its arrival follows
/// from that.
fn arrival_name(signal: &str) -> String {
    format!("<signal {signal}>")
}

/// Returns differences for signals that only one of a pair of processes received. The time of
/// arrival does not count.
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
            let role = run
                .processes
                .get(usize::try_from(process.0).unwrap_or(usize::MAX))
                .map_or("-", |p| p.role());
            let mut one =
                Found::new(Rule::SignalReceived, change, role, crate::diff::run::signal(*signal));
            one.difference.events[side] = Some(*event);
            one.processes[side] = vec![*process];
            one.processes[1 - side] = vec![partner];
            one.names = vec![arrival_name(&one.difference.what)];
            found.push(one);
        }
    }
    found
}
