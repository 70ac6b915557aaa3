//! Files.

use super::rows;
use crate::consts::open;
use crate::desc::*;

const FILE: Classes = Classes::FILE;
const DESC: Classes = Classes::FILE.and(Classes::DESC);

#[rustfmt::skip]
pub(super) static ROWS: &[Row] = rows! {
    read   (fd: FD, buf: out(ret("count")), count: SIZE)                             -> SIZE, tail(DESC, Replay::Emulate).act(Act::Read);
    write  (fd: FD, buf: input(arg("count")), count: SIZE)                           -> SIZE, tail(DESC, Replay::Emulate).act(Act::Write);
    openat (dfd: DIRFD, filename: PATH, flags: flags(&open::OPEN), mode: MODE)       -> FD,   tail(DESC, Replay::Emulate).makes(RET).act(Act::Open);
    execve (filename: PATH, argv: input(Len::CStrVec), envp: input(Len::CStrVec))    -> INT,  tail(FILE.and(Classes::PROCESS), Replay::Execute).act(Act::Exec);
};
