//! Dumps of what was read from and written to chosen descriptors, under the line of the call.

use sysreel_abi::plan::index;
use sysreel_abi::{ArgKind, CallKind, Dir, Layout};

use super::printer::Printer;
use crate::calls::Call;
use crate::decode::{Fields, View};
use crate::regions::RegionView;
use crate::text;

/// The bytes of a line.
const LINE: usize = 16;

impl Printer<'_> {
    /// Writes what a call that succeeded has moved, if its descriptor is chosen.
    pub(super) fn dump(&mut self, call: &Call<'_>) {
        let Self { lines, options, lost, style, .. } = self;
        if options.dump_read.is_empty() && options.dump_write.is_empty() {
            return;
        }
        let Some(view) = call.view(style, lost) else { return };
        let Some(outcome) = view.outcome else { return };
        let (chosen, dir) = match view.row.kind {
            CallKind::Read | CallKind::Receive => (&options.dump_read, Dir::Out),
            CallKind::Write | CallKind::Send => (&options.dump_write, Dir::In),
            // Messages of POSIX queues.
            _ => match view.row.arg("u_msg_ptr").map(|i| view.meaning(i).1) {
                Some(Some(mem)) if mem.dir == Dir::Out => (&options.dump_read, Dir::Out),
                Some(Some(_)) => (&options.dump_write, Dir::In),
                _ => return,
            },
        };
        // What was to be written is known even if it was not.
        if dir == Dir::Out && outcome.failed() {
            return;
        }
        let fd = u32::try_from(view.arg(0) & 0xffff_ffff).unwrap_or(u32::MAX).cast_signed();
        if !chosen.contains(fd) || !matches!(view.row.args[0].kind, ArgKind::Fd) {
            return;
        }
        let of_queue = view.row.arg("u_msg_ptr");
        let moved = outcome.rval.cast_unsigned();
        let buffers = view.row.args.iter().enumerate();
        for (i, arg) in buffers.filter(|(_, arg)| arg.mem.is_some()) {
            match arg.kind {
                ArgKind::Buf if Some(i) == of_queue || of_queue.is_none() => {
                    if let Some(region) = view.region(i, dir) {
                        dump_region(&view, &region, u64::MAX, &mut lines.text);
                    }
                }
                // Where they end is in the result.
                ArgKind::Iovec | ArgKind::Msg if outcome.failed() => {}
                ArgKind::Iovec => vector(&view, i, 1, (0, u32::MAX), (dir, moved), &mut lines.text),
                ArgKind::Msg => vector(&view, i, 2, (0, u32::MAX), (dir, moved), &mut lines.text),
                ArgKind::Mmsg => messages(&view, i, (dir, moved), &mut lines.text),
                _ => {}
            }
        }
    }
}

/// Writes the buffers of an array of `iovec`, `role` levels below the argument.
fn vector(
    view: &View<'_>,
    i: usize,
    role: u8,
    (first, count): (u32, u32),
    (dir, moved): (Dir, u64),
    out: &mut String,
) {
    let mut left = if dir == Dir::In { u64::MAX } else { moved };
    for n in 0..count {
        let Some(region) = view.nested(i, role, first.saturating_add(n), dir) else { return };
        let len = region.head.asked.min(left);
        if len == 0 && dir == Dir::Out {
            return;
        }
        left -= len;
        out.push_str(" * ");
        text::dec(out, len);
        out.push_str(" bytes in buffer ");
        text::dec(out, n.into());
        out.push('\n');
        dump_region(view, &region, len, out);
    }
}

/// Writes the buffers of the messages that were moved.
fn messages(view: &View<'_>, i: usize, (dir, moved): (Dir, u64), out: &mut String) {
    let Some(array) = view.region(i, Dir::InOut).and_then(|array| view.bytes(&array, usize::MAX))
    else {
        return;
    };
    let size = |layout: Layout| usize::try_from(layout.size(view.abi)).unwrap_or(usize::MAX);
    let all = array.chunks_exact(size(Layout::MmsgHdr));
    for (n, one) in (0..).zip(all.take(usize::try_from(moved).unwrap_or(0))) {
        let f = Fields::new(view.abi, one);
        let count = u32::try_from(f.ulong(3)).unwrap_or(u32::MAX);
        out.push_str(" = ");
        text::dec(out, count.into());
        out.push_str(" buffers in vector ");
        text::dec(out, n.into());
        out.push('\n');
        let length = f.u32(size(Layout::MsgHdr));
        vector(view, i, 2, (index(n, 0), count), (dir, length), out);
    }
}

fn dump_region(view: &View<'_>, region: &RegionView<'_>, limit: u64, out: &mut String) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let Some(bytes) = view.bytes(region, limit) else { return };
    dump_bytes(bytes.get(..limit).unwrap_or(&bytes), out);
}

/// Writes lines of 16 bytes: their offset, their hexadecimal digits and their characters.
fn dump_bytes(bytes: &[u8], out: &mut String) {
    let digits = format!("{:x}", bytes.len().saturating_sub(1)).len().max(5);
    for (n, line) in bytes.chunks(LINE).enumerate() {
        out.push_str(" | ");
        out.push_str(&format!("{:0digits$x} ", n * LINE));
        for at in 0..LINE {
            out.push_str(if at % 8 == 0 { " " } else { "" });
            match line.get(at) {
                Some(byte) => text::bytes(out, &[*byte]),
                None => out.push_str("  "),
            }
            out.push(' ');
        }
        out.push(' ');
        let shown = |byte: &u8| if matches!(byte, b' '..=b'~') { char::from(*byte) } else { '.' };
        out.extend(line.iter().map(shown));
        out.extend(std::iter::repeat_n(' ', LINE - line.len()));
        out.push_str(" |\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_sixteen_bytes() {
        let mut out = String::new();
        dump_bytes(b"0123456789abcdef\n\xff", &mut out);
        let lines = [
            " | 00000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  0123456789abcdef |\n",
            " | 00010  0a ff                                             ..               |\n",
        ];
        assert_eq!(out, lines.concat());
    }
}
