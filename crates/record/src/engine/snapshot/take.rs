//! Takes a snapshot: from what is known of the process, and from the kernel.

use super::descriptors::Descriptors;
use super::follow::makes_hidden;
use super::read::Held;
use super::{Process, Snapshots, read};
use std::sync::Arc;
use sysreel_format::{FdEntry, ProcessSnapshot};
use sysreel_sys::cached_stat::ServedDevices;
use sysreel_sys::process::{self, Dir, FileId, Image, Privileges};
use sysreel_sys::{Tid, auxv};

/// The process of a snapshot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At {
    pub(crate) tid: Tid,
    pub(crate) tgid: Tid,
    /// If it has just executed a 64-bit image: its stack pointer and its blocked signals.
    pub(crate) image: Option<(u64, u64)>,
    /// Whether it has just executed an image.
    pub(crate) after_exec: bool,
}

/// The parts of a snapshot that describe the program.
struct Program {
    exe: Vec<u8>,
    comm: Option<Vec<u8>>,
    cmdline: Vec<u8>,
    auxv: Vec<u8>,
    /// `None` if they could not be read.
    privileges: Option<Privileges>,
    /// Whether a misc handler (binfmt_misc) may have chosen whose privileges it gets.
    by_handler: bool,
}

/// What a program inherits: from what is known of its process, or from the kernel.
struct Inherits {
    held: Option<Arc<Held>>,
    comm: Vec<u8>,
    umask: Option<u32>,
    ignored: u64,
    blocked: u64,
    caught: u64,
}

impl Inherits {
    fn of(at: At, known: Option<&Process>, program: &Program, plain: bool) -> Inherits {
        let held = known.and_then(|known| known.held.clone()).filter(|_| plain);
        let umask = known.and_then(|known| known.umask);
        let ignored = known.and_then(|known| known.ignored);
        match (held, umask, ignored, &program.comm, at.image) {
            (Some(held), Some(umask), Some(ignored), Some(comm), Some((_, blocked))) => Inherits {
                held: Some(held),
                comm: comm.clone(),
                umask: Some(umask),
                ignored,
                blocked,
                // An execve resets all handlers (signal(7)).
                caught: 0,
            },
            _ => {
                let status = read::status(at.tid);
                Inherits {
                    held: status.held.map(Arc::new),
                    comm: status.comm,
                    umask: status.umask,
                    ignored: status.ignored,
                    blocked: status.blocked,
                    caught: status.caught,
                }
            }
        }
    }
}

impl Snapshots {
    /// Returns the state of a process, and the privileges that its file gives.
    pub(crate) fn take(&mut self, at: At) -> (ProcessSnapshot, Privileges) {
        let At { tid, tgid, .. } = at;
        let known = self.processes.remove(&tgid).filter(|_| at.after_exec);
        let mappings = process::mappings(tid).unwrap_or_default();
        let program = Program::read(at, &mappings, &mut self.served);
        let plain = program.privileges.is_some_and(|p| p.is_none()) && !program.by_handler;
        let Inherits { held, comm, umask, ignored, blocked, caught } =
            Inherits::of(at, known.as_ref(), &program, plain);
        let personality = known
            .as_ref()
            .and_then(|known| known.personality)
            .filter(|_| at.image.is_some() && plain)
            .or_else(|| read::personality(tid));
        let at_root = known.as_ref().is_some_and(|known| known.at_root);
        let root = if at_root { b"/".to_vec() } else { process::link(tid, "root") };
        let (fds, kept, table) = self.descriptors(at, known.as_ref());
        let snapshot = ProcessSnapshot {
            exe: program.exe,
            cwd: process::link(tid, "cwd"),
            root,
            umask,
            comm,
            cmdline: read::arguments(&program.cmdline),
            // The environment is recorded with the execve that made the image. That of an attached
            // process may contain secrets and is not recorded.
            environ: None,
            auxv: program.auxv,
            credentials: held.as_ref().map(|held| held.credentials.clone()),
            limits: process::limits(tid),
            personality,
            namespaces: self.namespaces.of_task(tid),
            affinity: read::affinity(tid),
            sig_blocked: blocked,
            sig_ignored: ignored,
            sig_caught: caught,
            no_new_privs: held.as_ref().is_some_and(|held| held.no_new_privs),
            seccomp: held.as_ref().map_or(0, |held| held.seccomp),
            maps: read::maps(tid, mappings),
            fds,
            kept,
        };
        if self.wrong.is_some() && known.is_some() {
            self.check(at, &snapshot, table.as_deref());
        }
        if at.after_exec && self.following {
            let process = Process {
                descriptors: table,
                held: held.filter(|_| plain),
                umask,
                ignored: Some(ignored),
                personality: personality.filter(|_| at.image.is_some() && plain),
                at_root: snapshot.root == b"/",
                alone: known.as_ref().is_some_and(|known| known.alone),
            };
            self.processes.insert(tgid, process);
        }
        (snapshot, program.privileges.unwrap_or_default())
    }

