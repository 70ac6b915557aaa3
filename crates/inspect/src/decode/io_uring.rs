//! io_uring: the parameters of a ring (linux/io_uring.h).

use sysreel_abi::consts::ipc as c;

use super::chunk::Chunk;
use super::fields::Fields;
use super::out::member;
use super::shape::{self, Shape, Typed};
use super::view::View;
use Shape::*;

const U32: Shape = Number(4);

/// What the caller chooses, and what the kernel answers.
const GIVEN: &[Typed] = &[
    ("", U32),
    ("", U32),
    ("flags", Flags(4, &c::URING_SETUP)),
    ("sq_thread_cpu", Hex(4)),
    ("sq_thread_idle", U32),
];
const ANSWER: &[Typed] = &[
    ("sq_entries", U32),
    ("cq_entries", U32),
    ("", Sequence(&U32, 3)),
    ("features", Flags(4, &c::URING_FEATURE)),
    ("", Sequence(&U32, 4)),
    ("sq_off", Typed(SUBMISSIONS)),
    ("cq_off", Typed(COMPLETIONS)),
];
const SUBMISSIONS: &[Typed] = &[
    ("head", U32),
    ("tail", U32),
    ("ring_mask", U32),
    ("ring_entries", U32),
    ("flags", U32),
    ("dropped", U32),
    ("array", U32),
    ("_resv1", Hex(4)),
    ("_user_addr", Hex(8)),
];
const COMPLETIONS: &[Typed] = &[
    ("head", U32),
    ("tail", U32),
    ("ring_mask", U32),
    ("ring_entries", U32),
    ("overflow", U32),
    ("cqes", U32),
    ("flags", U32),
    ("_resv1", Hex(4)),
    ("_user_addr", Hex(8)),
];

/// Writes a `struct io_uring_params`.
pub(super) fn parameters(view: &View<'_>, bytes: &[u8], out: &mut String) {
    /// IORING_SETUP_ATTACH_WQ: the ring shares the workers of another one.
    const ATTACHED: u64 = 0x20;
    let chunk = Chunk::whole(0, bytes);
    let f = Fields::new(view.abi, bytes);
    shape::write(view, 0, Typed(GIVEN), chunk, out);
    out.pop();
    if f.u32(8) & ATTACHED != 0 {
        member(out, "wq_fd");
        shape::write(view, 0, Fd, chunk.from(24), out);
    }
    if bytes.iter().skip(28).take(12).any(|byte| *byte != 0) {
        member(out, "resv");
        shape::write(view, 0, Sequence(&Hex(4), 3), chunk.from(28), out);
    }
    if view.outcome.is_some_and(|outcome| !outcome.failed()) {
        let mut answer = String::new();
        shape::write(view, 0, Typed(ANSWER), chunk, &mut answer);
        out.push_str(", ");
        out.push_str(answer.trim_start_matches('{'));
    } else {
        out.push('}');
    }
}
