//! What leads from one call to another: data over pipes and sockets, and wakes of futexes.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use sysreel_inspect::abi::CallKind;
use sysreel_inspect::calls::Call;
use sysreel_inspect::state::OpenFile;
use sysreel_views::sockets;

use crate::row::CallRow;

/// The most things that are remembered at a time. Then all are forgotten.
const MAX: usize = 1 << 16;

/// Operations of futex(2), without `FUTEX_PRIVATE_FLAG` and `FUTEX_CLOCK_REALTIME`.
const FUTEX_OPERATION: u64 = 0x7f;
/// `FUTEX_WAKE`, `FUTEX_REQUEUE`, `FUTEX_CMP_REQUEUE`, `FUTEX_WAKE_OP`, `FUTEX_WAKE_BITSET`.
const FUTEX_WAKES: [u64; 5] = [1, 3, 4, 5, 10];
/// `FUTEX_WAIT`, `FUTEX_WAIT_BITSET`.
const FUTEX_WAITS: [u64; 2] = [0, 9];

const S_IFMT: u32 = 0o170_000;
const S_IFIFO: u32 = 0o010_000;

/// What a call passes something to, or gets something from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Place {
    /// A pipe or FIFO, by device and inode.
    Pipe(u64, u64),
    /// The receiving unix socket, by inode.
    Unix(u64),
    /// A connection: sender and receiver.
    Internet(String, String),
    /// A futex, by process and address.
    Futex(u32, u64),
}

/// The flows that have begun, by where they lead.
#[derive(Debug, Default)]
pub(crate) struct Flows(HashMap<Place, u64, RandomState>);

impl Flows {
    /// Returns the flow that ends with a call: that of the latest call before it that passed
    /// something on to where it got something.
    pub(crate) fn end(&mut self, row: &CallRow<'_>) -> Option<u64> {
        self.0.remove(&place(row, false)?)
    }

    /// Returns the flow that begins with a call, whose number is `id`.
    pub(crate) fn begin(&mut self, row: &CallRow<'_>, id: impl FnOnce() -> u64) -> Option<u64> {
        let place = place(row, true)?;
        if self.0.len() >= MAX {
            self.0.clear();
        }
        let id = id();
        self.0.insert(place, id);
        Some(id)
    }
}

/// Returns where a call passed something on, or else where it got something; `None` if it did
/// neither.
fn place(row: &CallRow<'_>, sends: bool) -> Option<Place> {
    let call = &row.source;
    let result = row.result?;
    if call.row().is_some_and(|row| row.kind == CallKind::Futex) {
        return futex(row, call, sends, result);
    }
    let file = if sends { call.writes() } else { call.reads() };
    let file = file.filter(|_| result > 0)?;
    if file.mode & S_IFMT == S_IFIFO {
        return Some(Place::Pipe(file.id.0, file.id.1));
    }
    if file.is_socket() { socket(&file, sends) } else { None }
}

fn futex(row: &CallRow<'_>, call: &Call<'_>, sends: bool, result: i64) -> Option<Place> {
    let (address, operation) = (call.args().raw(0)?, call.args().raw(1)? & FUTEX_OPERATION);
    let fits = match sends {
        true => FUTEX_WAKES.contains(&operation) && result > 0,
        false => FUTEX_WAITS.contains(&operation) && result == 0,
    };
    fits.then_some(Place::Futex(row.who.pid, address))
}

fn socket(file: &OpenFile, sends: bool) -> Option<Place> {
    let peer = file.likely_peer();
    if peer != 0 {
        return Some(Place::Unix(if sends { peer } else { file.id.1 }));
    }
    let address = |bytes: &std::cell::RefCell<Vec<u8>>| sockets::address(&bytes.borrow());
    let (local, peer) = (address(&file.local)?, address(&file.peer)?);
    Some(if sends { Place::Internet(local, peer) } else { Place::Internet(peer, local) })
}
