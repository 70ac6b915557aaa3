//! The table of `stat`.

use std::io::{self, Write};

use super::{Group, Stat};
use crate::page::Page;
use crate::table::{Align, Table, write_line};
use crate::text::{duration, size};
use crate::view::View;

/// The columns before those of the key.
const COLUMNS: [(&str, Align); 10] = [
    ("% time", Align::Right),
    ("total", Align::Right),
    ("calls", Align::Right),
    ("errors", Align::Right),
    ("bytes", Align::Right),
    ("mean", Align::Right),
    ("p50", Align::Right),
    ("p95", Align::Right),
    ("p99", Align::Right),
    ("max", Align::Right),
];

/// The longest bar of a histogram.
const BAR: u64 = 40;

impl View for Stat {
    const SCHEMA: &'static str = "sysreel/stat/1";

    fn write_text(&self, page: &Page, out: &mut dyn Write) -> io::Result<()> {
        let key = if self.by.is_empty() { String::new() } else { self.by.join(", ") };
        let mut columns = COLUMNS.to_vec();
        columns.push(("", Align::Left));
        let mut table = Table::new(&columns).last_heading(key);
        for group in &self.groups {
            table.row(self.cells(group, group.key.join("  ")));
        }
        table.row(self.cells(&self.total, "total".to_owned()));
        table.write(page, out)?;
        if self.more_groups > 0 {
            write_line(&format!("({} more groups)", self.more_groups), page, out)?;
        }
        if self.ungrouped > 0 {
            let line = format!("({} calls in groups that had no room)", self.ungrouped);
            write_line(&line, page, out)?;
        }
        if self.total.unfinished > 0 {
            let line = format!("{} of these calls did not return", self.total.unfinished);
            write_line(&line, page, out)?;
        }
        if self.histogram {
            self.groups.iter().try_for_each(|group| write_histogram(group, page, out))?;
        }
        if !self.slowest.is_empty() {
            self.write_slowest(page, out)?;
        }
        Ok(())
    }
}

impl Stat {
    fn cells(&self, group: &Group, key: String) -> Vec<String> {
        let all = u128::from(self.total.total_ns);
        let share = (u128::from(group.total_ns) * 10_000).checked_div(all).unwrap_or(0);
        let some = |count: u64, text: String| if count == 0 { String::new() } else { text };
        let finished = group.calls.saturating_sub(group.unfinished);
        let time = |ns: u64| some(finished, duration(ns));
        vec![
            format!("{}.{:02}", share / 100, share % 100),
            time(group.total_ns),
            group.calls.to_string(),
            some(group.errors, group.errors.to_string()),
            some(group.bytes, size(group.bytes)),
            time(group.mean_ns),
            time(group.p50_ns),
            time(group.p95_ns),
            time(group.p99_ns),
            time(group.max_ns),
            key,
        ]
    }

    fn write_slowest(&self, page: &Page, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out)?;
        let mut table = Table::new(&[
            ("took", Align::Right),
            ("event", Align::Right),
            ("tid", Align::Right),
            ("call", Align::Left),
        ]);
        for slow in &self.slowest {
            let numbers =
                [duration(slow.duration_ns), slow.event.to_string(), slow.tid.to_string()];
            table.row(numbers.into_iter().chain([slow.call.clone()]).collect());
        }
        table.write(page, out)
    }
}

fn write_histogram(group: &Group, page: &Page, out: &mut dyn Write) -> io::Result<()> {
    let (Some(first), Some(last)) =
        (group.histogram.keys().next().copied(), group.histogram.keys().last().copied())
    else {
        return Ok(());
    };
    writeln!(out)?;
    write_line(&group.key.join("  "), page, out)?;
    let most = group.histogram.values().copied().max().unwrap_or(1);
    let mut table =
        Table::new(&[("from", Align::Right), ("calls", Align::Right), ("", Align::Left)]);
    for power in first..=last {
        let count = group.histogram.get(&power).copied().unwrap_or(0);
        let length = (u128::from(count) * u128::from(BAR)).div_ceil(u128::from(most));
        let bar = "#".repeat(usize::try_from(length).unwrap_or(0));
        table.row(vec![duration(1 << power), count.to_string(), bar]);
    }
    table.write(page, out)
}
