//! Extended attributes.

use super::rows::rows;
use crate::consts::{file as f, open};
use crate::desc::*;

const FILE: Classes = Classes::FILE;
const DESC: Classes = Classes::FILE.and(Classes::DESC);

#[rustfmt::skip]
pub(super) static ROWS: &[Row] = rows! {
    setxattr(pathname: PATH, name: STR, value: input(arg("size")), size: SIZE,
        flags: flags(&f::XATTR))                    -> INT,  emulate(FILE).kind(CallKind::SetXattr);
    lsetxattr(pathname: PATH, name: STR, value: input(arg("size")), size: SIZE,
        flags: flags(&f::XATTR))                    -> INT,  emulate(FILE).kind(CallKind::SetXattr);
    fsetxattr(fd: FD, name: STR, value: input(arg("size")), size: SIZE, flags: flags(&f::XATTR))
                                                    -> INT,  emulate(DESC).kind(CallKind::SetXattr);
    setxattrat(dfd: DIRFD, pathname: PATH, at_flags: flags(&open::AT), name: STR,
        uargs: input(xattr_args("usize")), usize: SIZE)
                                                    -> INT,  emulate(DESC).kind(CallKind::SetXattr);
    getxattr(pathname: PATH, name: STR, value: out(ret("size")), size: SIZE) -> SIZE, emulate(FILE);
    lgetxattr(pathname: PATH, name: STR, value: out(ret("size")), size: SIZE)
                                                    -> SIZE, emulate(FILE);
    fgetxattr(fd: FD, name: STR, value: out(ret("size")), size: SIZE) -> SIZE, emulate(DESC);
    getxattrat(dfd: DIRFD, pathname: PATH, at_flags: flags(&open::AT), name: STR,
        uargs: inout(xattr_args("usize")), usize: SIZE) -> SIZE, emulate(DESC);
    listxattr(pathname: PATH, list: out(ret("size")), size: SIZE) -> SIZE, emulate(FILE);
    llistxattr(pathname: PATH, list: out(ret("size")), size: SIZE) -> SIZE, emulate(FILE);
    flistxattr(fd: FD, list: out(ret("size")), size: SIZE) -> SIZE, emulate(DESC);
    listxattrat(dfd: DIRFD, pathname: PATH, at_flags: flags(&open::AT), list: out(ret("size")),
        size: SIZE)                                 -> SIZE, emulate(DESC);
    removexattr(pathname: PATH, name: STR)          -> INT,  emulate(FILE).kind(CallKind::SetXattr);
    lremovexattr(pathname: PATH, name: STR)         -> INT,  emulate(FILE).kind(CallKind::SetXattr);
    fremovexattr(fd: FD, name: STR)                 -> INT,  emulate(DESC).kind(CallKind::SetXattr);
    removexattrat(dfd: DIRFD, pathname: PATH, at_flags: flags(&open::AT), name: STR)
                                                    -> INT,  emulate(DESC).kind(CallKind::SetXattr);
};
