//! Names of the requests of ioctl(2).

use std::fmt::Write as _;

use super::input::{self, Named};
use crate::arch::Abi;
use crate::consts::{ioctl, ioctl_drivers, ioctl_more};

/// Returns the name of a request of ioctl(2).
#[must_use]
pub fn ioctl_name(abi: Abi, request: u64) -> Option<&'static str> {
    let request = crate::special::ioctl::canonical(abi, request & 0xffff_ffff);
    let lists = [&ioctl::IOCTL, &ioctl_drivers::DRIVER_IOCTL].into_iter().chain(ioctl_more::LISTS);
    let mut items = lists.flat_map(|list| list.items);
    items.find(|(_, known)| *known == request).map(|(name, _)| *name)
}

/// Requests whose number another driver has given to one of its own: the name of that, and whether
/// it is written first.
#[rustfmt::skip]
static SHARED: &[(&str, &str, bool)] = &[
    ("RTC_UIE_OFF", "PHN_NOT_OH", true), ("RNDZAPENTCNT", "FASTRPC_IOCTL_INIT_ATTACH", true),
    ("TCSETS", "SNDCTL_TMR_START", true), ("TCSETSW", "SNDCTL_TMR_STOP", true),
    ("TCSETSF", "SNDCTL_TMR_CONTINUE", true),
    ("ECCGETLAYOUT", "MIXER_READ(17)", true), ("ECCGETSTATS", "MIXER_READ(18)", true),
    ("MEMERASE", "MIXER_WRITE(2)", true), ("MEMERASE64", "MIXER_WRITE(20)", true),
    ("MEMGETBADBLOCK", "MIXER_WRITE(11)", true), ("MEMGETINFO", "MIXER_READ(1)", true),
    ("MEMGETOOBSEL", "MIXER_READ(10)", true), ("MEMGETREGIONCOUNT", "MIXER_READ(7)", true),
    ("MEMISLOCKED", "MIXER_READ(23)", true), ("MEMLOCK", "MIXER_WRITE(5)", true),
    ("MEMSETBADBLOCK", "MIXER_WRITE(12)", true), ("MEMUNLOCK", "MIXER_WRITE(6)", true),
    ("OTPGETREGIONCOUNT", "MIXER_WRITE(14)", true), ("OTPGETREGIONINFO", "MIXER_WRITE(15)", true),
    ("OTPLOCK", "MIXER_READ(16)", true), ("OTPSELECT", "MIXER_READ(13)", true),
    ("MEMGETREGIONINFO", "MTRRIOC_GET_PAGE_ENTRY", false),
];

/// Writes the name of a request, or its decoded parts. `named` writes a value of a list.
pub(super) fn text(named: Named<'_>, abi: Abi, value: u64, out: &mut String) {
    let request = value & 0xffff_ffff;
    if let Some(name) = ioctl_name(abi, request) {
        match SHARED.iter().find(|(known, ..)| *known == name) {
            Some((_, other, true)) => _ = write!(out, "{other} or {name}"),
            Some((_, other, false)) => _ = write!(out, "{name} or {other}"),
            None => out.push_str(name),
        }
        return;
    }
    if input::request(named, abi, request, out) {
        return;
    }
    let parts = crate::IoctlRequest::decode(u32::try_from(request).unwrap_or(0));
    let dir = ["_IOC_NONE", "_IOC_WRITE", "_IOC_READ", "_IOC_READ|_IOC_WRITE"];
    let dir = dir.get(usize::from(parts.dir)).copied().unwrap_or("?");
    let _ = write!(out, "_IOC({dir}");
    for part in [u32::from(parts.group), u32::from(parts.number), u32::from(parts.size)] {
        let _ = if part == 0 { write!(out, ", 0") } else { write!(out, ", {part:#x}") };
    }
    out.push(')');
}
