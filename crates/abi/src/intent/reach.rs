//! Flags that decide which file a call reaches by a path, and what it may replace there.

use linux_raw_sys::general as g;

use super::opening::{Opening, opening};
use crate::arch::Abi;
use crate::bytes::u64_at;
use crate::consts::open;
use crate::desc::{CallKind, Row};
use crate::render::constant;

/// How a path may be resolved (openat2(2)).
const RESOLVE: [(u32, &str); 6] = [
    (g::RESOLVE_BENEATH, "RESOLVE_BENEATH"),
    (g::RESOLVE_IN_ROOT, "RESOLVE_IN_ROOT"),
    (g::RESOLVE_NO_SYMLINKS, "RESOLVE_NO_SYMLINKS"),
    (g::RESOLVE_NO_MAGICLINKS, "RESOLVE_NO_MAGICLINKS"),
    (g::RESOLVE_NO_XDEV, "RESOLVE_NO_XDEV"),
    (g::RESOLVE_CACHED, "RESOLVE_CACHED"),
];

/// What may become of the file at the new name (rename(2)).
const RENAME: [(u32, &str); 3] = [
    (g::RENAME_NOREPLACE, "RENAME_NOREPLACE"),
    (g::RENAME_EXCHANGE, "RENAME_EXCHANGE"),
    (g::RENAME_WHITEOUT, "RENAME_WHITEOUT"),
];

/// Returns the names of the flags of a call that decide which file it reaches, and whether it may
/// replace one. `structure` is as for [`opening`].
pub fn reaching_flags<'m>(
    abi: Abi,
    row: &Row,
    args: &[u64; 6],
    structure: impl Fn(u8) -> Option<&'m [u8]>,
) -> Vec<&'static str> {
    let flags = || {
        let at = ["flags", "flag", "at_flags"].iter().find_map(|name| row.arg(name));
        at.and_then(|at| abi.args(args).get(at).copied()).unwrap_or(0)
    };
    let named = |names: &[(u32, &'static str)], bits: u64| {
        names
            .iter()
            .filter(|(bit, _)| bits & u64::from(*bit) != 0)
            .map(|(_, name)| *name)
            .collect::<Vec<_>>()
    };
    let at_flag = |name: &'static str| {
        let set = constant(abi, &open::AT, name).is_some_and(|bit| flags() & bit != 0);
        if set { vec![name] } else { Vec::new() }
    };
    match row.kind {
        CallKind::Open => {
            let how = row.arg("how").and_then(|at| u8::try_from(at).ok()).and_then(&structure);
            let resolve = how.and_then(|how| u64_at(how, 16)).unwrap_or(0);
            let opening = opening(abi, row, args, &structure);
            let no_follow = opening.is_some_and(Opening::stays_off_links);
            let mut names = if no_follow { vec!["O_NOFOLLOW"] } else { Vec::new() };
            names.extend(named(&RESOLVE, resolve));
            names
        }
        CallKind::Rename => named(&RENAME, flags()),
        CallKind::Link => at_flag("AT_SYMLINK_FOLLOW"),
        CallKind::Chown if row.name.starts_with('l') => vec!["AT_SYMLINK_NOFOLLOW"],
        CallKind::Chown | CallKind::Chmod => at_flag("AT_SYMLINK_NOFOLLOW"),
        _ => Vec::new(),
    }
}

/// Whether a flag of [`reaching_flags`] keeps a call from files that it must not reach or replace.
#[must_use]
pub fn is_guard(flag: &str) -> bool {
    matches!(flag, "O_NOFOLLOW" | "AT_SYMLINK_NOFOLLOW" | "RENAME_NOREPLACE")
        || flag.starts_with("RESOLVE_") && flag != "RESOLVE_CACHED"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::row_named;

    #[test]
    fn flags_are_those_that_decide_what_is_reached() {
        let of = |name: &str, args: [u64; 6], structure: &'static [u8]| {
            let row = row_named(Abi::X86_64, name).unwrap();
            reaching_flags(Abi::X86_64, row, &args, |_| Some(structure)).join("|")
        };
        let open = |flags: u32| of("openat", [0, 1, flags.into(), 0, 0, 0], b"");
        assert_eq!(open(g::O_NOFOLLOW | g::O_CLOEXEC), "O_NOFOLLOW");
        assert_eq!(open(g::O_CREAT), "");
        let beneath: &[u8] =
            &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(of("openat2", [0, 1, 1, 24, 0, 0], beneath), "RESOLVE_BENEATH");
        assert_eq!(of("renameat2", [0, 1, 0, 1, 1, 0], b""), "RENAME_NOREPLACE");
        assert_eq!(of("rename", [1, 1, 0, 0, 0, 0], b""), "");
        assert_eq!(of("lchown", [1, 0, 0, 0, 0, 0], b""), "AT_SYMLINK_NOFOLLOW");
        assert_eq!(of("linkat", [0, 1, 0, 1, 0x400, 0], b""), "AT_SYMLINK_FOLLOW");
        assert!(is_guard("RESOLVE_BENEATH") && !is_guard("AT_SYMLINK_FOLLOW"));
    }
}
