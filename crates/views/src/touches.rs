//! What calls do to paths.

mod known;
mod shared;
mod touch;
mod unnamed;

use sysreel_inspect::abi::intent::{self, Family};
use sysreel_inspect::abi::{ArgKind, CallKind, Row, places};
use sysreel_inspect::calls::{Call, Ended, PathArg};
use sysreel_inspect::diff::MARK;
use sysreel_inspect::state::{Made, OpenFile};

use known::Known;
use shared::Shared;
pub(crate) use touch::{Outcome, Touch, Uses};
use unnamed::Unnamed;

/// Finds out what calls do to paths. Descriptors must be followed
/// ([`Follow::processes`](sysreel_inspect::Follow)).
#[derive(Debug, Default)]
pub(crate) struct Touches {
    known: Known,
    unnamed: Unnamed,
    shared: Shared,
}

impl Touches {
    /// Returns what a call that has ended did to paths. Every call must be passed, in order: what
    /// is known of a path decides whether an open(2) created it.
    pub(crate) fn of(&mut self, call: &Call<'_>) -> Vec<Touch> {
        let Some(row) = call.row().filter(|_| call.task().has_run()) else { return Vec::new() };
        let Some(outcome) = outcome(call, row) else { return Vec::new() };
        let unnamed = &self.unnamed;
        let mut touches = match row.kind {
            CallKind::Open => self.open(call, outcome),
            CallKind::Read
            | CallKind::Receive
            | CallKind::Write
            | CallKind::Send
            | CallKind::ReadDir => data(call, row, outcome, unnamed),
            CallKind::Mmap => mmap(call, row, outcome, unnamed).into_iter().collect(),
            CallKind::Bind => bind(call, row, outcome).into_iter().collect(),
            _ => names(call, row, outcome, unnamed),
        };
        let unnamed = &self.unnamed;
        let named = |file: &OpenFile| Some((path_of(file, unnamed)?, passes_on(file)));
        self.shared.note(call, row, &named, &mut touches);
        self.unnamed.note(call, row, &mut touches);
        for touch in touches.iter().filter(|touch| !touch.is_cut) {
            self.known.note(touch, call.number(), row.kind == CallKind::Mkdir);
        }
        touches
    }

    /// Returns what open(2) and its kin do.
    fn open(&self, call: &Call<'_>, outcome: Outcome) -> Vec<Touch> {
        let asked = call.paths().next().filter(|path| !path.written().is_empty());
        let is_cut = asked.as_ref().is_some_and(PathArg::is_cut);
        let asked = asked.map(|path| path.full());
        let opening = call.opening();
        if outcome != Outcome::Done {
            // A missing directory, if the file would be created.
            let creates = opening.is_some_and(|opening| opening.creates());
            let outcome = if creates { of_new_name(outcome) } else { outcome };
            let uses = Uses::OPEN;
            let touch = asked.map(|path| Touch::named(path, uses, outcome).cut(is_cut));
            return touch.into_iter().collect();
        }
        let made = call.made().next();
        let file = made.and_then(|made| call.made_file(&made));
        if file.as_ref().is_some_and(|file| file.made == Made::Unnamed) {
            return Vec::new();
        }
        let of_file = file.as_deref().and_then(|file| path_of(file, &self.unnamed));
        let real = of_file.clone().or_else(|| asked.clone());
        let Some(real) = real else { return Vec::new() };
        let mut touches = Vec::new();
        let is_of_call = of_file.is_none();
        // The kernel has the whole name of the file. A link has another one.
        let is_other = |asked: &[u8]| match is_cut {
            true => !real.starts_with(asked),
            false => asked != real,
        };
        let asked = asked.filter(|asked| is_other(asked));
        let by_name = asked.is_none();
        if let Some(asked) = asked {
            let other = Some(real.clone());
            let touch = Touch::named(asked, Uses::PROBE, Outcome::Done).cut(is_cut);
            touches.push(Touch { other, ..touch });
        }
        let is_directory = file.as_ref().is_some_and(|file| file.is_directory());
        let mut uses = match &opening {
            Some(opening) if opening.path_only() || is_directory => Uses::PROBE,
            _ => Uses::OPEN,
        };
        let passes_on = file.as_deref().is_some_and(passes_on);
        if let Some(opening) = opening.filter(|opening| opening.creates() && !passes_on) {
            match (opening.exclusive(), self.known.exists(&real)) {
                (true, _) | (false, Some(false)) => uses = uses | Uses::CREATE,
                (false, None) => uses = uses | Uses::MAYBE_CREATE,
                (false, Some(true)) => {}
            }
        }
        if opening.is_some_and(|opening| opening.truncates()) && !uses.any(Uses::CREATE) {
            uses = uses | Uses::TRUNCATE;
        }
        let touch = Touch::new(real, uses, Outcome::Done).cut(is_cut && is_of_call);
        touches.push(Touch { passes_on, by_name, ..touch });
        touches
    }
}

