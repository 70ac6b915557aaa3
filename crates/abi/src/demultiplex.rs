//! i386's multiplexers socketcall and ipc. Their first argument selects the call; its arguments are
//! in memory for socketcall, and mostly in registers for ipc.

use std::sync::LazyLock;

use crate::arch::Abi;
use crate::bytes::u32_at;
use crate::consts::unpackaged as u;
use crate::desc::{CallKind, Row};
use crate::number::row_named;
use crate::special::ipc::{SOCKETCALLS, socketcall_words};

/// The call that a multiplexer makes.
#[derive(Clone, Copy, Debug)]
pub struct Demultiplexed {
    /// Its row.
    pub row: &'static Row,
    /// Its arguments, in the order of its row.
    pub args: [u64; 6],
}

/// Returns the call that a multiplexed one makes. `captured` returns the bytes captured for an
/// argument of the outer call with role 0. Returns `None` if the call is not multiplexed, if the
/// sub-call is unknown, or if its arguments were not captured.
///
/// Memory of the inner call is captured under the inner argument's number, one role higher: the
/// buffer of a sendto made through socketcall is region (argument 1, role 1).
#[must_use]
pub fn demultiplex<'m>(
    abi: Abi,
    row: &Row,
    args: &[u64; 6],
    captured: impl Fn(u8) -> Option<&'m [u8]>,
) -> Option<Demultiplexed> {
    if row.kind != CallKind::Multiplexed {
        return None;
    }
    let args = abi.args(args);
    // socketcall has two arguments, ipc six.
    if row.args.len() == 2 { socketcall(&args, captured(1)?) } else { ipc(&args, captured) }
}

fn socketcall(args: &[u64; 6], array: &[u8]) -> Option<Demultiplexed> {
    static ROWS: LazyLock<[Option<&'static Row>; 21]> = LazyLock::new(|| {
        SOCKETCALLS.map(|call| call.and_then(|(name, _)| row_named(Abi::I386, name)))
    });
    let call = usize::try_from(args[0]).ok()?;
    let (row, words) = ((*ROWS.get(call)?)?, socketcall_words(args[0])?);
    let mut inner = [0; 6];
    for (arg, word) in inner.iter_mut().zip(array.chunks_exact(4)).take(words.into()) {
        *arg = u32::from_le_bytes(word.try_into().ok()?).into();
    }
    (array.len() >= usize::from(words) * 4).then_some(Demultiplexed { row, args: inner })
}

/// ipc(call, first, second, third, ptr, fifth), ipc/syscall.c.
fn ipc<'m>(args: &[u64; 6], captured: impl Fn(u8) -> Option<&'m [u8]>) -> Option<Demultiplexed> {
    static ROWS: LazyLock<Vec<(u64, &'static Row)>> = LazyLock::new(|| {
        let named = [
            (u::SEMOP, "semop"),
            (u::SEMGET, "semget"),
            (u::SEMCTL, "semctl"),
            (u::SEMTIMEDOP, "semtimedop"),
            (u::MSGSND, "msgsnd"),
            (u::MSGRCV, "msgrcv"),
            (u::MSGGET, "msgget"),
            (u::MSGCTL, "msgctl"),
            (u::SHMAT, "shmat"),
            (u::SHMDT, "shmdt"),
            (u::SHMGET, "shmget"),
            (u::SHMCTL, "shmctl"),
        ];
        named.iter().filter_map(|(call, name)| Some((*call, row_named(Abi::I386, name)?))).collect()
    });
    let [call, first, second, third, ptr, fifth] = *args;
    let (sub, version) = (call & 0xffff, call >> 16);
    let row = ROWS.iter().find(|(number, _)| *number == sub)?.1;
    let word = |at| u32_at(captured(4)?, at).map(u64::from);
    let args = match sub {
        u::SEMOP => [first, ptr, second, 0, 0, 0],
        u::SEMTIMEDOP => [first, ptr, second, fifth, 0, 0],
        // ptr points to a union. If the kernel cannot read it, the call fails.
        u::SEMCTL => [first, second, third, word(0).unwrap_or(ptr), 0, 0],
        u::MSGSND => [first, ptr, second, third, 0, 0],
        // Version 0 passes pointer and type in a structure.
        u::MSGRCV if version == 0 => [first, word(0)?, second, word(4)?, third, 0],
        u::MSGRCV => [first, ptr, second, fifth, third, 0],
        u::MSGCTL | u::SHMCTL => [first, second, ptr, 0, 0, 0],
        u::SHMAT => [first, ptr, second, 0, 0, 0],
        u::SHMDT => [ptr, 0, 0, 0, 0, 0],
        _ => [first, second, third, 0, 0, 0],
    };
    Some(Demultiplexed { row, args })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sub_call_has_a_row() {
        let outer = row_named(Abi::I386, "socketcall").unwrap();
        let array: Vec<u8> = (1u32..=6).flat_map(u32::to_le_bytes).collect();
        for call in 1..=20 {
            let inner =
                demultiplex(Abi::I386, outer, &[call, 0x1000, 0, 0, 0, 0], |_| Some(&array))
                    .unwrap();
            let words = usize::from(socketcall_words(call).unwrap());
            assert!(inner.row.args.len() >= words, "{}", inner.row.name);
            assert_eq!(inner.args[words - 1], words as u64);
        }
        assert!(demultiplex(Abi::I386, outer, &[21, 1, 0, 0, 0, 0], |_| Some(&array)).is_none());
        assert!(
            demultiplex(Abi::I386, outer, &[11, 1, 0, 0, 0, 0], |_| Some(&array[..20])).is_none()
        );
        let ipc = row_named(Abi::I386, "ipc").unwrap();
        for call in [1, 2, 3, 4, 11, 12, 13, 14, 21, 22, 23, 24] {
            assert!(
                demultiplex(Abi::I386, ipc, &[call, 1, 2, 3, 4, 5], |_| Some(&array)).is_some(),
                "{call}"
            );
        }
    }
}
