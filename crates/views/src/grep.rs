//! `grep`: bytes or a pattern in all captured memory: buffers, paths, arguments of programs.

use std::io;

use regex::bytes::Regex;
use serde::Serialize;
use sysreel_inspect::calls::{Call, Item, Region};
use sysreel_inspect::format::Direction;
use sysreel_inspect::visible::{visible, visible_bytes};
use sysreel_inspect::{Error, Findings, Follow, LogFile};

use crate::select::{Looker, Select, look};

/// What to search for.
#[derive(Clone, Debug)]
pub struct Options {
    /// The part of the log.
    pub select: Select,
    /// The pattern, over bytes.
    pub pattern: Regex,
    /// How many bytes before and after a match to show.
    pub context: usize,
    /// The most matches in one buffer; further ones are counted.
    pub most: usize,
}

/// A match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Match {
    /// The number of the event at which the call began.
    pub event: u64,
    /// The process.
    pub pid: u32,
    /// The thread.
    pub tid: u32,
    /// The name of the call.
    pub call: String,
    /// The argument that points to the memory; empty if the memory belongs to none.
    pub arg: String,
    /// Whether the call read the memory or wrote it.
    pub direction: Way,
    /// What the call is about: the file of its first descriptor; `null` if it has none.
    pub file: Option<String>,
    /// Where in the captured memory the match begins.
    pub offset: u64,
    /// What was matched.
    pub text: String,
    /// What is before it.
    pub before: String,
    /// What is after it.
    pub after: String,
    /// How many further matches the memory has.
    pub more: u64,
}

/// A match with its log, as a line of JSON.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Line<'a> {
    schema: &'static str,
    /// The log.
    log: &'a str,
    #[serde(flatten)]
    found: &'a Match,
}

impl<'a> Line<'a> {
    /// The name and the version of the line.
    pub const SCHEMA: &'static str = "sysreel/grep/1";

    /// Creates a line.
    #[must_use]
    pub fn new(log: &'a str, found: &'a Match) -> Self {
        Self { schema: Self::SCHEMA, log, found }
    }
}

/// Whether a call read memory or wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// The kernel read it: the program wrote it.
    In,
    /// The kernel wrote it for the program.
    Out,
}

/// Passes the matches of a log to `each`, in the order in which the calls ended, until it fails.
/// Returns also how many buffers were searched of which only a part was captured.
/// Each captured buffer is searched by itself; `stream` searches across buffers.
///
/// # Errors
/// When the log cannot be read, or `each` fails ([`Error::Write`]). Damage is not an error; the
/// [`Findings`] report it.
pub fn grep(
    file: &LogFile,
    options: &Options,
    each: &mut dyn FnMut(&Match) -> io::Result<()>,
) -> Result<(Findings, u64), Error> {
    let follow = Follow { processes: true, ..Follow::default() };
    let mut searching = Searching { options, each, cut: 0, failed: None };
    let findings = look(file, &options.select, (follow, true), &mut searching)?;
    match searching.failed {
        Some(error) => Err(Error::Write(error)),
        None => Ok((findings, searching.cut)),
    }
}

struct Searching<'o> {
    options: &'o Options,
    each: &'o mut dyn FnMut(&Match) -> io::Result<()>,
    cut: u64,
    failed: Option<io::Error>,
}

impl Looker for Searching<'_> {
    fn item(&mut self, item: &Item<'_>, selected: bool) {
        if let Item::Call(call) = item
            && selected
            && self.failed.is_none()
        {
            self.failed = self.call(call).err();
        }
    }
}

impl Searching<'_> {
    fn call(&mut self, call: &Call<'_>) -> io::Result<()> {
        let is_cut =
            |region: &Region<'_>| region.got() < region.asked() && region.errno().is_none();
        let cut = u64::try_from(call.data().filter(is_cut).count()).unwrap_or(u64::MAX);
        self.cut = self.cut.saturating_add(cut);
        for region in call.regions() {
            let Some(bytes) = region.bytes() else { continue };
            let direction = if region.direction() == Direction::IN { Way::In } else { Way::Out };
            self.memory(call, region.arg(), direction, &bytes)?;
        }
        // A relative path matches by its full form too.
        for path in call.paths() {
            let full = path.full();
            if full != path.written() && !self.options.pattern.is_match(path.written()) {
                let args = call.row().map_or(&[][..], |row| row.args);
                let at = args.iter().position(|arg| arg.name == path.arg());
                self.memory(call, at, Way::In, &full)?;
            }
        }
        Ok(())
    }

    fn memory(
        &mut self,
        call: &Call<'_>,
        arg: Option<usize>,
        direction: Way,
        bytes: &[u8],
    ) -> io::Result<()> {
        let Options { pattern, context, most, .. } = self.options;
        let mut found = pattern.find_iter(bytes);
        let shown: Vec<_> = found.by_ref().take(*most).collect();
        let more = if shown.is_empty() { 0 } else { found.count() };
        let last = shown.len().saturating_sub(1);
        for (at, found) in shown.iter().enumerate() {
            let from = found.start().saturating_sub(*context);
            let to = found.end().saturating_add(*context).min(bytes.len());
            let row = call.row().map_or(&[][..], |row| row.args);
            let task = call.task();
            (self.each)(&Match {
                event: call.number(),
                pid: task.tgid(),
                tid: task.tid(),
                call: visible(&call.name()).into_owned(),
                arg: arg.and_then(|at| row.get(at)).map_or("", |arg| arg.name).to_owned(),
                direction,
                file: call
                    .fd_args()
                    .find_map(|(_, file)| file)
                    .map(|file| crate::sockets::file_name(&file)),
                offset: u64::try_from(found.start()).unwrap_or(u64::MAX),
                text: visible_bytes(found.as_bytes()),
                before: visible_bytes(bytes.get(from..found.start()).unwrap_or_default()),
                after: visible_bytes(bytes.get(found.end()..to).unwrap_or_default()),
                more: if at == last { u64::try_from(more).unwrap_or(u64::MAX) } else { 0 },
            })?;
        }
        Ok(())
    }
}

impl Match {
    /// Returns it as a line: `EVENT [pid PID] CALL ARG: text`.
    #[must_use]
    pub fn line(&self) -> String {
        let Self { event, pid, call, arg, before, text, after, offset, .. } = self;
        let file = self.file.as_deref().map(|file| format!(" {file}")).unwrap_or_default();
        let more = match self.more {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        format!("{event} [pid {pid}] {call} {arg}+{offset}{file}: {before}{text}{after}{more}")
    }
}
