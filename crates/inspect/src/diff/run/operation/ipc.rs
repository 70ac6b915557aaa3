//! IPC objects, and files that are written through memory: what their calls name by a number or an
//! address that another call returned.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;
use sysreel_abi::intent::{self, IPC_PRIVATE, IpcObject};

use super::super::names::{NameId, Names, Sort};
use super::asked;
use super::by_kind::plain;
use super::case::Case;
use super::classified::Operation;
use crate::diff::effect::Op;
use crate::state::ProcessId;
use crate::text;

/// What calls of a run returned that others refer to.
#[derive(Debug, Default)]
pub(super) struct Returned {
    /// The names of System V IPC objects, by kind and id.
    objects: HashMap<(&'static str, u32), NameId, RandomState>,
    /// The ends and the names of files that are mapped shared and writable, by process and
    /// beginning.
    mapped: BTreeMap<(ProcessId, u64), (u64, NameId)>,
}

impl Returned {
    /// Returns the operation of a call that concerns an IPC object or a mapping.
    pub(super) fn operation(&mut self, case: &Case<'_>, names: &mut Names) -> Option<Operation> {
        let call = &case.call;
        if let Some(start) = intent::flushed_mapping(call.abi, call.row, &call.args) {
            let name = self.mapped_at(case, start)?;
            return Some(plain(case, Op::Sync, name));
        }
        let ipc = intent::ipc_call(call.abi, call.row, &call.args)?;
        let kind = ipc.kind;
        let name = match ipc.object {
            IpcObject::Key(IPC_PRIVATE) => format!("{kind}:private"),
            IpcObject::Key(key) => format!("{kind}:{key:#x}"),
            IpcObject::Name => {
                let region = case.finished.open.memory.find(0, call.role, 0)?;
                let bytes = region.bytes(case.buffers, usize::MAX)?;
                format!("{kind}:{}", String::from_utf8_lossy(text::until_nul(&bytes)))
            }
            IpcObject::Id(id) => {
                let other = || names.id(Sort::Word, format!("{kind}:<other>").as_bytes());
                let first = self.objects.get(&(kind, id)).copied().unwrap_or_else(other);
                let second = names.id(Sort::Word, ipc.does.as_bytes());
                return Some(Operation { second, ..plain(case, Op::Ipc, first) });
            }
        };
        let first = names.id(Sort::Text, name.as_bytes());
        if let (IpcObject::Key(_), false) = (ipc.object, case.failed()) {
            let id = u32::try_from(case.finished.outcome.rval).unwrap_or(u32::MAX);
            self.objects.insert((kind, id), first);
        }
        let second = match ipc.flags {
            Some(at) => asked::ipc_flags(case, at, names),
            None => names.id(Sort::Word, ipc.does.as_bytes()),
        };
        Some(Operation { second, ..plain(case, Op::Ipc, first) })
    }

    /// Remembers which file is mapped where.
    pub(super) fn add(&mut self, case: &Case<'_>, name: NameId) {
        let call = &case.call;
        let Ok(start) = u64::try_from(case.finished.outcome.rval) else { return };
        let Some(process) = process(case) else { return };
        let len = call.row.arg("len").and_then(|at| call.args.get(at)).copied().unwrap_or(0);
        self.mapped.insert((process, start), (start.saturating_add(len), name));
    }

    fn mapped_at(&self, case: &Case<'_>, at: u64) -> Option<NameId> {
        let process = process(case)?;
        let before = self.mapped.range((process, 0)..=(process, at)).next_back();
        before.filter(|(_, (end, _))| at < *end).map(|(_, (_, name))| *name)
    }
}

fn process(case: &Case<'_>) -> Option<ProcessId> {
    Some(case.tracker.context(case.finished.task)?.process)
}
