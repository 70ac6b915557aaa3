//! What programs need of the file system and the network, over several logs. `bwrap` and `landlock`
//! write sandboxes that grant it.

use std::collections::{BTreeMap, BTreeSet};

use sysreel_inspect::visible::is_visible;
use sysreel_inspect::{Error, Findings, LogFile};
use sysreel_views::files::{self, File};
use sysreel_views::net;

use crate::options::Options;

/// A directory of which more entries were used is granted as a whole.
const MANY: usize = 16;
/// The kernel's own file systems: what is in them is different in each run.
const SPECIAL: [&str; 2] = ["/proc", "/dev"];
/// How a path outside of every root of the log begins.
const ROOT: &str = "/";

/// Uses that change the names in a directory.
const NAMING: [&str; 5] = ["create", "maybe_create", "delete", "rename_away", "rename_here"];
/// Uses that change what a name refers to.
const WRITING: [&str; 4] = ["write", "truncate", "change", "map_write"];
/// Uses that read.
const READING: [&str; 4] = ["open", "read", "map", "list"];

/// What a sandbox must allow of a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Grant {
    /// To read it; a directory with all that is in it.
    pub(crate) read: bool,
    /// To execute it, or what is in it.
    pub(crate) execute: bool,
    /// To write to it; a directory: to all that is in it.
    pub(crate) write: bool,
    /// To change which entries a directory has.
    pub(crate) entries: bool,
    /// Whether it is a directory, as far as the uses tell.
    pub(crate) is_folder: bool,
}

/// What a sandbox must allow.
#[derive(Debug, Default)]
pub(crate) struct Grants {
    /// By path, without what is in a directory that is granted as a whole.
    pub(crate) paths: BTreeMap<String, Grant>,
    /// Whether something went over a network other than unix sockets, or was meant to.
    pub(crate) network: bool,
    /// The logs, in visible text.
    pub(crate) logs: Vec<String>,
    /// Directories that a log knows, in which nothing needs to be there.
    folders: BTreeSet<String>,
    /// What a run made itself, so it need not be there before.
    made: BTreeSet<String>,
    /// Paths that no output can show.
    unprintable: u64,
    /// Paths of which the logs have only the beginning.
    cut: u64,
    /// Paths that the view had no room for.
    left_out: u64,
}

