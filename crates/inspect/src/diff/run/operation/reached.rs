//! How a call reaches the file that its path names.

use sysreel_abi::{CallKind, intent};

use super::super::names::{NameId, Names, Sort};
use super::case::{Case, file_name};
use crate::text;

/// Returns the name for the flags that decide which file a call reaches or replaces; none if it has
/// none.
pub(super) fn flags(case: &Case<'_>, names: &mut Names) -> NameId {
    let call = &case.call;
    if !matches!(
        call.row.kind,
        CallKind::Open | CallKind::Rename | CallKind::Link | CallKind::Chown | CallKind::Chmod
    ) {
        return NameId::default();
    }
    let structure =
        |arg| case.finished.open.memory.find(arg, call.role, 0).and_then(|region| region.inline());
    let flags = intent::reaching_flags(call.abi, call.row, &call.args, structure);
    if flags.is_empty() {
        return NameId::default();
    }
    names.id(Sort::Word, flags.join(",").as_bytes())
}

/// Returns the name of the file that a call links by its descriptor, as a file without a name must
/// be: `/proc/self/fd/N`, or an empty path.
pub(super) fn linked_descriptor(case: &Case<'_>, names: &mut Names) -> Option<NameId> {
    let call = &case.call;
    let at = call.row.arg("oldname").and_then(|at| u8::try_from(at).ok())?;
    let region = case.finished.open.memory.find(at, call.role, 0)?;
    let bytes = region.bytes(case.buffers, usize::MAX)?;
    let path = text::until_nul(&bytes);
    let file = match path {
        b"" => case.file(call.row.arg("olddfd")?)?,
        path => {
            let number = path.strip_prefix(b"/proc/self/fd/")?;
            let number = std::str::from_utf8(number).ok()?.parse().ok()?;
            case.argument_file(number)?
        }
    };
    Some(file_name(&file, names))
}
