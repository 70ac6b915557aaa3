//! Prints the summary of `strace -c`: one table for each ABI, with the requested columns.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// The calls of one name in one ABI.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// The ABI: `x86_64`, `i386`, `x32` or `aarch64`, or the number of an unknown architecture;
    /// empty in a total.
    pub abi: String,
    /// The name; `syscall_0x…` for a number without one.
    pub name: String,
    /// The number of calls, unfinished ones included.
    pub calls: u64,
    /// The number of failed calls.
    pub errors: u64,
    /// The number of calls whose exit is not in the log; no time is known for them.
    pub unfinished: u64,
    /// The total time of the finished calls, in nanoseconds.
    pub total_ns: u64,
    /// The shortest time of a finished call, in nanoseconds.
    pub min_ns: u64,
    /// The longest time of a finished call, in nanoseconds.
    pub max_ns: u64,
}

impl Count {
    /// Returns the mean time of a finished call, in nanoseconds.
    #[must_use]
    pub fn average_ns(&self) -> u64 {
        self.total_ns.checked_div(self.calls.saturating_sub(self.unfinished)).unwrap_or(0)
    }

    /// Adds up the calls of all names.
    pub(super) fn total(calls: &[Count]) -> Count {
        let mut total = Count { name: "total".to_owned(), ..Count::default() };
        let ended = |count: &&Count| count.calls > count.unfinished;
        total.min_ns = calls.iter().filter(ended).map(|count| count.min_ns).min().unwrap_or(0);
        for count in calls {
            crate::add(&mut total.calls, count.calls);
            crate::add(&mut total.errors, count.errors);
            crate::add(&mut total.unfinished, count.unfinished);
            total.total_ns = total.total_ns.saturating_add(count.total_ns);
            total.max_ns = total.max_ns.max(count.max_ns);
        }
        total
    }

    pub(super) fn add_ended(&mut self, took: u64, failed: bool) {
        self.min_ns = if self.calls == self.unfinished { took } else { self.min_ns.min(took) };
        crate::add(&mut self.calls, 1);
        crate::add(&mut self.errors, u64::from(failed));
        self.total_ns = self.total_ns.saturating_add(took);
        self.max_ns = self.max_ns.max(took);
    }
}

/// The calls of a log by ABI and name: the same name is a different call in another ABI.
/// [`Display`](fmt::Display) writes the tables of `strace -c`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Counts {
    /// One row for each name, grouped by ABI, in the requested order.
    pub calls: Vec<Count>,
    /// The sum of all rows.
    pub total: Count,
    /// The number of exits without an entry in the log, so of unknown calls.
    pub unknown_exits: u64,
}

impl Counts {
    /// Returns the tables of `strace -c` with these columns.
    #[must_use]
    pub fn tables<'c>(&'c self, columns: &'c [Column]) -> Tables<'c> {
        Tables { counts: self, columns }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tables(&Column::DEFAULT).fmt(f)
    }
}

/// A column, as `strace -U` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// The share of the total time of all calls.
    TimePercent,
    /// The total time.
    TotalTime,
    /// The shortest call.
    MinTime,
    /// The longest call.
    MaxTime,
    /// The mean time.
    AvgTime,
    /// The number of calls.
    Calls,
    /// The number of failed calls.
    Errors,
    /// The name.
    Name,
}

impl Column {
    /// The columns that strace shows by default.
    pub const DEFAULT: [Self; 6] =
        [Self::TimePercent, Self::TotalTime, Self::AvgTime, Self::Calls, Self::Errors, Self::Name];

