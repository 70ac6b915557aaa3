//! Checks snapshots: reads everything that the recorder has not asked the kernel for, and compares.

use super::descriptors::Descriptors;
use super::{At, Snapshots, read};
use std::fmt::Debug;
use sysreel_format::{FdEntry, ProcessSnapshot, is_kept};
use sysreel_sys::process::{self, FileId};

impl Snapshots {
    /// Compares a snapshot with the kernel's answers. `table` has the descriptors as followed.
    pub(super) fn check(
        &mut self,
        at: At,
        snapshot: &ProcessSnapshot,
        table: Option<&Descriptors>,
    ) {
        let tid = at.tid;
        let status = read::status(tid);
        let mut wrong = Vec::new();
        let mut compare = |what: &str, ours: &dyn Debug, kernels: &dyn Debug| {
            let (ours, kernels) = (format!("{ours:?}"), format!("{kernels:?}"));
            if ours != kernels {
                wrong.push(format!("{tid}: {what} is {kernels}, not {ours}"));
            }
        };
        compare("exe", &snapshot.exe, &process::link(tid, "exe"));
        compare("root", &snapshot.root, &process::link(tid, "root"));
        compare("comm", &snapshot.comm, &status.comm);
        let cmdline = process::file(tid, "cmdline");
        compare("cmdline", &snapshot.cmdline, &read::arguments(&cmdline));
        compare("auxv", &snapshot.auxv, &process::file(tid, "auxv"));
        compare("umask", &snapshot.umask, &status.umask);
        let held =
            status.held.map(|held| (Some(held.credentials), held.no_new_privs, held.seccomp));
        let ours = (snapshot.credentials.clone(), snapshot.no_new_privs, snapshot.seccomp);
        compare("what it holds", &ours, &held.unwrap_or_default());
        let ours = (snapshot.sig_blocked, snapshot.sig_ignored, snapshot.sig_caught);
        compare(
            "what it does with signals",
            &ours,
            &(status.blocked, status.ignored, status.caught),
        );
        compare("personality", &snapshot.personality, &read::personality(tid));
        let namespaces: Vec<(Vec<u8>, u64)> =
            process::namespaces(tid).into_iter().map(|(n, i)| (n.into_bytes(), i)).collect();
        compare("namespaces", &snapshot.namespaces, &namespaces);
        if let (Some(kept), Some(table)) = (&snapshot.kept, table) {
            let found = read::all_descriptors(tid, at.tgid);
            let stored = |fd: &i32| snapshot.fds.iter().any(|entry| entry.fd == *fd);
            let numbers = |entries: &[FdEntry]| entries.iter().map(|entry| entry.fd).collect();
            let open: Vec<i32> = numbers(&found);
            let last = kept.last().map_or(-1, |(_, last)| *last);
            let highest = open.iter().chain(&numbers(&snapshot.fds)).copied().max().unwrap_or(-1);
            let ours: Vec<i32> =
                (0..=highest.max(last)).filter(|fd| is_kept(kept, *fd) || stored(fd)).collect();
            compare("the list of descriptors", &ours, &open);
            for entry in found.iter().filter(|entry| is_kept(kept, entry.fd)) {
                let file = Some(FileId { device: entry.dev, inode: entry.ino });
                compare(&format!("descriptor {}", entry.fd), &table.file(entry.fd), &file);
            }
        }
        if let Some(all) = &mut self.wrong {
            all.append(&mut wrong);
        }
    }
}
