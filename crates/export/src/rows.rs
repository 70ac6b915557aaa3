//! Makes rows of the items of a log.

use std::borrow::Cow;
use std::rc::Rc;
use std::time::UNIX_EPOCH;

use sysreel_inspect::LogFile;
use sysreel_inspect::abi::desc::Classes;
use sysreel_inspect::calls::{At, Call, End, Ended, Errno, Exec, Item, Moved, Task, Time};
use sysreel_inspect::format::{Gone, TaskId};
use sysreel_inspect::state::OpenFile;
use sysreel_inspect::style::{FdStyle, Style};
use sysreel_inspect::visible::{visible_bytes, visible_text, visible_vec};
use sysreel_views::sockets;

use crate::exporter::{Arguments, Needs};
use crate::row::{
    Args, CallRow, ExecRow, LogRow, LostRow, MarkRow, Outcome, RenamedRow, Row, SCHEMA, SignalRow,
    TaskEndRow, TaskStartRow, Who, log_name,
};

/// How long the arguments of most calls are.
const LINE: usize = 128;

/// Makes rows.
#[derive(Debug)]
pub(crate) struct Rows {
    log: LogRow,
    needs: Needs,
    style: Style,
}

impl Rows {
    pub(crate) fn new(file: &LogFile, ordinal: usize, needs: Needs, string_limit: usize) -> Self {
        let monotonic_ns = file.log().meta().monotonic_ns;
        let start = file.unix_time(Time::from_nanos(monotonic_ns));
        let unix_us = start.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        let log = LogRow {
            schema: SCHEMA,
            log: log_name(file),
            ordinal: u32::try_from(ordinal).unwrap_or(u32::MAX),
            unix_us: i64::try_from(unix_us).unwrap_or(i64::MAX),
            monotonic_ns,
        };
        let fds = if needs.names { FdStyle::Path } else { FdStyle::Number };
        Self { log, needs, style: Style { string_limit, fds, ..Style::default() } }
    }

    pub(crate) fn log(&self) -> &LogRow {
        &self.log
    }

    /// Returns a time of CLOCK_MONOTONIC in nanoseconds from the start of the recording, and in
    /// microseconds since 1970.
    #[cfg(feature = "tables")]
    pub(crate) fn since_start(&self, t_ns: u64) -> (u64, i64) {
        self.time(Time::from_nanos(t_ns))
    }

