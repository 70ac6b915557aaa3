//! The text of `waits`.

use std::io::{self, Write};

use sysreel_inspect::Required;
use sysreel_inspect::abi::Classes;
use sysreel_inspect::color::Role;

use super::{Blocked, Cause, Moment, Wait, Waits};
use crate::page::Page;
use crate::table::{Align, Table, write_colored, write_line};
use crate::text::duration;
use crate::view::View;

impl Cause {
    /// Returns the word for it.
    fn word(self) -> &'static str {
        match self {
            Self::Child => "child",
            Self::Futex => "futex",
            Self::Lock => "lock",
            Self::Pipe => "pipe",
            Self::Socket => "socket",
            Self::Terminal => "terminal",
            Self::File => "file",
            Self::Poll => "poll",
            Self::Timer => "timer",
            Self::Signal => "signal",
            Self::Other => "other",
        }
    }
}

/// All calls that wait, and those that show who could end a wait.
const REQUIRED: Required = Required::files(
    Classes::DESC
        .and(Classes::NETWORK)
        .and(Classes::PROCESS)
        .and(Classes::IPC)
        .and(Classes::SIGNAL)
        .and(Classes::CLOCK),
);

impl View for Waits {
    const SCHEMA: &'static str = "sysreel/waits/1";
    const REQUIRED: Required = REQUIRED;

    fn write_text(&self, page: &Page, out: &mut dyn Write) -> io::Result<()> {
        let moment = match self.moment {
            Moment::Asked if self.waits.is_empty() && self.running.is_empty() => {
                let line = format!("no task lives after event {}", self.at_event);
                return write_line(&line, page, out);
            }
            Moment::End if self.waits.is_empty() && self.running.is_empty() => {
                return write_line("nothing waits: all tasks have ended", page, out);
            }
            Moment::BeforeDetach => {
                format!("after event {}, before the recorder detached:", self.at_event)
            }
            Moment::Asked => format!("after event {}:", self.at_event),
            Moment::End => format!("at the end of the log (event {}):", self.at_event),
            Moment::BeforeKill => {
                format!("after event {}, before a signal killed the program:", self.at_event)
            }
        };
        write_line(&moment, page, out)?;
        for wait in &self.waits {
            wait.write(page, out)?;
        }
        for running in &self.running {
            let exe = running.exe.as_deref().unwrap_or("?");
            let line = format!("{exe} {} is in no call: it runs", ids(running.pid, running.tid));
            write_line(&line, page, out)?;
        }
        let deadlocks = self.waits.iter().filter_map(|wait| wait.deadlock).max().unwrap_or(0);
        for number in 1..=deadlocks {
            let stuck = self.waits.iter().filter(|wait| wait.deadlock == Some(number));
            let stuck: Vec<String> = stuck.map(|wait| ids(wait.pid, wait.tid)).collect();
            let how = if stuck.len() == 1 { "waits for itself" } else { "wait for each other" };
            let line = format!(
                "DEADLOCK: {} {how}, and nothing in the recording can end it",
                stuck.join(", ")
            );
            write_colored(Role::Failed, &line, page, out)?;
        }
        Ok(())
    }
}

impl Wait {
    fn write(&self, page: &Page, out: &mut dyn Write) -> io::Result<()> {
        let exe = self.exe.as_deref().unwrap_or("?");
        let (ids, lasted) = (ids(self.pid, self.tid), duration(self.lasted_ns));
        let line = format!("{exe} {ids} waits for {lasted} in event {}: {}", self.event, self.call);
        write_line(&line, page, out)?;
        let object = match (self.cause, self.objects.join(", ")) {
            (cause, names) if names.is_empty() => cause.word().to_owned(),
            (cause, names) => format!("{}: {names}", cause.word()),
        };
        let timeout = if self.timeout { " (has a timeout)" } else { "" };
        write_line(&format!("    for {object}{timeout}"), page, out)?;
        for other in &self.others {
            let exe = other.exe.as_deref().unwrap_or("?");
            let who = if other.pid == self.pid { "itself" } else { exe };
            write_line(&format!("    {who} [{}]: {}", other.pid, other.how), page, out)?;
        }
        Ok(())
    }
}

fn ids(pid: u32, tid: u32) -> String {
    if pid == tid { format!("[{pid}]") } else { format!("[{pid}, thread {tid}]") }
}

impl View for Blocked {
    const SCHEMA: &'static str = "sysreel/blocked/1";
    const REQUIRED: Required = REQUIRED;

    fn write_text(&self, page: &Page, out: &mut dyn Write) -> io::Result<()> {
        let mut table = Table::new(&[
            ("total", Align::Right),
            ("calls", Align::Right),
            ("longest", Align::Right),
            ("event", Align::Right),
            ("cause", Align::Left),
            ("exe", Align::Left),
            ("object", Align::Left),
        ]);
        for row in &self.rows {
            table.row(vec![
                duration(row.total_ns),
                row.calls.to_string(),
                duration(row.max_ns),
                row.max_event.to_string(),
                row.cause.word().to_owned(),
                row.exe.clone(),
                row.object.clone(),
            ]);
        }
        table.write(page, out)?;
        if self.more_rows > 0 {
            write_line(&format!("({} more rows)", self.more_rows), page, out)?;
        }
        if self.left_out > 0 {
            write_line(&format!("({} calls in rows that had no room)", self.left_out), page, out)?;
        }
        Ok(())
    }
}
