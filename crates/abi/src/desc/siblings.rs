//! Resolves, at compile time, the arguments that a row names as the lengths of others.

use super::{Arg, ArgKind, Count, Len, Makes, Mem, Sibling, Spec, When};

/// Returns the arguments of a row with their siblings resolved.
pub(crate) const fn resolve<const N: usize>(specs: &[(&'static str, Spec); N]) -> [Arg; N] {
    assert!(N <= 6, "a system call has at most six arguments");
    let mut args = [Arg { name: "", kind: ArgKind::Int, mem: None }; N];
    let mut i = 0;
    while i < N {
        let (name, spec) = specs[i];
        let mem = match spec.mem {
            Some(mem) => {
                let when = match mem.when {
                    When::UnlessEmpty(s) => When::UnlessEmpty(find(s, specs)),
                    other => other,
                };
                Some(Mem { len: resolve_len(mem.len, specs), when, ..mem })
            }
            None => None,
        };
        args[i] = Arg { name: plain(name), kind: spec.kind, mem };
        i += 1;
    }
    args
}

/// Returns what a row makes with its sibling resolved.
pub(crate) const fn resolve_makes<const N: usize>(
    makes: Makes,
    specs: &[(&'static str, Spec); N],
) -> Makes {
    match makes {
        Makes::Pair(s) => Makes::Pair(find(s, specs)),
        other => other,
    }
}

/// Returns a name without the `r#` of a raw identifier.
pub(crate) const fn plain(name: &'static str) -> &'static str {
    match name.as_bytes() {
        [b'r', b'#', ..] => name.split_at(2).1,
        _ => name,
    }
}

const fn resolve_len<const N: usize>(len: Len, specs: &[(&'static str, Spec); N]) -> Len {
    match len {
        Len::Arg { count, each } => Len::Arg { count: find(count, specs), each },
        Len::Ret { each, cap: Some(s) } => Len::Ret { each, cap: Some(find(s, specs)) },
        Len::Deref { count, each } => Len::Deref { count: find(count, specs), each },
        Len::Bits(s) => Len::Bits(find(s, specs)),
        Len::Iov { count, total } => Len::Iov { count: find(count, specs), total },
        Len::Msg { many: Some(s) } => Len::Msg { many: Some(find(s, specs)) },
        Len::CloneArgs(s) => Len::CloneArgs(find(s, specs)),
        Len::Iocbs(s) => Len::Iocbs(find(s, specs)),
        Len::XattrArgs(s) => Len::XattrArgs(find(s, specs)),
        Len::MsgBuf(s) => Len::MsgBuf(find(s, specs)),
        Len::Pages(s) => Len::Pages(find(s, specs)),
        Len::Nodes(s) => Len::Nodes(find(s, specs)),
        Len::CapData(s) => Len::CapData(find(s, specs)),
        Len::PointerFields { count: Count::Arg(s), each, pointers } => {
            Len::PointerFields { count: Count::Arg(find(s, specs)), each, pointers }
        }
        other => other,
    }
}

const fn find<const N: usize>(wanted: Sibling, specs: &[(&'static str, Spec); N]) -> Sibling {
    let mut i = 0;
    let mut index = 0;
    while i < N {
        if str_eq(plain(specs[i].0), wanted.name) {
            return Sibling { name: wanted.name, index };
        }
        i += 1;
        index += 1;
    }
    panic!("the row names an argument that it does not have")
}

/// As `a == b`, which is not const.
pub(crate) const fn str_eq(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}
