//! Files that are mapped so that writes to memory would change them, and cannot be written yet:
//! mprotect(2) may allow that later.

use std::collections::BTreeMap;

use sysreel_inspect::abi::{CallKind, Row, intent};
use sysreel_inspect::calls::Call;
use sysreel_inspect::state::{OpenFile, ProcessId};

use super::touch::{Outcome, Touch, Uses};
use crate::bounded::MAX_ENTRIES;

/// Returns the path of a file, and whether what is written to it changes no file.
pub(super) type Named<'n> = &'n dyn Fn(&OpenFile) -> Option<(Vec<u8>, bool)>;

/// The mappings, by process and start.
#[derive(Debug, Default)]
pub(super) struct Shared {
    mappings: BTreeMap<(ProcessId, u64), Mapping>,
}

#[derive(Clone, Debug)]
struct Mapping {
    end: u64,
    path: Vec<u8>,
    passes_on: bool,
}

impl Shared {
    /// Takes over what a call does to mappings. Adds the files that it makes writable. `named`
    /// returns the path of a file, and whether what is written to it changes none.
    pub(super) fn note(
        &mut self,
        call: &Call<'_>,
        row: &Row,
        named: Named<'_>,
        touches: &mut Vec<Touch>,
    ) {
        let Some(value) = call.ended().value() else { return };
        if row.kind == CallKind::Mmap {
            let args = call.args().registers();
            return self.map(call, row, (value.cast_unsigned(), args), named);
        }
        if self.mappings.is_empty() {
            return;
        }
        let (args, process) = (call.args().registers(), call.process());
        match row.kind {
            CallKind::Exec => _ = self.take(process, (0, u64::MAX)),
            CallKind::Munmap => _ = self.take(process, (args[0], args[1])),
            _ => {
                let Some(range) = intent::makes_writable(row, &args) else { return };
                for Mapping { path, passes_on, .. } in self.take(process, range) {
                    let touch = Touch::new(path, Uses::MAP_WRITE, Outcome::Done);
                    touches.push(Touch { passes_on, ..touch });
                }
            }
        }
    }

    fn map(
        &mut self,
        call: &Call<'_>,
        row: &Row,
        (start, args): (u64, [u64; 6]),
        named: Named<'_>,
    ) {
        let len = row.arg("len").and_then(|at| args.get(at).copied());
        let (Some(abi), Some(len)) = (call.abi(), len) else { return };
        if !self.mappings.is_empty() {
            self.take(call.process(), (start, len));
        }
        let can_write_later = intent::maps_file(abi, row, &args)
            && intent::maps_shared(abi, row, &args)
            && !intent::maps_to_write(abi, row, &args);
        let Some(file) = call.fd("fd").filter(|_| can_write_later) else { return };
        let Some((path, passes_on)) = named(&file) else { return };
        if self.mappings.len() < MAX_ENTRIES {
            let end = start.saturating_add(len);
            self.mappings.insert((call.process(), start), Mapping { end, path, passes_on });
        }
    }

    /// Takes out what is mapped in a range: start and length.
    fn take(&mut self, process: ProcessId, (start, len): (u64, u64)) -> Vec<Mapping> {
        let end = start.saturating_add(len);
        let of_process = self.mappings.range((process, 0)..(process, end));
        let hit: Vec<u64> =
            of_process.filter(|(_, mapping)| mapping.end > start).map(|((_, at), _)| *at).collect();
        let mut taken = Vec::new();
        for at in hit {
            let Some(mapping) = self.mappings.remove(&(process, at)) else { continue };
            if at < start {
                self.mappings.insert((process, at), Mapping { end: start, ..mapping.clone() });
            }
            if mapping.end > end {
                self.mappings.insert((process, end), mapping.clone());
            }
            taken.push(mapping);
        }
        taken
    }
}
