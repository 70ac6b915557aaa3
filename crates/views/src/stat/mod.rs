//! `stat`: where time went, and what failed, by any field of the filter language.

mod histogram;
mod text;

use std::collections::BTreeMap;

use serde::Serialize;
use sysreel_inspect::abi::filter::FieldRef;
use sysreel_inspect::calls::{Call, Item};
use sysreel_inspect::filter::FieldReader;
use sysreel_inspect::visible::visible;
use sysreel_inspect::{Error, Findings, LogFile, counted};

use crate::bounded::Bounded;
use crate::select::{Collect, Looker, Needs, Select, collect};
use histogram::Histogram;

/// What to count, and how to show it.
#[derive(Clone, Debug)]
pub struct Options {
    /// The part of the log.
    pub select: Select,
    /// The fields by which calls are grouped. A call with several values of a field, such as a
    /// rename with two paths, counts in each of their groups. One without a value counts in the
    /// group of the empty text.
    pub by: Vec<FieldRef>,
    /// The order of groups.
    pub order: Order,
    /// The most groups to return.
    pub limit: usize,
    /// How many of the slowest calls to return.
    pub slowest: usize,
    /// Whether text shows how durations are distributed. JSON always has it.
    pub histogram: bool,
}

impl Default for Options {
    /// Calls by name.
    fn default() -> Self {
        let by = "call".parse().into_iter().collect();
        let (select, order) = (Select::default(), Order::default());
        Self { select, by, order, limit: usize::MAX, slowest: 0, histogram: false }
    }
}

/// The order of groups: the largest value first, names from A to Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The total time.
    #[default]
    Time,
    /// The number of calls.
    Calls,
    /// The number of failed calls.
    Errors,
    /// The mean time.
    Average,
    /// The longest call.
    Longest,
    /// The bytes that were moved.
    Bytes,
    /// The values of the fields.
    Name,
}

/// Calls of a log by group.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Stat {
    /// The fields by which calls are grouped.
    pub by: Vec<String>,
    /// The groups, in the requested order.
    pub groups: Vec<Group>,
    /// The number of groups that are not shown because of the limit.
    pub more_groups: u64,
    /// The number of calls that are in no group, because there were too many groups.
    pub ungrouped: u64,
    /// All calls, each once.
    pub total: Group,
    /// The slowest calls, the slowest first.
    pub slowest: Vec<Slow>,
    #[serde(skip)]
    histogram: bool,
    /// What the log lacks of the fields, a sentence each.
    #[serde(skip)]
    lacks: Vec<String>,
}

/// The calls of one group.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Group {
    /// The values of the fields, as the filter language has them; empty for all calls.
    pub key: Vec<String>,
    /// The number of calls, unfinished ones included.
    pub calls: u64,
    /// The number of failed calls.
    pub errors: u64,
    /// The number of calls whose end is not in the log; no time is known for them.
    pub unfinished: u64,
    /// The bytes that calls of the kind of read(2) and write(2) moved.
    pub bytes: u64,
    /// The total time of the finished calls, in nanoseconds.
    pub total_ns: u64,
    /// The shortest finished call, in nanoseconds.
    pub min_ns: u64,
    /// The mean time of finished calls, in nanoseconds.
    pub mean_ns: u64,
    /// Half of the finished calls took at most this long, in nanoseconds. This and the other
    /// percentiles are at most 1/16 below the exact value.
    pub p50_ns: u64,
    /// The 95th percentile.
    pub p95_ns: u64,
    /// The 99th percentile.
    pub p99_ns: u64,
    /// The longest finished call, in nanoseconds.
    pub max_ns: u64,
    /// How many finished calls took at least 2^N ns and less than twice that, by N.
    pub histogram: BTreeMap<u32, u64>,
}

/// A slow call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Slow {
    /// How long it took, in nanoseconds.
    pub duration_ns: u64,
    /// The number of the event at which it began.
    pub event: u64,
    /// The process.
    pub pid: u32,
    /// The thread.
    pub tid: u32,
    /// The call, as `sysreel print` shows it.
    pub call: String,
}