impl Grants {
    /// Adds what a log needs.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(crate) fn add(&mut self, log: &LogFile, options: &Options) -> Result<Findings, Error> {
        let select = options.select.clone();
        let (net, _) = net::net(log, &select)?;
        self.network |= net.endpoints.iter().any(|endpoint| !endpoint.protocol.starts_with("unix"));
        let (found, findings) =
            files::files(log, &files::Options { select, ..files::Options::default() })?;
        self.logs.push(crate::row::log_name(log));
        self.left_out = self.left_out.saturating_add(found.left_out);
        for file in &found.files {
            self.see(file);
        }
        Ok(findings)
    }

    /// Adds a path.
    fn see(&mut self, file: &File) {
        if file.is_cut {
            self.cut = self.cut.saturating_add(1);
            return;
        }
        let Some(path) = printable(file) else {
            self.unprintable = self.unprintable.saturating_add(1);
            return;
        };
        if !path.starts_with(ROOT) {
            return;
        }
        // Those above it are directories, if anything was found there at all.
        let mut above = folder(path);
        while above != ROOT && self.folders.insert(above.to_owned()) {
            above = folder(above);
        }
        let did = |uses: &[&str]| uses.iter().any(|name| file.uses.count(name) > 0);
        if did(&["create"]) {
            self.made.insert(path.to_owned());
        }
        let is_used = did(&READING) || did(&["probe"]);
        let grant = Grant {
            read: is_used,
            // A script without an interpreter must be executable too, before a shell reads it.
            execute: did(&["execute", "map"])
                || file.errors.iter().any(|(name, _)| name == "ENOEXEC"),
            write: did(&WRITING),
            entries: false,
            is_folder: did(&["list"]),
        };
        if grant != Grant::default() {
            merge(self.paths.entry(path.to_owned()).or_default(), grant);
        }
        if did(&NAMING) {
            let grant =
                Grant { read: true, write: true, entries: true, is_folder: true, execute: false };
            merge(self.paths.entry(folder(path).to_owned()).or_default(), grant);
        }
    }

    /// Brings all logs together. Returns what the user should know.
    pub(crate) fn finish(&mut self) -> Vec<String> {
        self.move_to_what_exists();
        // A directory that was only looked up is there as soon as something in it is.
        let folders = &self.folders;
        let only_exists = |path: &str, grant: &Grant| {
            folders.contains(path) && !grant.is_folder && !grant.write && !grant.execute
        };
        self.paths.retain(|path, grant| path != ROOT && !only_exists(path, grant));
        self.join_many();
        let mut remarks = Vec::new();
        for (count, why) in [
            (self.unprintable, "paths have characters that the output cannot show"),
            (self.cut, "paths have only their beginning in a log"),
            (self.left_out, "uses of paths had no room"),
        ] {
            if count > 0 {
                remarks.push(format!("{count} {why}: what they need is not granted"));
            }
        }
        remarks
    }

    /// Replaces a path that a run made by the directory in which it made it, and those in the
    /// kernel's file systems by that.
    fn move_to_what_exists(&mut self) {
        for (path, grant) in std::mem::take(&mut self.paths) {
            let special = SPECIAL.iter().find(|special| is_in(&path, special));
            let mut to = special.map_or(path.as_str(), |special| *special);
            let mut grant = grant;
            while self.made.contains(to) {
                to = folder(to);
                grant = Grant { is_folder: true, ..grant };
            }
            if special.is_some() {
                (grant.is_folder, grant.entries) = (true, false);
            }
            merge(self.paths.entry(to.to_owned()).or_default(), grant);
        }
    }

    /// Replaces paths in a directory that is granted as a whole, and grants those of which many
    /// entries are needed. Never those at the top, such as /home.
    fn join_many(&mut self) {
        let mut entries = BTreeMap::<String, usize>::new();
        for (path, grant) in &self.paths {
            if !grant.write {
                *entries.entry(folder(path).to_owned()).or_default() += 1;
            }
        }
        for (folder, count) in entries {
            if count > MANY && folder.matches('/').count() > 1 {
                let grant = Grant { read: true, is_folder: true, ..Grant::default() };
                merge(self.paths.entry(folder).or_default(), grant);
            }
        }
        let mut kept = BTreeMap::<String, Grant>::new();
        for (path, grant) in std::mem::take(&mut self.paths) {
            let mut above = folder(&path);
            let whole = loop {
                match kept.get_mut(above) {
                    Some(whole) if whole.is_folder => break Some(whole),
                    _ if above == ROOT => break None,
                    _ => above = folder(above),
                }
            };
            match whole {
                Some(whole) if whole.write || !grant.write => whole.execute |= grant.execute,
                _ => drop(kept.insert(path, grant)),
            }
        }
        self.paths = kept;
    }
}

fn merge(into: &mut Grant, grant: Grant) {
    *into = Grant {
        read: into.read || grant.read,
        execute: into.execute || grant.execute,
        write: into.write || grant.write,
        entries: into.entries || grant.entries,
        is_folder: into.is_folder || grant.is_folder,
    };
}

/// Returns the path of a file; `None` if it has characters that are not printable.
fn printable(file: &File) -> Option<&str> {
    let path = std::str::from_utf8(file.path.as_bytes()).ok()?;
    path.chars().all(is_visible).then_some(path)
}

/// Returns the directory of a path.
fn folder(path: &str) -> &str {
    match path.rfind('/') {
        Some(at) if at > 0 => &path[..at],
        _ => ROOT,
    }
}

/// Whether a path is a directory or is in it.
fn is_in(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
