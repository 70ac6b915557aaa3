//! Calls that differ on 64-bit ARM: clone has its last two arguments swapped
//! (CONFIG_CLONE_BACKWARDS).

use super::rows::rows;
use crate::consts::process as p;
use crate::desc::*;

#[rustfmt::skip]
pub(super) static ROWS: &[Row] = rows! {
    clone(clone_flags: flags(&p::CLONE), newsp: ADDR, parent_tidptr: special(Special::CloneTid),
        tls: HEX, child_tidptr: PTR)
                        -> PID, execute(Classes::PROCESS).makes(Makes::Clone).kind(CallKind::Clone);
};
