//! Writes an [`Info`] as text.

use std::fmt::{self, Display, Formatter};

use super::{Info, TaskInfo};
use crate::color::{Palette, Role};
use crate::text;
use crate::visible::visible;
use sysreel_format::SourceId;

/// The width of the names before the values.
const NAME: usize = 11;

impl Display for Info {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let draft = if self.draft && !self.format.contains("draft") { " (draft)" } else { "" };
        line(f, "log", &self.file)?;
        line(f, "format", &format!("{}{draft}, recording {}", self.format, self.file_id))?;
        line(f, "recorder", &self.tool_version)?;
        let command =
            if self.command.is_empty() { "(attached)".to_owned() } else { self.command.join(" ") };
        line(f, "command", &command)?;
        line(f, "in", &self.cwd)?;
        let host = &self.host;
        line(
            f,
            "host",
            &format!("{}, {} {} {}", host.name, host.system, host.release, host.machine),
        )?;
        line(f, "start", &format!("{}, for {}", self.time.start, seconds(self.time.duration_ns)))?;
        line(f, "ending", &self.ending_text())?;
        match (self.incomplete.is_empty(), self.is_whole()) {
            (true, true) => line(f, "complete", "yes")?,
            (true, false) => line(f, "complete", "no: parts of the log are missing or damaged")?,
            (false, _) => line(f, "incomplete", &self.incomplete.join("; "))?,
        }
        list(f, "missing", &self.missing)?;
        list(f, "notes", &self.notes)?;
        line(f, "size", &self.size_text())?;
        line(f, "calls", &format!("{} system calls, {} failed", self.syscalls, self.errors))?;
        line(f, "events", &format!("{}: {}", self.events, counts(&self.kinds)))?;
        // Of an ordinary recording it says nothing new.
        if self.sources.iter().any(|(source, _)| Some(&**source) == SourceId::IN_PROCESS.name()) {
            line(f, "sources", &counts(&self.sources))?;
        }
        line(f, "stops of", &counts(&self.architectures))?;
        let options: Vec<String> =
            self.options.iter().map(|(name, value)| format!("{name}={value}")).collect();
        line(f, "options", &options.join(" "))?;
        list(f, "tasks", &self.tasks.iter().map(task).collect::<Vec<_>>())?;
        let programs: Vec<String> = self
            .processes
            .iter()
            .map(|p| format!("task {}: {} in {}", p.task, p.exe, p.cwd))
            .collect();
        list(f, "programs", &programs)?;
        match self.left_out {
            0 => Ok(()),
            more => line(f, "", &format!("... and {more} more tasks, programs, notes or holes")),
        }
    }
}

impl Info {
    /// Returns the text in colors: its names, and above all those that say what is missing.
    #[must_use]
    pub fn colored(&self, palette: Palette) -> String {
        let mut out = String::new();
        for line in self.to_string().lines() {
            let (name, value) = line.split_at_checked(NAME).unwrap_or((line, ""));
            let role = match name.trim_end() {
                "incomplete" | "missing" => Role::Failed,
                _ => Role::Heading,
            };
            match name.trim().is_empty() {
                true => out.push_str(name),
                false => out.push_str(&palette.paint(role, name).to_string()),
            }
            out.push_str(value);
            out.push('\n');
        }
        out
    }

    fn ending_text(&self) -> String {
        let mut out = self.ending.text.clone();
        if let Some(exit) = &self.ending.exit {
            out.push_str("; the program ");
            out.push_str(exit);
        }
        if self.ending.tail {
            out.push_str("; a tail file was read too");
        }
        out
    }

    fn size_text(&self) -> String {
        let mut out = format!(
            "{} bytes; events: {} bytes before compression",
            self.sizes.file, self.sizes.events
        );
        if let (Some(bytes), Some(blobs)) = (self.sizes.buffers, self.sizes.blobs) {
            out.push_str(&format!(", {blobs} buffers of {bytes}"));
        }
        out
    }
}

/// Writes one line, escaped so that it cannot control a terminal.
fn line(f: &mut Formatter<'_>, name: &str, value: &str) -> fmt::Result {
    writeln!(f, "{name:<NAME$} {}", visible(value))
}

fn list(f: &mut Formatter<'_>, name: &str, items: &[String]) -> fmt::Result {
    items.iter().enumerate().try_for_each(|(i, item)| line(f, if i == 0 { name } else { "" }, item))
}

fn counts(counts: &[(String, u64)]) -> String {
    counts.iter().map(|(name, n)| format!("{n} {name}")).collect::<Vec<_>>().join(", ")
}

fn task(task: &TaskInfo) -> String {
    let parent = task.parent.map_or_else(String::new, |parent| format!(" of task {parent}"));
    let end = task.end.as_deref().unwrap_or("still running at the end");
    let TaskInfo { task, tid, tgid, origin, syscalls, .. } = task;
    format!("{task}: tid {tid} of process {tgid}, {origin}{parent}; {syscalls} calls; {end}")
}

/// Formats a duration in seconds.
fn seconds(ns: u64) -> String {
    let mut out = String::new();
    text::dec(&mut out, ns / 1_000_000_000);
    out.push('.');
    text::fraction(&mut out, ns % 1_000_000_000, 3);
    out.push_str(" s");
    out
}
