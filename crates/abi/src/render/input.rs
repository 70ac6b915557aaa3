//! Names of the requests of input devices that contain a number: a length, an axis, a type of
//! events (linux/input.h).

use std::fmt::Write as _;

use crate::IoctlRequest;
use crate::arch::Abi;
use crate::consts::input;
use crate::desc::Constants;

/// Writes a value of a list.
pub(super) type Named<'a> = &'a dyn Fn(Abi, &Constants, u64, &mut String);

/// A family of requests of input devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputRequest {
    /// Asks for a string or a set of bits; the name is that of the request.
    Sized(&'static str),
    /// Asks for the slots of a multitouch device.
    Slots,
    /// Asks which events of a type there are.
    Bits(u64),
    /// Asks for the range of an axis.
    Axis(u64),
    /// Sets the range of an axis.
    SetAxis(u64),
}

use InputRequest::{Axis, Bits, SetAxis, Sized, Slots};

impl InputRequest {
    /// Returns the family of a request.
    #[must_use]
    pub fn of(request: u64) -> Option<Self> {
        /// Directions.
        const WRITTEN: u8 = 1;
        const READ: u8 = 2;
        let parts = IoctlRequest::decode(u32::try_from(request & 0xffff_ffff).ok()?);
        if parts.group != b'E' {
            return None;
        }
        let number = u64::from(parts.number);
        Some(match (parts.dir, parts.number) {
            (READ, 0x06) => Sized("EVIOCGNAME"),
            (READ, 0x07) => Sized("EVIOCGPHYS"),
            (READ, 0x08) => Sized("EVIOCGUNIQ"),
            (READ, 0x09) => Sized("EVIOCGPROP"),
            (READ, 0x0a) => Slots,
            (READ, 0x18) => Sized("EVIOCGKEY"),
            (READ, 0x19) => Sized("EVIOCGLED"),
            (READ, 0x1a) => Sized("EVIOCGSND"),
            (READ, 0x1b) => Sized("EVIOCGSW"),
            (READ, 0x20..=0x3f) => Bits(number - 0x20),
            (READ, 0x40..=0x7f) => Axis(number - 0x40),
            (WRITTEN, 0xc0..) => SetAxis(number - 0xc0),
            _ => return None,
        })
    }
}

/// Writes the name of a request that contains a number. Returns whether it did.
pub(super) fn request(named: Named<'_>, abi: Abi, request: u64, out: &mut String) -> bool {
    let Some(family) = InputRequest::of(request) else { return false };
    let size = request >> 16 & 0x3fff;
    let _ = match family {
        Sized(name) => write!(out, "{name}({size})"),
        Slots => write!(out, "EVIOCGMTSLOTS({size})"),
        Bits(0) => write!(out, "EVIOCGBIT(0, {size})"),
        Bits(events) => {
            out.push_str("EVIOCGBIT(");
            named(abi, &input::EV, events, out);
            write!(out, ", {size})")
        }
        Axis(axis) | SetAxis(axis) => {
            out.push_str(if matches!(family, Axis(_)) { "EVIOCGABS(" } else { "EVIOCSABS(" });
            named(abi, &input::ABS, axis, out);
            write!(out, ")")
        }
    };
    true
}