/// Counts the calls of a log.
///
/// # Errors
/// When the log cannot be read. Damage is not an error; the [`Findings`] report it.
pub fn stat(file: &LogFile, options: &Options) -> Result<(Stat, Findings), Error> {
    let (stat, mut findings) = collect(file, &options.select, collector(file, options))?;
    findings.not_recorded.sort();
    findings.left_out.extend(stat.lacks.iter().cloned());
    Ok((stat, findings))
}

/// Returns what counts calls. The part of the log is for the caller to choose.
pub fn collector<'o>(
    file: &LogFile,
    options: &'o Options,
) -> impl Collect<Result = Stat> + use<'o> {
    Counting {
        options,
        bytes: "bytes".parse().ok(),
        reader: FieldReader::new(options.by.clone(), file),
        groups: Bounded::default(),
        total: Numbers::default(),
        slowest: Vec::new(),
        keep: options.slowest,
        key: String::new(),
        unknown: vec![0; options.by.len()],
        is_plain: matches!(&*options.by, [field] if field.to_string() == "call"),
    }
}

/// What is added up.
#[derive(Clone, Debug, Default)]
struct Numbers {
    calls: u64,
    errors: u64,
    unfinished: u64,
    bytes: u64,
    total_ns: u64,
    min_ns: Option<u64>,
    max_ns: u64,
    times: Histogram,
}

/// Separates the values of a key. Values are visible text, which has no control characters.
const SEPARATOR: char = '\0';

struct Counting<'o> {
    options: &'o Options,
    reader: FieldReader,
    bytes: Option<FieldRef>,
    groups: Bounded<String, Numbers>,
    total: Numbers,
    slowest: Vec<Slow>,
    /// How many of the slowest calls are wanted.
    keep: usize,
    key: String,
    /// Whether calls are grouped by name only, which needs no list of keys.
    is_plain: bool,
    /// For each field the number of calls of which the log does not have all values.
    unknown: Vec<u64>,
}

impl Looker for Counting<'_> {
    fn item(&mut self, item: &Item<'_>, selected: bool) {
        self.reader.note(item);
        let Item::Call(call) = item else { return };
        if !selected {
            return;
        }
        let one = self.numbers_of(call);
        self.keep_if_slow(call, one.took);
        if self.is_plain {
            // The total is added up from the groups.
            self.groups.entry(&*call.name()).unwrap_or(&mut self.total).add(&one);
            return;
        }
        self.total.add(&one);
        let mut keys = vec![String::new()];
        for (at, field) in self.reader.fields().iter().enumerate() {
            let mut values: Vec<String> = Vec::new();
            let is_known = self.reader.values(call, field, &mut |value| {
                let value = visible(value).into_owned();
                if !values.contains(&value) {
                    values.push(value);
                }
            });
            if let (false, Some(count)) = (is_known, self.unknown.get_mut(at)) {
                *count = count.saturating_add(1);
            }
            if values.is_empty() {
                values.push(String::new());
            }
            let combine = |key: &String, value: &String| match at {
                0 => value.clone(),
                _ => format!("{key}{SEPARATOR}{value}"),
            };
            keys = keys
                .iter()
                .flat_map(|key| values.iter().map(move |value| (key, value)))
                .map(|(key, value)| combine(key, value))
                .take(MAX_KEYS)
                .collect();
        }
        for key in keys {
            self.key = key;
            if let Some(group) = self.groups.entry(&*self.key) {
                group.add(&one);
            }
        }
    }
}

/// The most groups that one call counts in.
const MAX_KEYS: usize = 64;

/// One call, as it is added up.
struct One {
    failed: bool,
    took: Option<u64>,
    bytes: u64,
}

impl Counting<'_> {
    fn numbers_of(&self, call: &Call<'_>) -> One {
        let bytes = self.bytes.as_ref().and_then(|field| self.reader.number(call, field));
        let bytes = bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0);
        let took = call.duration().map(|took| u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        One { failed: call.ended().has_failed(), took, bytes }
    }

    fn keep_if_slow(&mut self, call: &Call<'_>, took: Option<u64>) {
        let Some(duration_ns) = took.filter(|_| self.keep > 0) else { return };
        let is_full = self.slowest.len() >= self.keep;
        if is_full && self.slowest.last().is_some_and(|last| last.duration_ns >= duration_ns) {
            return;
        }
        let task = call.task();
        let at = self.slowest.partition_point(|slow| slow.duration_ns >= duration_ns);
        self.slowest.insert(
            at,
            Slow {
                duration_ns,
                event: call.number(),
                pid: task.tgid(),
                tid: task.tid(),
                call: visible(&call.to_string()).into_owned(),
            },
        );
        self.slowest.truncate(self.keep);
    }
}

