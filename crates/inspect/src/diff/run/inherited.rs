//! What a program gets besides its arguments that its parent did not have, and the first program
//! from outside of the run: variables of the environment, the working directory, the umask, ignored
//! signals, open files, rights.

use std::collections::BTreeSet;
use std::rc::Rc;

use sysreel_abi::consts::security;
use sysreel_abi::{Abi, ArgKind, render};
use sysreel_format::{Altering, ProcessSnapshot};

use super::names::{NameId, Names, Sort};
use super::operation::file_name;
use super::signals::signal;
use crate::calls::Exec;
use crate::state::environment;

/// What is inherited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Inherited {
    /// A variable, `NAME=VALUE`.
    Variable,
    /// A variable that the parent has and the program has not.
    Unset,
    /// The working directory.
    Directory,
    /// The mask for the modes of new files.
    Umask,
    /// A signal that is ignored.
    Ignores,
    /// A signal that the parent ignores and the program does not.
    Heeds,
    /// A file that is open, besides standard input, output and error.
    Open,
    /// Users, groups, capabilities and the like, of the first program.
    Rights,
}

impl Inherited {
    /// Returns what stands before the name in a report.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Variable | Self::Rights => "",
            Self::Unset => "unset ",
            Self::Directory => "directory ",
            Self::Umask => "umask ",
            Self::Ignores => "ignores ",
            Self::Heeds => "heeds ",
            Self::Open => "open ",
        }
    }
}

/// Variables in which shells note what is elsewhere in the log.
const OF_SHELLS: [&[u8]; 4] = [b"_", b"PWD", b"OLDPWD", b"SHLVL"];

/// What a program found when it began.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// Sorted; `None` if the log does not have them.
    variables: Option<Vec<Vec<u8>>>,
    directory: Vec<u8>,
    umask: Option<u32>,
    ignored: u64,
    /// Sorted.
    open: Vec<NameId>,
}

/// Returns what a program may do, in words; empty if the log does not have it.
fn rights(snapshot: &ProcessSnapshot, recorders: &[Altering]) -> Vec<String> {
    let Some(credentials) = &snapshot.credentials else { return Vec::new() };
    let numbers = |ids: &[u32]| {
        let all: Vec<String> = ids.iter().map(u32::to_string).collect();
        let one =
            ids.split_first().is_some_and(|(first, others)| others.iter().all(|id| id == first));
        if one { all[..1].concat() } else { all.join(",") }
    };
    let [inheritable, permitted, effective, bounding, ambient] = credentials.caps;
    let mut rights = vec![
        format!("uid={}", numbers(&credentials.uids)),
        format!("gid={}", numbers(&credentials.gids)),
        format!("groups={}", numbers(&credentials.groups)),
    ];
    for (set, capabilities) in [
        ("inheritable", inheritable),
        ("permitted", permitted),
        ("effective", effective),
        ("bounding", bounding),
        ("ambient", ambient),
    ] {
        // Says that the set is known, if it is empty.
        rights.push(set.to_owned());
        rights.extend(names_of(capabilities).map(|name| format!("{set}={name}")));
    }
    // What they would be without the recorder is not known.
    if !recorders.contains(&Altering::NO_NEW_PRIVS) {
        rights.push(format!("no_new_privs={}", u8::from(snapshot.no_new_privs)));
    }
    if !recorders.contains(&Altering::SECCOMP_FILTER) {
        rights.push(format!("seccomp={}", snapshot.seccomp));
    }
    rights
}

/// Returns the names of the capabilities in a set.
fn names_of(capabilities: u64) -> impl Iterator<Item = String> {
    (0..u64::from(u64::BITS)).filter(move |bit| capabilities >> bit & 1 != 0).map(|bit| {
        let mut name = String::new();
        render::flag_value(Abi::X86_64, ArgKind::Enum(&security::CAPABILITY), bit, &mut name);
        name
    })
}

