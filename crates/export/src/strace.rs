//! `strace` and `strace-ff`: the log as `sysreel print` writes it, in the form that programs expect
//! which read the output of strace.

use std::collections::BTreeMap;
use std::io::{self, Write};

use sysreel_inspect::print::{Clock, Options as Lines, Precision, Quiet, TaskIds, print};
use sysreel_inspect::style::FdStyle;
use sysreel_inspect::{Error, Findings, LogFile, counted};

use crate::options::Options;

/// How many bytes are kept for all parts.
const ROOM: usize = 8 << 20;

/// Takes bytes for a part of the output, which has a name.
pub type Parts<'p> = &'p mut dyn FnMut(&str, &[u8]) -> io::Result<()>;

/// Writes a log as `strace -f -ttt -T -y -o FILE` does.
///
/// # Errors
/// When the log cannot be read or the output cannot be written.
pub(crate) fn write(
    file: &mut LogFile,
    options: &Options,
    out: &mut dyn Write,
) -> Result<(Findings, Vec<String>), Error> {
    Ok((print(file, &lines(options), out)?, Vec::new()))
}

/// Writes a log as `strace -ff -ttt -T -y -o FILE` does: a part for each thread, named by its tid.
///
/// # Errors
/// As [`write()`].
pub(crate) fn write_parts(
    file: &mut LogFile,
    options: &Options,
    to: Parts<'_>,
) -> Result<(Findings, Vec<String>), Error> {
    // Nothing comes between the beginning of a call and its end.
    let lines = Lines { join: true, ..lines(options) };
    let mut split = Split { to, line: Vec::new(), parts: BTreeMap::new(), kept: 0, others: 0 };
    let findings = print(file, &lines, &mut split)?;
    split.end().map_err(Error::Write)?;
    let others = counted(split.others, "remark");
    let remark = (split.others > 0).then(|| format!("{others} of no thread left out"));
    Ok((findings, remark.into_iter().collect()))
}

fn lines(options: &Options) -> Lines {
    Lines {
        string_limit: options.string_limit,
        fds: FdStyle::Path,
        clock: Clock::Unix(Precision::Micros),
        duration: Some(Precision::Micros),
        task_ids: TaskIds::Plain,
        quiet: Quiet { personality: true, ..Quiet::default() },
        range: options.select.range,
        filter: options.select.filter.clone(),
        ..Lines::default()
    }
}

/// Passes lines on by the tids that they begin with.
struct Split<'p> {
    to: Parts<'p>,
    /// The line that has no end yet.
    line: Vec<u8>,
    /// The lines of each tid that were not passed on yet.
    parts: BTreeMap<u32, Vec<u8>>,
    kept: usize,
    /// How many lines are of no thread.
    others: u64,
}

impl Split<'_> {
    fn line(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (tid, rest) = line.split_at(digits);
        let tid = std::str::from_utf8(tid).ok().and_then(|tid| tid.parse::<u32>().ok());
        match tid.filter(|_| rest.first() == Some(&b' ')) {
            Some(tid) => {
                let rest = rest.trim_ascii_start();
                self.kept = self.kept.saturating_add(rest.len());
                self.parts.entry(tid).or_default().extend_from_slice(rest);
            }
            None => self.others = self.others.saturating_add(1),
        }
        if self.kept > ROOM { self.pass_on() } else { Ok(()) }
    }

    fn pass_on(&mut self) -> io::Result<()> {
        self.kept = 0;
        for (tid, lines) in std::mem::take(&mut self.parts) {
            (self.to)(&tid.to_string(), &lines)?;
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        if !self.line.is_empty() {
            self.line()?;
        }
        self.pass_on()
    }
}

impl Write for Split<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                self.line()?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
