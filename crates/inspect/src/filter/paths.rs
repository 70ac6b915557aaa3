//! The paths of a call, and what a log may lack of them.

use sysreel_abi::ArgKind;
use sysreel_abi::filter::{Field, Known, Value};
use sysreel_format::Completeness;

use super::call::CallFacts;
use super::fields::Each;

impl CallFacts<'_, '_> {
    /// Whether the log has no memory: neither strings nor buffers nor structures.
    pub(super) fn lacks_memory(&self) -> bool {
        self.context.completeness.contains(Completeness::STRUCTS_ONLY)
    }

    /// Whether the log lacks the calls that change directories.
    fn lacks_directories(&self) -> bool {
        let without = Completeness::NO_NAMES.with(Completeness::FILTERED);
        self.context.completeness.contains(without)
    }

    /// Whether an argument that is not null points to memory of such a kind.
    pub(super) fn points_to(&self, is_meant: impl Fn(ArgKind) -> bool) -> bool {
        let args = self.call.row().map_or(&[][..], |row| row.args).iter().enumerate();
        args.into_iter().any(|(at, arg)| {
            arg.mem.is_some() && is_meant(arg.kind) && self.call.args().raw(at) != Some(0)
        })
    }

    pub(super) fn paths(&self, each: &mut Each<'_>) -> Known {
        let is_path = |kind| matches!(kind, ArgKind::Path);
        let mut known = match self.lacks_memory() && self.points_to(is_path) {
            true => Known::No,
            false => Known::Yes,
        };
        for path in self.call.paths() {
            let full = path.full();
            // The working directory of the first program is known once it runs.
            let has_root = full.first() == Some(&b'/');
            let is_relative = !path.written().starts_with(b"/");
            if path.is_cut()
                || self.may_change_program() && !has_root
                || is_relative && self.lacks_directories()
            {
                known = Known::No;
            } else if !full.is_empty() && each(Value::Text(&full)).is_break() {
                return Known::Yes;
            }
        }
        if self.files(Field::Path, each) == Known::Yes { known } else { Known::No }
    }

    /// Passes paths as the program wrote them.
    pub(super) fn written_paths(&self, each: &mut Each<'_>) -> Known {
        if self.lacks_memory() && self.points_to(|kind| matches!(kind, ArgKind::Path)) {
            return Known::No;
        }
        let mut known = Known::Yes;
        for path in self.call.paths() {
            let value = if path.is_cut() {
                known = Known::No;
                Value::Cut(path.written())
            } else {
                Value::Text(path.written())
            };
            if each(value).is_break() {
                return Known::Yes;
            }
        }
        known
    }
}
