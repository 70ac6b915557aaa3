//! Turns the unaligned parts of two streams into differences: moved, new and gone calls, and, for
//! aligned calls, other arguments, other chunks and more retries.

mod causes;
mod pieces;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Range;

use self::causes::{CHILD, Causes};
use self::pieces::Pieces;
use super::job::Job;
use super::signals::arrival_name;
use super::tokens::{NamedOperation, Tokens};
use crate::diff::align::SpanKind;
use crate::diff::compare::Found;
use crate::diff::effect::Op;
use crate::diff::report::{Account, Change};
use crate::diff::resource::{Name, Resource};
use crate::diff::rule::Rule;
use crate::diff::run::Run;
use crate::diff::run::stream::Step;

/// How many calls a difference names.
const NAMED: usize = 3;

pub(super) fn differences(
    runs: [&Run; 2],
    tokens: &Tokens,
    jobs: &[Job<'_>],
    found: &mut Vec<Found>,
    accounts: &mut [Account; 2],
) {
    let causes = Causes::new(runs, found);
    for jobs_of_process in jobs.chunk_by(|one, next| one.processes == next.processes) {
        let mut moved = Moved::new(jobs_of_process);
        for job in jobs_of_process {
            let mut collector = Collector {
                runs,
                tokens,
                job,
                groups: BTreeMap::new(),
                pieces: Pieces::new(job),
                moved: &mut moved,
                accounts,
            };
            collector.spans();
            collector.retries();
            let groups = collector.groups;
            for (key, group) in groups {
                let mut one = group.into_found(key, job, tokens);
                one.cause = causes.find(&one, job);
                found.push(one);
            }
        }
    }
}

/// How many calls of each operation may still count as moved on each side, for operations left over
/// in both processes but in other places or threads. In a thread pool any thread may take a job, so
/// the choice is no difference.
struct Moved([BTreeMap<u32, u64>; 2]);

impl Moved {
    fn new(jobs: &[Job<'_>]) -> Self {
        let mut counts = BTreeMap::<u32, [u64; 2]>::new();
        for (job, span) in jobs.iter().flat_map(|job| job.spans.iter().map(move |span| (job, span)))
        {
            let ranges = match span.kind {
                SpanKind::OnlyA | SpanKind::OnlyB => [span.a.clone(), span.b.clone()],
                SpanKind::Same | SpanKind::GaveUp => continue,
            };
            for (side, range) in ranges.into_iter().enumerate() {
                for token in job.tokens[side].get(range).unwrap_or_default() {
                    counts.entry(*token).or_default()[side] += 1;
                }
            }
        }
        let shared = |_: usize| counts.iter().map(|(token, [a, b])| (*token, *a.min(b))).collect();
        Self([shared(0), shared(1)])
    }

    /// Whether a call counts as moved.
    fn take(&mut self, side: usize, token: u32) -> bool {
        match self.0[side].get_mut(&token) {
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            _ => false,
        }
    }
}

/// The identity of a difference within a stream.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Added(Vec<u32>),
    Removed(Vec<u32>),
    Result(u32, u32),
    Argument(u32, u32, u32),
    Chunking(u32),
    Retry(u32),
    Moved,
    GaveUp,
}

#[derive(Debug, Default)]
struct Group {
    /// The number of occurrences.
    count: u64,
    events: [Option<u64>; 2],
    /// Numbers of the first and the second run; their meaning depends on the key.
    numbers: [u64; 2],
    before: Option<String>,
    after: Option<String>,
    /// An example of the operations concerned.
    token: Option<u32>,
}

struct Collector<'s, 'r> {
    runs: [&'s Run; 2],
    tokens: &'s Tokens,
    job: &'s Job<'r>,
    groups: BTreeMap<Key, Group>,
    pieces: Pieces,
    moved: &'s mut Moved,
    accounts: &'s mut [Account; 2],
}

impl Collector<'_, '_> {
    fn spans(&mut self) {
        // Adjacent spans that are not `Same` form one hunk.
        let mut open: [Range<usize>; 2] = [0..0, 0..0];
        for span in &self.job.spans {
            match span.kind {
                SpanKind::OnlyA | SpanKind::OnlyB => {
                    open[0].end = span.a.end;
                    open[1].end = span.b.end;
                }
                SpanKind::Same => {
                    self.hunk(&open);
                    self.compare_same(span.a.clone(), span.b.clone());
                    open = [span.a.end..span.a.end, span.b.end..span.b.end];
                }
                SpanKind::GaveUp => {
                    self.hunk(&open);
                    self.gave_up([span.a.clone(), span.b.clone()]);
                    open = [span.a.end..span.a.end, span.b.end..span.b.end];
                }
            }
        }
        self.hunk(&open);
    }

    fn step(&self, side: usize, at: usize) -> Option<&Step> {
        self.job.streams[side].steps.get(at)
    }

    fn group(&mut self, key: Key, events: [Option<u64>; 2]) -> &mut Group {
        let group = self.groups.entry(key).or_insert_with(|| Group { events, ..Group::default() });
        group.count += 1;
        group
    }

    /// Handles a range of calls without counterparts, or with other ones.
    fn hunk(&mut self, ranges: &[Range<usize>; 2]) {
        let mut left: [Vec<(u32, u64)>; 2] = Default::default();
        for (side, range) in ranges.iter().enumerate() {
            for at in range.clone() {
                let Some((step, token)) =
                    self.step(side, at).copied().zip(self.job.tokens[side].get(at).copied())
                else {
                    continue;
                };
                let calls = u64::from(step.calls);
                if self.moved.take(side, token) {
                    self.accounts[side].moved += calls;
                    let group = self.group(Key::Moved, [None, None]);
                    group.events[side].get_or_insert(step.event);
                    group.numbers[side] += 1;
                    group.token = group.token.map_or(Some(token), |known| Some(known.min(token)));
                } else if let Some(numbers) = self.pieces.of(token) {
                    self.accounts[side].different += calls;
                    let group = self.group(Key::Chunking(token), [None, None]);
                    group.events[side].get_or_insert(step.event);
                    group.numbers = numbers;
                } else {
                    self.accounts[side].different += calls;
                    left[side].push((token, step.event));
                }
            }
        }
        self.pair_results(&mut left);
        let [removed, added] = left;
        for (side, list) in [removed, added].into_iter().enumerate() {
            let Some((_, event)) = list.first().copied() else { continue };
            let list = list.into_iter().map(|(token, _)| token).collect();
            let key = if side == 0 { Key::Removed(list) } else { Key::Added(list) };
            let mut events = [None, None];
            events[side] = Some(event);
            self.group(key, events);
        }
    }

    /// Removes pairs of operations that differ only in their result.
    fn pair_results(&mut self, left: &mut [Vec<(u32, u64)>; 2]) {
        let [removed, added] = left;
        let mut alike = HashMap::<u32, VecDeque<usize>>::new();
        for (at, (token, _)) in added.iter().enumerate() {
            alike.entry(self.tokens.family(*token)).or_default().push_back(at);
        }
        let mut pairs = Vec::new();
        let mut taken = vec![false; added.len()];
        removed.retain(|&(x, event)| {
            let at = alike.get_mut(&self.tokens.family(x)).and_then(VecDeque::pop_front);
            if let Some((y, other)) = at.and_then(|at| added.get(at).copied()) {
                at.and_then(|at| taken.get_mut(at)).into_iter().for_each(|taken| *taken = true);
                pairs.push((x, y, [Some(event), Some(other)]));
            }
            at.is_none()
        });
        let mut taken = taken.into_iter();
        added.retain(|_| taken.next() == Some(false));
        for (x, y, events) in pairs {
            self.group(Key::Result(x, y), events);
        }
    }

    /// Compares bytes and arguments of calls that were aligned.
    fn compare_same(&mut self, a: Range<usize>, b: Range<usize>) {
        for (i, j) in a.zip(b) {
            let (Some(x), Some(y)) = (self.step(0, i).copied(), self.step(1, j).copied()) else {
                continue;
            };
            let token = self.job.tokens[0].get(i).copied().unwrap_or(u32::MAX);
            self.accounts[0].same += u64::from(x.calls);
            self.accounts[1].same += u64::from(y.calls);
            let events = [Some(x.event), Some(y.event)];
            if x.calls != y.calls && x.bytes == y.bytes {
                let whole = self.pieces.of(token);
                let group = self.group(Key::Chunking(token), events);
                let so_far = group.numbers;
                let add = || [so_far[0] + u64::from(x.calls), so_far[1] + u64::from(y.calls)];
                group.numbers = whole.unwrap_or_else(add);
            }
            let word = |run: &Run, detail: u32| {
                run.streams
                    .details
                    .get(usize::try_from(detail).ok()?)
                    .filter(|text| !text.is_empty())
                    .cloned()
            };
            if (x.detail, y.detail) != (0, 0) {
                let (before, after) = (word(self.runs[0], x.detail), word(self.runs[1], y.detail));
                if before != after {
                    let group = self.group(Key::Argument(token, x.detail, y.detail), events);
                    (group.before, group.after) = (before, after);
                }
            }
        }
    }

    /// Compares the numbers of failed attempts.
    fn retries(&mut self) {
        let mut counts = BTreeMap::<u32, [u64; 2]>::new();
        for (side, stream) in self.job.streams.into_iter().enumerate() {
            for (operation, count) in &stream.retries {
                counts.entry(self.tokens.token(side, *operation)).or_default()[side] += count;
            }
        }
        for (token, numbers) in counts.into_iter().filter(|(_, [a, b])| a != b) {
            self.group(Key::Retry(token), [None, None]).numbers = numbers;
        }
    }

    fn gave_up(&mut self, ranges: [Range<usize>; 2]) {
        let mut numbers = [0; 2];
        let mut events = [None, None];
        for (side, range) in ranges.into_iter().enumerate() {
            let steps = self.job.streams[side].steps.get(range).unwrap_or_default();
            numbers[side] = steps.iter().map(|step| u64::from(step.calls)).sum();
            events[side] = steps.first().map(|step| step.event);
            self.accounts[side].gave_up += numbers[side];
        }
        let group = self.group(Key::GaveUp, events);
        group.numbers[0] += numbers[0];
        group.numbers[1] += numbers[1];
    }
}

impl Group {
    fn into_found(self, key: Key, job: &Job<'_>, tokens: &Tokens) -> Found {
        let text = |token: u32| {
            tokens.operation(token).map_or_else(|| "?".to_owned(), NamedOperation::text)
        };
        let (rule, change, list) = match &key {
            Key::Added(list) => (Rule::CallNew, Change::Added, list.clone()),
            Key::Removed(list) => (Rule::CallGone, Change::Removed, list.clone()),
            Key::Result(x, _) => (Rule::ErrChanged, Change::Changed, vec![*x]),
            Key::Argument(x, ..) => (Rule::CallArgument, Change::Changed, vec![*x]),
            Key::Chunking(x) => (Rule::Chunking, Change::Changed, vec![*x]),
            Key::Retry(x) => (Rule::RetryCount, Change::Changed, vec![*x]),
            Key::Moved => (Rule::OrderOnly, Change::Changed, self.token.into_iter().collect()),
            Key::GaveUp => (Rule::GaveUp, Change::Changed, Vec::new()),
        };
        let role = list
            .first()
            .and_then(|token| tokens.operation(*token))
            .map_or("-", |token| &token.role);
        let mut what =
            list.iter().take(NAMED).map(|token| text(*token)).collect::<Vec<_>>().join(", ");
        if let Some(more @ 1..) = list.len().checked_sub(NAMED) {
            what += &format!(" and {more} more");
        }
        let (mut before, mut after) = (self.before, self.after);
        let counts = |unit: &str| self.numbers.map(|number| Some(format!("{number} {unit}")));
        match &key {
            Key::Result(x, y) => {
                let result = |token: u32| tokens.operation(token).map(|token| token.result.clone());
                what = tokens
                    .operation(*x)
                    .map(|t| format!("{} {}", t.op, t.resource))
                    .unwrap_or_default();
                (before, after) = (result(*x), result(*y));
            }
            Key::Chunking(_) => [before, after] = counts("pieces"),
            Key::Retry(_) => [before, after] = counts("tries in vain"),
            Key::GaveUp => {
                what = "calls that have too little in common".to_owned();
                [before, after] = counts("calls");
            }
            Key::Moved => {
                what = format!("{} calls, as: {what}", self.numbers[0].max(self.numbers[1]))
            }
            _ if self.count > 1 => what += &format!(" (in {} places)", self.count),
            _ => {}
        }
        let mut found = Found::new(rule, change, role, what);
        if let ([token], false) = (&list[..], matches!(key, Key::Moved | Key::GaveUp)) {
            found = about(found, tokens.operation(*token), matches!(key, Key::Result(..)));
        }
        (found.difference.before, found.difference.after) = (before, after);
        found.difference.events = self.events;
        found.processes = [vec![job.processes.0], vec![job.processes.1]];
        let operations = list.iter().filter_map(|token| tokens.operation(*token));
        found.names = operations.flat_map(names_of).collect();
        found
    }
}

/// Says which effect a difference is about, if calls make one; `is_result`: the results differ.
fn about(found: Found, operation: Option<&NamedOperation>, is_result: bool) -> Found {
    match operation.filter(|operation| !operation.opens) {
        Some(NamedOperation { op, resource, result, .. }) => {
            found.about(*op, resource.clone(), if is_result { "ok" } else { result })
        }
        None => found,
    }
}

/// Returns the names that a difference in an operation is about.
fn names_of(operation: &NamedOperation) -> Vec<String> {
    let mut names = Vec::new();
    if operation.op == Op::Fork {
        names.push(CHILD.to_owned());
    }
    let Resource { subject, to, asked } = &operation.resource;
    if operation.op == Op::Signal {
        names.push(arrival_name(subject.as_str()));
    }
    // The resource of a plain call begins with the name of the call.
    let first = asked.is_none() || to.is_some();
    let paths = [Some(subject).filter(|_| first), asked.as_ref().or(to.as_ref())];
    names.extend(paths.into_iter().flatten().filter_map(Name::path).map(str::to_owned));
    if operation.op.is_effect() && !subject.is_file_or_descriptor() {
        names.push(operation.resource.to_string());
    }
    names
}
