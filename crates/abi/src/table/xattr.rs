//! Extended attributes.

use super::rows;
use crate::consts::{file as f, open};
use crate::desc::*;
use crate::layout::Layout::*;

const FILE: Classes = Classes::FILE;
const DESC: Classes = Classes::FILE.and(Classes::DESC);

#[rustfmt::skip]
pub(super) static ROWS: &[Row] = rows! {
    setxattr(pathname: PATH, name: STR, value: input(arg("size")), size: SIZE, flags: flags(&f::XATTR))     -> INT,  emulate(FILE).act(Act::SetXattr);
    lsetxattr(pathname: PATH, name: STR, value: input(arg("size")), size: SIZE, flags: flags(&f::XATTR))    -> INT,  emulate(FILE).act(Act::SetXattr);
    fsetxattr(fd: FD, name: STR, value: input(arg("size")), size: SIZE, flags: flags(&f::XATTR))            -> INT,  emulate(DESC).act(Act::SetXattr);
    setxattrat(dfd: DIRFD, pathname: PATH, at_flags: flags(&open::AT), name: STR, uargs: kind(Kind::Struct(XattrArgs), input(arg("usize"))), usize: SIZE) -> INT,  emulate(DESC).act(Act::SetXattr);
    getxattr(pathname: PATH, name: STR, value: out(ret("size")), size: SIZE)                                -> SIZE, emulate(FILE);
    lgetxattr(pathname: PATH, name: STR, value: out(ret("size")), size: SIZE)                               -> SIZE, emulate(FILE);
    fgetxattr(fd: FD, name: STR, value: out(ret("size")), size: SIZE)                                       -> SIZE, emulate(DESC);
    // What it writes lies behind a pointer in its structure and is not followed: refused rather than replayed wrongly.
    getxattrat(dfd: DIRFD, pathname: PATH, at_flags: flags(&open::AT), name: STR, uargs: kind(Kind::Struct(XattrArgs), input(arg("usize"))), usize: SIZE) -> SIZE, refuse(DESC);
    listxattr(pathname: PATH, list: out(ret("size")), size: SIZE)                                           -> SIZE, emulate(FILE);
    llistxattr(pathname: PATH, list: out(ret("size")), size: SIZE)                                          -> SIZE, emulate(FILE);
    flistxattr(fd: FD, list: out(ret("size")), size: SIZE)                                                  -> SIZE, emulate(DESC);
    listxattrat(dfd: DIRFD, pathname: PATH, at_flags: flags(&open::AT), list: out(ret("size")), size: SIZE) -> SIZE, emulate(DESC);
    removexattr(pathname: PATH, name: STR)                                                                  -> INT,  emulate(FILE).act(Act::SetXattr);
    lremovexattr(pathname: PATH, name: STR)                                                                 -> INT,  emulate(FILE).act(Act::SetXattr);
    fremovexattr(fd: FD, name: STR)                                                                         -> INT,  emulate(DESC).act(Act::SetXattr);
    removexattrat(dfd: DIRFD, pathname: PATH, at_flags: flags(&open::AT), name: STR)                        -> INT,  emulate(DESC).act(Act::SetXattr);
};