/// Returns the name of a variable.
fn name(variable: &[u8]) -> &[u8] {
    variable.split(|byte| *byte == b'=').next().unwrap_or_default()
}

impl State {
    pub(super) fn new(exec: &Exec<'_>, names: &mut Names) -> Self {
        let snapshot = exec.found;
        // The log has the environment with the call.
        let passed = exec.call().and_then(|call| environment(call.open(), call.buffers()));
        let of_program = |variable: &&Vec<u8>| !OF_SHELLS.contains(&name(variable));
        let variables = passed.map(|all| {
            let mut variables: Vec<_> = all.iter().filter(of_program).cloned().collect();
            variables.sort_unstable();
            variables.dedup();
            variables
        });
        let mut open = Vec::new();
        if let Some(fds) = exec.task.state().fds(exec.event.task) {
            fds.each(|fd, descriptor| {
                let file = descriptor.file();
                if fd > 2 && sysreel_abi::intent::is_regular(file.mode) {
                    open.push(file_name(file, names));
                }
            });
        }
        open.sort_unstable();
        open.dedup();
        let (umask, ignored) = (snapshot.umask, snapshot.sig_ignored);
        Self { variables, directory: snapshot.cwd.clone(), umask, ignored, open }
    }

    /// Returns all that the first program of a run has from outside of it. `recorders`: what the
    /// recorder has changed in it.
    pub(super) fn given(
        &self,
        snapshot: &ProcessSnapshot,
        recorders: &[Altering],
        names: &mut Names,
    ) -> Vec<(Inherited, NameId)> {
        let (variables, directory) = (Some(Vec::new()), self.directory.clone());
        let nothing = Self { variables, directory, ..Self::default() };
        let mut found = self.since(&nothing, names);
        let rights = rights(snapshot, recorders);
        let rights = rights.iter().map(|text| names.id(Sort::Word, text.as_bytes()));
        found.extend(rights.map(|text| (Inherited::Rights, text)));
        found
    }

    /// Returns the earlier state, if it is equal, so that many processes share one.
    pub(super) fn shared(self, before: Option<&Rc<Self>>) -> Rc<Self> {
        match before {
            Some(before) if **before == self => Rc::clone(before),
            _ => Rc::new(self),
        }
    }

    /// Returns what is not as before.
    pub(super) fn since(&self, before: &Self, names: &mut Names) -> Vec<(Inherited, NameId)> {
        let mut found = Vec::new();
        if let (Some(variables), Some(old)) = (&self.variables, &before.variables) {
            let new = variables.iter().filter(|variable| old.binary_search(variable).is_err());
            found.extend(new.map(|one| (Inherited::Variable, names.id(Sort::Text, one))));
            let known: BTreeSet<&[u8]> = variables.iter().map(|one| name(one)).collect();
            let unset = old.iter().map(|one| name(one)).filter(|name| !known.contains(name));
            found.extend(unset.map(|name| (Inherited::Unset, names.id(Sort::Text, name))));
        }
        if self.directory != before.directory {
            found.push((Inherited::Directory, names.id(Sort::Path, &self.directory)));
        }
        if let Some(umask) = self.umask.filter(|_| self.umask != before.umask) {
            found.push((Inherited::Umask, names.id(Sort::Word, format!("{umask:04o}").as_bytes())));
        }
        for (number, bit) in (1..=64).zip((0..64).map(|shift| 1_u64 << shift)) {
            let how = match (before.ignored & bit != 0, self.ignored & bit != 0) {
                (false, true) => Inherited::Ignores,
                (true, false) => Inherited::Heeds,
                _ => continue,
            };
            found.push((how, names.id(Sort::Word, signal(number).as_bytes())));
        }
        let new = self.open.iter().filter(|file| before.open.binary_search(file).is_err());
        found.extend(new.map(|file| (Inherited::Open, *file)));
        found
    }
}
