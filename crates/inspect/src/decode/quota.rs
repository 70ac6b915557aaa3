//! quotactl(2): the command decides which arguments exist.

use sysreel_abi::consts::uapi;
use sysreel_abi::render;

use super::value;
use super::view::View;
use crate::text;

/// The type of a quota is below the command (linux/quota.h).
const SHIFT: u32 = 8;

/// Returns the positions of the arguments that the command uses. quotactl_fd(2) has a descriptor
/// before the command, and no path after it.
pub(super) fn arguments(view: &View<'_>) -> &'static [u8] {
    let command = view.row.arg("cmd").map_or(0, |at| view.arg(at) & 0xffff_ffff);
    let known = uapi::QUOTA.items.iter().find(|(_, known)| *known == command >> SHIFT);
    match known.map_or("", |(name, _)| *name) {
        "Q_SYNC" | "Q_QUOTAOFF" | "Q_XQUOTASYNC" => &[0, 1],
        "Q_GETFMT" | "Q_GETINFO" | "Q_SETINFO" | "Q_XQUOTAON" | "Q_XQUOTAOFF" | "Q_XQUOTARM"
        | "Q_XGETQSTAT" | "Q_XGETQSTATV" => &[0, 1, 3],
        _ => &[0, 1, 2, 3],
    }
}

/// Writes `QCMD(Q_GETFMT, USRQUOTA)`.
pub(super) fn command(view: &View<'_>, value: u64, out: &mut String) {
    let mut text = "QCMD(".to_owned();
    render::enum_text(view.abi, &uapi::QUOTA, value >> SHIFT, &mut text);
    text.push_str(", ");
    render::enum_text(view.abi, &uapi::QUOTA_TYPE, value & 0xff, &mut text);
    text.push(')');
    value::named(view, &|out| text::dec(out, value), &text, out);
}
