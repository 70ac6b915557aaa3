//! Makes all names canonical at the end of the pass.

use std::path::Path;

use sysreel_format::{Completeness, FileMeta};

use super::super::canonical;
use super::super::flags;
use super::super::names::NameId;
use super::super::roots::Roots;
use super::super::{Environment, Image, Mark, Process, Run};
use super::{RawImage, RunBuilder};
use crate::Findings;
use crate::diff::name::escaped;

impl RunBuilder {
    pub(super) fn finish(
        mut self,
        path: &Path,
        meta: &FileMeta,
        completeness: Completeness,
        findings: Findings,
    ) -> Run {
        self.add_derived_effects();
        std::mem::take(&mut self.unfinished).add_to(&mut self.operations);
        let names = canonical::canonical_names(&self.names, &self.local_ids, &self.roots);
        let value = |id: NameId| {
            let name = usize::try_from(id.0).ok().and_then(|at| names.get(at));
            name.cloned().unwrap_or_default()
        };
        let name = |id: NameId| value(id).to_string();
        let image = |image: RawImage| {
            let argv = image.argv.iter().map(|word| argument(word, &self.roots)).collect();
            Image { role: name(image.role), argv, event: image.event, state: image.state }
        };
        let processes = self.processes.into_iter().map(|process| Process {
            parent: process.parent,
            event: process.event,
            images: process.images.into_iter().map(image).collect(),
            inherited: name(process.inherited),
            threads: process.threads,
            end: process.end,
            gone: process.gone,
        });
        Run {
            path: path.to_path_buf(),
            environment: Environment {
                machine: String::from_utf8_lossy(&meta.machine).into_owned(),
                kernel: String::from_utf8_lossy(&meta.release).into_owned(),
                libc: self.libc,
            },
            completeness,
            findings,
            processes: processes.collect(),
            marks: self
                .marks
                .iter()
                .map(|(id, event, process)| Mark {
                    name: name(*id),
                    event: *event,
                    process: *process,
                })
                .collect(),
            counted_only: self.counted_only,
            calls: self.calls,
            leads: self.leads.iter().map(|(from, to)| (value(*from), value(*to))).collect(),
            loaded: self.loaded.into_iter().collect(),
            created: self.created,
            given: self.given,
            users: self.users,
            tasks: self.tasks,
            ports: self.local_ids.ports.iter().copied().collect(),
            clock: clock(meta, self.last_ns),
            roots: self.roots,
            operations: self.operations,
            streams: self.streams.with_details(self.details.texts),
            timing: self.timing,
            matching: self.matching.finish(),
            names,
        }
    }
}

impl RunBuilder {
    /// Adds the effects that no single call shows.
    fn add_derived_effects(&mut self) {
        let derived = [
            std::mem::take(&mut self.durability).effects(&mut self.names),
            std::mem::take(&mut self.locking).effects(&mut self.names),
            flags::effects(&self.operations, &mut self.names),
        ];
        for (actor, operation, event) in derived.into_iter().flatten() {
            let seen = self.operations.entry((actor, operation)).or_insert((0, event));
            (seen.0, seen.1) = (seen.0.saturating_add(1), seen.1.min(event));
        }
    }
}

/// Returns when a run began and ended, in nanoseconds since 1970. `last`: the time of its last
/// event (CLOCK_MONOTONIC).
fn clock(meta: &FileMeta, last: u64) -> Option<(u64, u64)> {
    let took = last.saturating_sub(meta.monotonic_ns);
    let start = meta.realtime_ns;
    (start > 0).then(|| (start, start.saturating_add(took)))
}

/// Formats an argument with roots replaced.
fn argument(word: &[u8], roots: &Roots) -> String {
    let mut out = Vec::with_capacity(word.len());
    roots.in_text(word, &mut out);
    escaped(&out)
}