impl Collect for Counting<'_> {
    type Result = Stat;

    fn needs(&self) -> Needs {
        let memory = self.reader.asks_for_memory() || self.keep > 0;
        Needs { follow: self.reader.follow(), memory }
    }

    fn finish(mut self) -> Stat {
        let options = self.options;
        let ungrouped = self.groups.left_out();
        if self.is_plain {
            self.groups.values().for_each(|group| self.total.merge(group));
        }
        let mut groups: Vec<Group> = self
            .groups
            .into_entries()
            .map(|(key, numbers)| {
                let key = key.split(SEPARATOR).map(str::to_owned).collect();
                numbers.into_group(key)
            })
            .collect();
        let value = |group: &Group| match options.order {
            Order::Time => group.total_ns,
            Order::Calls => group.calls,
            Order::Errors => group.errors,
            Order::Average => group.mean_ns,
            Order::Longest => group.max_ns,
            Order::Bytes => group.bytes,
            Order::Name => 0,
        };
        groups.sort_by(|a, b| value(b).cmp(&value(a)).then_with(|| a.key.cmp(&b.key)));
        let more_groups = groups.len().saturating_sub(options.limit);
        groups.truncate(options.limit);
        let unknown = options.by.iter().zip(&self.unknown).filter(|(_, count)| **count > 0);
        let lacks = unknown.map(|(field, count)| {
            format!("`{field}` was not recorded for {}", counted(*count, "call"))
        });
        Stat {
            by: options.by.iter().map(ToString::to_string).collect(),
            groups,
            more_groups: u64::try_from(more_groups).unwrap_or(u64::MAX),
            ungrouped,
            total: self.total.into_group(Vec::new()),
            slowest: self.slowest,
            histogram: options.histogram,
            lacks: lacks.collect(),
        }
    }
}

impl Numbers {
    fn add(&mut self, one: &One) {
        self.calls = self.calls.saturating_add(1);
        self.errors = self.errors.saturating_add(u64::from(one.failed));
        self.bytes = self.bytes.saturating_add(one.bytes);
        match one.took {
            None => self.unfinished = self.unfinished.saturating_add(1),
            Some(took) => {
                self.total_ns = self.total_ns.saturating_add(took);
                self.min_ns = Some(self.min_ns.map_or(took, |least| least.min(took)));
                self.max_ns = self.max_ns.max(took);
                self.times.add(took);
            }
        }
    }

    /// Adds the calls of a group that are not in this one.
    fn merge(&mut self, group: &Self) {
        self.calls = self.calls.saturating_add(group.calls);
        self.errors = self.errors.saturating_add(group.errors);
        self.unfinished = self.unfinished.saturating_add(group.unfinished);
        self.bytes = self.bytes.saturating_add(group.bytes);
        self.total_ns = self.total_ns.saturating_add(group.total_ns);
        self.min_ns = self.min_ns.into_iter().chain(group.min_ns).min();
        self.max_ns = self.max_ns.max(group.max_ns);
        self.times.merge(&group.times);
    }

    fn into_group(self, key: Vec<String>) -> Group {
        let finished = self.calls.saturating_sub(self.unfinished);
        let percentile = |percent| self.times.percentile(percent).unwrap_or(0);
        Group {
            key,
            calls: self.calls,
            errors: self.errors,
            unfinished: self.unfinished,
            bytes: self.bytes,
            total_ns: self.total_ns,
            min_ns: self.min_ns.unwrap_or(0),
            mean_ns: self.total_ns.checked_div(finished).unwrap_or(0),
            p50_ns: percentile(50),
            p95_ns: percentile(95),
            p99_ns: percentile(99),
            max_ns: self.max_ns,
            histogram: self.times.powers(),
        }
    }
}
