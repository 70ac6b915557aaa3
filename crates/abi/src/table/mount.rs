//! Mounts and file systems.

use super::rows::rows;
use crate::consts::{mount as m, open};
use crate::desc::*;
use crate::layout::Layout::*;

const MOUNT: Classes = Classes::FILE.and(Classes::SYSTEM);
const DESC: Classes = Classes::FILE.and(Classes::SYSTEM).and(Classes::DESC);

#[rustfmt::skip]
pub(super) static ROWS: &[Row] = rows! {
    mount(dev_name: PATH, dir_name: PATH, r#type: STR, flags: flags(&m::MOUNT), data: STR)
                                             -> INT,  emulate(MOUNT).kind(CallKind::Mount);
    umount2(name: PATH, flags: flags(&m::UMOUNT)) -> INT,  emulate(MOUNT).kind(CallKind::Mount);
    pivot_root(new_root: PATH, put_old: PATH) -> INT,  emulate(MOUNT).kind(CallKind::Mount);
    swapon(specialfile: PATH, swap_flags: SWAP_FLAGS) -> INT,  emulate(MOUNT);
    swapoff(specialfile: PATH)               -> INT,  emulate(MOUNT);
    open_tree(dfd: DIRFD, filename: PATH, flags: flags(&m::OPEN_TREE))
                                             -> FD,   emulate(DESC).makes(RET).kind(CallKind::Open);
    open_tree_attr(dfd: DIRFD, filename: PATH, flags: flags(&m::OPEN_TREE),
        uattr: kind(ArgKind::Struct(MountAttr), input(arg("usize"))), usize: SIZE)
                                             -> FD,   emulate(DESC).makes(RET).kind(CallKind::Open);
    move_mount(from_dfd: DIRFD, from_pathname: PATH, to_dfd: DIRFD, to_pathname: PATH,
        flags: flags(&m::MOVE_MOUNT))        -> INT,  emulate(DESC).kind(CallKind::Mount);
    fsopen(_fs_name: STR, flags: flags(&m::FSOPEN))
                                           -> FD,   emulate(DESC).makes(RET).kind(CallKind::MakeFd);
    fsconfig(fd: FD, cmd: one_of(&m::FSCONFIG), _key: STR, _value: special(Special::Fsconfig),
        aux: INT)                            -> INT,  emulate(DESC);
    fsmount(fs_fd: FD, flags: flags(&m::FSMOUNT), attr_flags: flags(&m::FSMOUNT_ATTR))
                                           -> FD,   emulate(DESC).makes(RET).kind(CallKind::MakeFd);
    fspick(dfd: DIRFD, path: PATH, flags: flags(&m::FSPICK))
                                             -> FD,   emulate(DESC).makes(RET).kind(CallKind::Open);
    mount_setattr(dfd: DIRFD, path: PATH, flags: flags(&open::AT_MOUNT),
        uattr: kind(ArgKind::Struct(MountAttr), input(arg("usize"))), usize: SIZE)
                                             -> INT,  emulate(DESC).kind(CallKind::Mount);
    statmount(req: kind(ArgKind::Struct(MntIdReq), input(self_sized(0, 0, 24, 4096))),
        buf: out(self_sized(0, 0, 0, 65535)), bufsize: SIZE, flags: HEX32) -> INT,  emulate(MOUNT);
    listmount(req: kind(ArgKind::Struct(MntIdReq), input(self_sized(0, 0, 24, 4096))),
        mnt_ids: out(rets(U64, "nr_mnt_ids")), nr_mnt_ids: SIZE, flags: HEX32)
                                             -> SIZE, emulate(MOUNT);
    quotactl(cmd: QUOTA_COMMAND, special: PATH, id: special(Special::Quota),
        addr: special(Special::Quota))       -> INT,  emulate(MOUNT).kind(CallKind::Quota);
    quotactl_fd(fd: FD, cmd: QUOTA_COMMAND, id: special(Special::Quota),
        addr: special(Special::Quota))       -> INT,  emulate(DESC).kind(CallKind::Quota);
    sysfs(option: INT, arg1: special(Special::Sysfs), arg2: special(Special::Sysfs))
                                             -> INT,  refuse(MOUNT);
};