    /// Returns the row of an item; `None` if it has none.
    pub(crate) fn row<'a>(&self, item: &Item<'a>) -> Option<Row<'a>> {
        Some(match item {
            Item::Call(call) => Row::Call(self.call(call)),
            Item::Signal(at) => {
                let (event, who, start_ns, unix_us) = self.head(at);
                Row::Signal(SignalRow {
                    event,
                    who,
                    start_ns,
                    unix_us,
                    signal: signal(at.what.number, at.what.name()),
                })
            }
            Item::TaskStart(at) => {
                let (event, who, start_ns, unix_us) = self.head(at);
                // The state has the task from its next event on.
                let who = Who { pid: at.what.tgid, tid: at.what.tid, ..who };
                let (parent, origin) = (known(at.what.parent), at.what.origin);
                let origin = origin.name().unwrap_or("unknown");
                Row::TaskStart(TaskStartRow { event, who, start_ns, unix_us, parent, origin })
            }
            Item::Renamed(at) => {
                let (event, who, start_ns, unix_us) = self.head(at);
                let who = Who { pid: at.what.tgid, tid: at.what.new_tid, ..who };
                let old_tid = at.what.old_tid;
                Row::Renamed(RenamedRow { event, who, start_ns, unix_us, old_tid })
            }
            Item::Exec(exec) => Row::Exec(self.exec(exec)),
            Item::TaskEnd(at) => Row::TaskEnd(self.task_end(at)),
            Item::Mark(at) => {
                let (event, who, start_ns, unix_us) = self.head(at);
                Row::Mark(MarkRow { event, who, start_ns, unix_us, name: visible_bytes(at.what) })
            }
            Item::Lost(lost) => Row::Lost(LostRow { count: lost.count() }),
            _ => return None,
        })
    }

    fn call<'a>(&self, call: &Call<'a>) -> CallRow<'a> {
        let task = call.task();
        let (start_ns, unix_us) = self.time(call.start());
        let duration = call.duration();
        let (outcome, result, errno) = match call.ended() {
            Ended::Returned(value) => (Outcome::Returned, Some(value), None),
            Ended::Failed(errno, _) => (Outcome::Failed, None, Some(error(errno))),
            Ended::Restarts => (Outcome::Restarts, None, None),
            Ended::Exited => (Outcome::Exited, None, None),
            Ended::Killed => (Outcome::Killed, None, None),
            Ended::Detached => (Outcome::Detached, None, None),
            _ => (Outcome::Unfinished, None, None),
        };
        let mut row = CallRow {
            event: call.number(),
            exit_event: call.exit_number(),
            who: who(task),
            exe: task.program().map(visible_text),
            start_ns,
            unix_us,
            duration_ns: duration.map(|took| u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)),
            call: call.name(),
            class: call.row().map_or(Classes::NONE, |row| row.class),
            args: Args::default(),
            outcome,
            result,
            errno,
            fd: None,
            file: None,
            path: None,
            path2: None,
            peer: None,
            bytes: match call.moved() {
                Moved::Bytes(count) => Some(count),
                _ => None,
            },
            source: *call,
        };
        self.add_args(&mut row);
        self.add_names(&mut row);
        row
    }

    fn add_args(&self, row: &mut CallRow<'_>) {
        let args = row.source.args();
        if self.needs.args == Arguments::Line {
            let mut line = String::with_capacity(LINE);
            args.write(&self.style, &mut line);
            row.args = Args::Line(line);
        }
        if self.needs.args == Arguments::Each {
            let texts = args.iter().enumerate().map(|(at, arg)| {
                let mut text = String::new();
                arg.write(&self.style, &mut text);
                let name = match arg.name() {
                    "" => Cow::Owned(format!("arg{at}")),
                    name => Cow::Borrowed(name),
                };
                (name, text)
            });
            row.args = Args::Each(texts.collect());
        }
    }

    fn add_names(&self, row: &mut CallRow<'_>) {
        if !self.needs.names {
            return;
        }
        let call = row.source;
        if let Some((fd, file)) = subject(&call) {
            row.fd = Some(fd);
            row.file = file.as_ref().map(|file| sockets::file_name(file));
            row.peer = file.and_then(|file| sockets::address(&file.peer.borrow()));
        }
        let given = call.sockaddrs(false).find_map(|address| sockets::passed(&address));
        row.peer = given.or(row.peer.take());
        let mut paths = call.paths().map(|path| {
            let rest = if path.is_cut() { "..." } else { "" };
            visible_vec(path.full()) + rest
        });
        (row.path, row.path2) = (paths.next(), paths.next());
    }

    fn exec(&self, exec: &Exec<'_>) -> ExecRow {
        let (start_ns, unix_us) = self.time(Time::from_nanos(exec.event.t_ns));
        ExecRow {
            event: exec.event.number,
            who: who(exec.task),
            start_ns,
            unix_us,
            exe: visible_bytes(&exec.found.exe),
            argv: exec.found.arguments().iter().map(|word| visible_bytes(word)).collect(),
            cwd: visible_bytes(&exec.found.cwd),
            attached: exec.call().is_none(),
        }
    }

    fn task_end(&self, at: &At<'_, Gone>) -> TaskEndRow {
        let (event, who, start_ns, unix_us) = self.head(at);
        let (how, status, killed) = match at.end() {
            End::Exited(status) => ("exited", Some(status), None),
            End::Killed { signal, .. } => ("killed", None, Some(signal)),
            End::Superseded => ("superseded", None, None),
            End::Vanished => ("vanished", None, None),
            End::Detached => ("detached", None, None),
            _ => ("unknown", None, None),
        };
        let named = |number: u32| {
            let known = i32::try_from(number).ok();
            signal(number, known.and_then(sysreel_inspect::abi::signal_name))
        };
        TaskEndRow {
            event,
            who,
            start_ns,
            unix_us,
            how,
            status,
            signal: killed.map(named),
            utime_ns: at.what.utime_ns,
            stime_ns: at.what.stime_ns,
        }
    }

    /// Returns event, task and times.
    fn head<T>(&self, at: &At<'_, T>) -> (u64, Who, u64, i64) {
        let (start_ns, unix_us) = self.time(at.time());
        (at.number(), who(at.task), start_ns, unix_us)
    }

    /// Returns a time in nanoseconds from the start of the recording, and in microseconds since
    /// 1970.
    fn time(&self, time: Time) -> (u64, i64) {
        let since = time.as_nanos().saturating_sub(self.log.monotonic_ns);
        let micros = i64::try_from(since / 1000).unwrap_or(i64::MAX);
        (since, self.log.unix_us.saturating_add(micros))
    }
}

/// Returns the descriptor that a call is about, and what it refers to: the first among its
/// arguments, or else the first that it made.
pub(crate) fn subject(call: &Call<'_>) -> Option<(i32, Option<Rc<OpenFile>>)> {
    let of_made = || call.made().next().map(|made| (made.fd, call.made_file(&made)));
    call.fd_args().next().or_else(of_made)
}

fn who(task: Task<'_>) -> Who {
    Who { task: known(task.id()), pid: task.tgid(), tid: task.tid() }
}

fn known(task: TaskId) -> Option<u32> {
    (task != TaskId::NONE).then_some(task.0)
}

fn signal(number: u32, name: Option<&'static str>) -> Cow<'static, str> {
    name.map_or_else(|| Cow::Owned(number.to_string()), Cow::Borrowed)
}

fn error(errno: Errno) -> Cow<'static, str> {
    errno.name().map_or_else(|| Cow::Owned(errno.to_string()), Cow::Borrowed)
}
