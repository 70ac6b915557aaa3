//! Moves a thread out of the page or a stub, to where it would be without them.

use super::layout as l;
use super::page::Place;
use super::{PAGE, Rings, STUB_AFTER, STUB_DESCRIPTION, Stub};
use crate::Registers;

/// Where a thread is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inside {
    /// In the code of the page.
    Page,
    /// In a stub.
    Stub(Stub),
}

/// What was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// The call is not made: the thread is at the call site.
    Before,
    /// The call is made, and its record is complete.
    After,
    /// The call is made with this result, and its record is to be completed.
    Unrecorded {
        /// The value in the result register.
        result: u64,
    },
}

/// Whether an instruction pointer is in the code of the page.
pub(super) fn is_in_code(ip: u64) -> bool {
    (PAGE..Place::End.address()).contains(&ip)
}

/// The result with which the kernel restarts a call: -ERESTARTSYS to -ERESTART_RESTARTBLOCK
/// (include/linux/errno.h).
fn is_restart(result: u64) -> bool {
    (-516..=-512).contains(&result.cast_signed())
}

impl Inside {
    /// Whether an instruction pointer is in the code of the page.
    pub fn page(ip: u64) -> Option<Inside> {
        is_in_code(ip).then_some(Inside::Page)
    }

    /// Changes the registers to those that the thread would have without page and stub. `stub`
    /// finds a stub by an address in it. `block`: rings and slot of the thread. `None` when the
    /// state makes no sense.
    pub fn leave(
        self,
        registers: &mut Registers,
        block: Option<(&Rings, u64)>,
        stub: impl Fn(u64) -> Option<Stub>,
    ) -> Option<Left> {
        match self {
            Inside::Stub(stub) => {
                let after = registers.ip() >= stub.at + STUB_AFTER
                    && registers.ip() < stub.at + STUB_DESCRIPTION;
                registers.set_ip(if after { stub.after() } else { stub.site });
                registers.set_clobbered_ip(stub.after());
                Some(if after { Left::After } else { Left::Before })
            }
            Inside::Page => leave_page(registers, block, stub),
        }
    }
}

fn leave_page(
    registers: &mut Registers,
    block: Option<(&Rings, u64)>,
    stub: impl Fn(u64) -> Option<Stub>,
) -> Option<Left> {
    let ip = registers.ip();
    let word = |at| block.map(|(rings, slot)| rings.get(slot, at));
    let phase = word(l::PHASE).unwrap_or(l::OUTSIDE);
    if phase == l::OUTSIDE {
        if ip == Place::Done.address() {
            registers.set_ip(word(l::RETURN)?);
            return Some(Left::After);
        }
        let stub = stub(registers.description())?;
        registers.set_ip(stub.site);
        return Some(Left::Before);
    }
    let (rings, slot) = block?;
    let get = |at| rings.get(slot, at);
    let args: [u64; 6] = std::array::from_fn(|i| get(l::ARGS + 8 * i as u64));
    registers.set_arguments(args);
    registers.set_sp(get(l::SP));
    if !(Place::Hook.address()..=Place::Flags.address()).contains(&ip) {
        registers.set_flags(get(l::FLAGS));
    }
    let at_call = Place::Call.address();
    // Between the call and the store of the phase the result is in its register.
    let made = phase == l::MADE || phase == l::AT_CALL && ip > at_call;
    rings.set(slot, l::PHASE, l::OUTSIDE);
    if !made {
        let stub = stub(get(l::DESCRIPTION))?;
        registers.set_ip(stub.site);
        registers.set_call_number(get(l::NR));
        return Some(Left::Before);
    }
    let result = if phase == l::MADE { get(l::RESULT) } else { registers.result() };
    let restarts = phase == l::AT_CALL && is_restart(result) && registers.open_call().is_some();
    let after = get(l::RETURN);
    registers.set_ip(after);
    registers.set_clobbered(after, get(l::FLAGS));
    if restarts {
        // The kernel restarts the call at the site.
        return Some(Left::Unrecorded { result });
    }
    registers.set_result(result);
    let is_complete = phase == l::MADE && get(l::NEXT) != get(l::START);
    Some(if is_complete { Left::After } else { Left::Unrecorded { result } })
}