/// Returns how a call ended; `None` if it did nothing, or the log does not tell.
fn outcome(call: &Call<'_>, row: &Row) -> Option<Outcome> {
    let is_readlink = row.kind == CallKind::ReadLink;
    match call.ended() {
        Ended::Returned(_) => Some(Outcome::Done),
        Ended::Failed(_, rval) if intent::is_retried(rval, true) => None,
        Ended::Failed(errno, rval) if intent::is_not_found(rval, true) => {
            Some(Outcome::NotFound(errno))
        }
        // What readlink(2) finds exists, but is no link.
        Ended::Failed(errno, _) if is_readlink && errno.name() == Some("EINVAL") => {
            Some(Outcome::Done)
        }
        Ended::Failed(errno, _) => Some(Outcome::Failed(errno)),
        _ => None,
    }
}

/// Returns the outcome for a name that a call would make: not found is its directory.
fn of_new_name(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::NotFound(errno) => Outcome::Failed(errno),
        outcome => outcome,
    }
}

/// Returns the full path of an open file; `None` if it has none. A file that was opened without a
/// name has a placeholder.
fn path_of(file: &OpenFile, unnamed: &Unnamed) -> Option<Vec<u8>> {
    if file.is_socket() || matches!(file.made, Made::Memory | Made::Pair(_)) {
        return None;
    }
    if file.made == Made::Unnamed {
        return Some(unnamed.path(file));
    }
    let mut path = Vec::new();
    file.write_full_path(&mut path);
    is_path(&path).then_some(path)
}

/// Whether a name of the kernel is a path. Other names are those of pipes, of files in memory, and
/// the like.
pub(crate) fn is_path(name: &[u8]) -> bool {
    name.first() == Some(&b'/') && !name.starts_with(b"/memfd:")
}

/// Whether what is written to a file changes none.
fn passes_on(file: &OpenFile) -> bool {
    file.is_special() && !file.is_directory() && !intent::is_block_device(file.mode)
}

/// Returns what reading and writing through descriptors does.
fn data(call: &Call<'_>, row: &Row, outcome: Outcome, unnamed: &Unnamed) -> Vec<Touch> {
    let bytes = u64::try_from(call.ended().value().unwrap_or(0)).unwrap_or(0);
    let from = call.reads().and_then(|file| {
        let uses = if row.kind == CallKind::ReadDir { Uses::LIST } else { Uses::READ };
        let bytes_read = if row.kind == CallKind::ReadDir { 0 } else { bytes };
        let touch = Touch::new(path_of(&file, unnamed)?, uses, outcome);
        Some(Touch { bytes_read, ..touch })
    });
    let to = call.writes().and_then(|file| {
        let touch = Touch::new(path_of(&file, unnamed)?, Uses::WRITE, outcome);
        Some(Touch { bytes_written: bytes, passes_on: passes_on(&file), ..touch })
    });
    from.into_iter().chain(to).collect()
}

fn mmap(call: &Call<'_>, row: &Row, outcome: Outcome, unnamed: &Unnamed) -> Option<Touch> {
    let (abi, args) = (call.abi()?, call.args().registers());
    let uses = if intent::maps_to_write(abi, row, &args) {
        Uses::MAP | Uses::MAP_WRITE
    } else if intent::maps_file(abi, row, &args) {
        Uses::MAP
    } else {
        return None;
    };
    let file = call.fd("fd")?;
    let touch = Touch::new(path_of(&file, unnamed)?, uses, outcome);
    Some(Touch { passes_on: passes_on(&file), ..touch })
}

/// Returns the file that bind(2) creates for a Unix socket.
fn bind(call: &Call<'_>, row: &Row, outcome: Outcome) -> Option<Touch> {
    let at = row.args.iter().position(|arg| matches!(arg.kind, ArgKind::SockAddr))?;
    let (address, is_cut) = (call.args().at(at)?.bytes()?, call.args().at(at)?.is_cut());
    let path = address.get(2..).filter(|_| Family::from_sockaddr(&address) == Family::Unix)?;
    let path = path.split(|byte| *byte == 0).next().filter(|path| !path.is_empty())?;
    let touch = Touch::new(call.full_path(path), Uses::CREATE, of_new_name(outcome));
    Some(touch.cut(is_cut))
}

