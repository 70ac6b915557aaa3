//! Structures of which a table has the types of the members. Sizes and offsets are those that C gives
//! them in the ABI of the call, so one table serves programs of 32 and of 64 bits.

use sysreel_abi::Abi;

use super::super::chunk::Chunk;
use super::super::out::member;
use super::super::view::View;
use super::kind::{Shape, Typed};
use super::write::write as write_value;

/// Returns the size of a structure.
pub(super) fn size(abi: Abi, members: &[Typed]) -> usize {
    let end = members.iter().fold(0, |at, (_, form)| {
        at_next(abi, at, *form).saturating_add(form.size(abi).unwrap_or(0))
    });
    end.next_multiple_of(all(abi, members))
}

fn all(abi: Abi, members: &[Typed]) -> usize {
    members.iter().map(|(_, form)| alignment(abi, *form)).max().unwrap_or(1)
}

fn at_next(abi: Abi, at: usize, form: Shape) -> usize {
    at.next_multiple_of(alignment(abi, form))
}

/// Returns the alignment of a value: that of its size, but i386 aligns 64 bits as 32.
fn alignment(abi: Abi, form: Shape) -> usize {
    let most = if abi == Abi::I386 { 4 } else { 8 };
    match form {
        Shape::Typed(members) => all(abi, members),
        Shape::Sequence(form, _) | Shape::Array(form) | Shape::Counted(form, ..) => {
            alignment(abi, *form)
        }
        Shape::Written(_, alignment, _) => alignment.min(most),
        Shape::Members(_) => 1,
        Shape::FixedText(_) | Shape::Quoted(_) | Shape::Octets(_) | Shape::Padding(_) => 1,
        form => match form.size(abi) {
            Some(size @ (1 | 2 | 4 | 8)) => size.min(most),
            _ => 1,
        },
    }
}

/// Writes a structure. Reserved members are shown unless they are 0.
pub(super) fn write(
    view: &View<'_>,
    family: u64,
    members: &[Typed],
    chunk: Chunk<'_>,
    out: &mut String,
) {
    out.push('{');
    let mut at = 0;
    for (name, form) in members {
        at = at_next(view.abi, at, *form);
        let one = chunk.from(at);
        let size = form.size(view.abi).unwrap_or(one.len);
        at = at.saturating_add(size);
        if *name == "..." {
            if !view.options.verbose {
                out.push_str(", ...");
                break;
            }
            continue;
        }
        let is_reserved = name.starts_with('_');
        if name.is_empty() || is_reserved && one.bytes.iter().take(size).all(|byte| *byte == 0) {
            continue;
        }
        if one.len < size {
            break;
        }
        member(out, name.trim_start_matches('_'));
        write_value(view, family, *form, one.first(size), out);
    }
    out.push('}');
}
