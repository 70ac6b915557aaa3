//! Compares the calls of each pair of threads, in order.

mod hunks;
mod job;
mod signals;
mod threads;
mod tokens;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use self::job::Job;
use self::tokens::Tokens;
use super::{Found, Pairing, account};
use crate::diff::align::{self, Span, SpanKind};
use crate::diff::report::Account;
use crate::diff::run::Run;
use crate::diff::run::stream::Stream;

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
    found.extend(signals::differences(a, b, pairing));
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