/// Returns what calls on names do: those that look files up, and those that change them.
fn names(call: &Call<'_>, row: &Row, outcome: Outcome, unnamed: &Unnamed) -> Vec<Touch> {
    let paths = || call.paths().filter(|path| !path.written().is_empty());
    let nth = |nth: usize| {
        let at = usize::from(places::path_args(row)[nth]?.path);
        paths().find(|path| path.position() == at)
    };
    let (first, second) = (0, 1);
    let one = |path: Option<PathArg<'_>>, uses| -> Vec<Touch> {
        path.map(|path| named(&path, uses, outcome)).into_iter().collect()
    };
    let new = |path: Option<PathArg<'_>>, uses| {
        path.map(|path| Touch { by_name: false, ..named(&path, uses, of_new_name(outcome)) })
    };
    match row.kind {
        CallKind::Unlink | CallKind::Rmdir => one(nth(first), Uses::DELETE),
        CallKind::Mkdir | CallKind::Mknod => new(nth(first), Uses::CREATE).into_iter().collect(),
        // The target is not looked up.
        CallKind::Symlink => new(nth(second), Uses::CREATE).into_iter().collect(),
        CallKind::Link => {
            let old = one(nth(first), Uses::PROBE);
            old.into_iter().chain(new(nth(second), Uses::CREATE)).collect()
        }
        CallKind::Rename => rename(call, row, (nth(first), nth(second)), outcome),
        CallKind::Truncate => named_or_open(call, nth(first), (Uses::TRUNCATE, outcome), unnamed),
        CallKind::Chmod | CallKind::Chown | CallKind::Utime | CallKind::SetXattr => {
            named_or_open(call, nth(first), (Uses::CHANGE, outcome), unnamed)
        }
        CallKind::Exec => one(nth(first), Uses::EXECUTE),
        _ => paths()
            .map(|path| Touch::named(path.full(), Uses::PROBE, outcome).cut(path.is_cut()))
            .filter(|touch| !touch.path.starts_with(MARK))
            .collect(),
    }
}

/// Returns what a call does to the file to which a path leads.
fn named(path: &PathArg<'_>, uses: Uses, outcome: Outcome) -> Touch {
    Touch::named(path.target(), uses, outcome).cut(path.is_target_cut())
}

/// Returns what a call does to a file by its name or by a descriptor.
fn named_or_open(
    call: &Call<'_>,
    path: Option<PathArg<'_>>,
    (uses, outcome): (Uses, Outcome),
    unnamed: &Unnamed,
) -> Vec<Touch> {
    let touch = match path {
        Some(path) => Some(named(&path, uses, outcome)),
        None => {
            let file = ["fd", "dfd", "fildes"].iter().find_map(|name| call.fd(name));
            file.and_then(|file| {
                let touch = Touch::new(path_of(&file, unnamed)?, uses, outcome);
                Some(Touch { passes_on: passes_on(&file), ..touch })
            })
        }
    };
    touch.into_iter().collect()
}

fn rename(
    call: &Call<'_>,
    row: &Row,
    (from, to): (Option<PathArg<'_>>, Option<PathArg<'_>>),
    outcome: Outcome,
) -> Vec<Touch> {
    let exchanges =
        call.abi().is_some_and(|abi| places::exchanges(abi, row, &call.args().registers()));
    let (away, here) = match exchanges {
        true => (Uses::RENAME_HERE, Uses::RENAME_HERE),
        false => (Uses::RENAME_AWAY, Uses::RENAME_HERE),
    };
    let whole = |path: &Option<PathArg<'_>>| {
        let path = path.as_ref().filter(|path| !path.is_target_cut());
        path.map(PathArg::target)
    };
    let (old, new) = (whole(&from), whole(&to));
    let mut touches = Vec::new();
    if let Some(from) = from {
        touches.push(Touch { other: new, ..named(&from, away, outcome) });
    }
    // If it failed, it is about the old name, as far as the log tells.
    if let Some(to) = to.filter(|_| outcome == Outcome::Done) {
        touches.push(Touch { other: old, by_name: false, ..named(&to, here, outcome) });
    }
    touches
}