    /// Returns the spawned program before its execve, which is alone in its process.
    pub(crate) fn spawned(&mut self, tgid: Tid) {
        if self.following {
            let process = Process {
                descriptors: None,
                held: None,
                umask: None,
                ignored: None,
                personality: None,
                at_root: false,
                alone: true,
            };
            self.processes.insert(tgid, process);
        }
    }

    /// Returns the descriptors to store, the ranges of those that follow from the log, and the
    /// table to go on with.
    #[expect(clippy::type_complexity, reason = "three values that belong together only here")]
    fn descriptors(
        &mut self,
        at: At,
        known: Option<&Process>,
    ) -> (Vec<FdEntry>, Option<Vec<(i32, i32)>>, Option<Arc<Descriptors>>) {
        if !self.names {
            return (Vec::new(), None, None);
        }
        if let Some(table) = known.and_then(|known| known.descriptors.as_ref()) {
            let kept = table.after_exec();
            let entries = read::descriptors(at.tid, at.tgid, &kept.doubtful);
            let found: Vec<i32> = entries.iter().map(|entry| entry.fd).collect();
            let expected = kept.count + found.len() as u64;
            // The kernel knows how many there are; a different number shows what was overlooked.
            if Dir::count(at.tid).is_none_or(|count| count == expected) {
                let mut table = Arc::clone(table);
                if !table.is_unchanged_by_exec() {
                    Arc::make_mut(&mut table).exec(&found);
                }
                return (entries, Some(kept.ranges), Some(table));
            }
            if let Some(wrong) = &mut self.wrong {
                wrong.push(format!("{}: {expected} descriptors expected", at.tid));
            }
        }
        let entries = read::all_descriptors(at.tid, at.tgid);
        if entries.iter().any(|entry| makes_hidden(&entry.link)) {
            self.stop_following();
        }
        let mut table = Descriptors::new(self.wrong.is_some());
        let followed = entries.iter().all(|entry| {
            let added = table.add(entry.fd, Some(false));
            table.refers_to(entry.fd, FileId { device: entry.dev, inode: entry.ino });
            added
        });
        (entries, None, (followed && at.after_exec).then(|| Arc::new(table)))
    }
}

impl Program {
    fn read(at: At, mappings: &[process::Mapping], served: &mut ServedDevices) -> Program {
        let image = at.image.and_then(|(sp, _)| Image::read(at.tid, sp, mappings));
        let Some(image) = image else {
            return Program {
                exe: process::link(at.tid, "exe"),
                comm: None,
                cmdline: process::file(at.tid, "cmdline"),
                auxv: process::file(at.tid, "auxv"),
                privileges: at.after_exec.then(|| Privileges::of_program(at.tid, served)).flatten(),
                by_handler: true,
            };
        };
        // The mapping with the program's entry point shows its file. A path with a newline is
        // escaped there (proc(5)).
        let entry = image.value(auxv::ENTRY).unwrap_or(0);
        let mapping = mappings
            .iter()
            .find(|map| (map.start..map.end).contains(&entry) && map.path.starts_with(b"/"))
            .filter(|map| !map.path.contains(&b'\\'));
        Program {
            exe: mapping.map_or_else(|| process::link(at.tid, "exe"), |map| map.path.clone()),
            comm: image.comm().map(<[u8]>::to_vec),
            privileges: Privileges::of_program(at.tid, served),
            by_handler: image.value(auxv::EXECFD).is_some(),
            cmdline: image.cmdline,
            auxv: image.auxv,
        }
    }
}