    /// The names of every column, the usual one first.
    const NAMES: [(Self, &'static [&'static str]); 8] = [
        (Self::TimePercent, &["time-percent", "time"]),
        (Self::TotalTime, &["total-time", "time-total"]),
        (Self::MinTime, &["min-time", "shortest", "time-min"]),
        (Self::MaxTime, &["max-time", "longest", "time-max"]),
        (Self::AvgTime, &["avg-time", "time-avg"]),
        (Self::Calls, &["calls", "count"]),
        (Self::Errors, &["errors", "error"]),
        (Self::Name, &["name", "syscall", "syscall-name"]),
    ];

    /// Returns the heading and the width.
    const fn heading(self) -> (&'static str, usize) {
        match self {
            Self::TimePercent => ("% time", 6),
            Self::TotalTime => ("seconds", 11),
            Self::MinTime => ("shortest", 8),
            Self::MaxTime => ("longest", 8),
            Self::AvgTime => ("usecs/call", 11),
            Self::Calls => ("calls", 9),
            Self::Errors => ("errors", 9),
            Self::Name => ("syscall", 16),
        }
    }

    fn cell(self, count: &Count, all_ns: u64) -> String {
        let seconds = |ns: u64| format!("{}.{:06}", ns / 1_000_000_000, ns % 1_000_000_000 / 1000);
        match self {
            Self::TimePercent => {
                let part =
                    (u128::from(count.total_ns) * 10_000).checked_div(all_ns.into()).unwrap_or(0);
                format!("{}.{:02}", part / 100, part % 100)
            }
            Self::TotalTime => seconds(count.total_ns),
            Self::MinTime => seconds(count.min_ns),
            Self::MaxTime => seconds(count.max_ns),
            Self::AvgTime => (count.average_ns() / 1000).to_string(),
            Self::Calls => count.calls.to_string(),
            Self::Errors if count.errors == 0 => String::new(),
            Self::Errors => count.errors.to_string(),
            Self::Name => count.name.clone(),
        }
    }
}

impl FromStr for Column {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::NAMES.iter().find(|(_, names)| names.contains(&name));
        found.map(|(column, _)| *column).ok_or_else(|| {
            let names: Vec<_> = Self::NAMES.iter().map(|(_, names)| names[0]).collect();
            format!("unknown column `{name}`, expected one of {}", names.join(", "))
        })
    }
}

/// The tables of a summary; [`Display`](fmt::Display) writes them.
#[derive(Debug)]
pub struct Tables<'c> {
    pub(super) counts: &'c Counts,
    pub(super) columns: &'c [Column],
}

impl fmt::Display for Tables<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { calls, total, unknown_exits } = self.counts;
        if calls.is_empty() {
            self.table(&[], f)?;
        }
        for table in calls.chunk_by(|a, b| a.abi == b.abi) {
            // Like strace, without a title for the machine's native calls.
            match table.first().map_or("", |count| &*count.abi) {
                "" | "x86_64" | "aarch64" => {}
                "i386" => writeln!(f, "System call usage summary for 32 bit mode:")?,
                abi => writeln!(f, "System call usage summary for {abi} mode:")?,
            }
            self.table(table, f)?;
        }
        if total.unfinished > 0 {
            writeln!(f, "{} of these calls are unfinished", total.unfinished)?;
        }
        if *unknown_exits > 0 {
            writeln!(f, "{unknown_exits} more calls began before the log")?;
        }
        Ok(())
    }
}

impl Tables<'_> {
    fn table(&self, calls: &[Count], f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = Count::total(calls);
        self.line(f, |column| column.heading().0.to_owned())?;
        let rule = |column: Column| "-".repeat(column.heading().1);
        self.line(f, rule)?;
        calls
            .iter()
            .try_for_each(|count| self.line(f, |column| column.cell(count, total.total_ns)))?;
        self.line(f, rule)?;
        self.line(f, |column| column.cell(&total, total.total_ns))
    }

    fn line(&self, f: &mut fmt::Formatter<'_>, cell: impl Fn(Column) -> String) -> fmt::Result {
        let mut line = String::new();
        for (i, &column) in self.columns.iter().enumerate() {
            if i > 0 {
                line.push(' ');
            }
            let (cell, (_, width)) = (cell(column), column.heading());
            line += &match column {
                Column::Name => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            };
        }
        writeln!(f, "{}", line.trim_end())
    }
}
