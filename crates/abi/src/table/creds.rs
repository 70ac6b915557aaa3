//! Users, groups, capabilities, keys and security policy.

use super::rows::rows;
use crate::consts::security as s;
use crate::desc::*;
use crate::layout::Layout::*;

const CRED: Classes = Classes::CREDS;
const DESC: Classes = Classes::CREDS.and(Classes::DESC);

#[rustfmt::skip]
pub(super) static ROWS: &[Row] = rows! {
    getuid()                                         -> UID, emulate(CRED).fast();
    geteuid()                                        -> UID, emulate(CRED).fast();
    getgid()                                         -> GID, emulate(CRED).fast();
    getegid()                                        -> GID, emulate(CRED).fast();
    setuid(uid: UID)                                 -> INT, emulate(CRED).kind(CallKind::SetCreds);
    setgid(gid: GID)                                 -> INT, emulate(CRED).kind(CallKind::SetCreds);
    setreuid(ruid: UID, euid: UID)                   -> INT, emulate(CRED).kind(CallKind::SetCreds);
    setregid(rgid: GID, egid: GID)                   -> INT, emulate(CRED).kind(CallKind::SetCreds);
    getresuid(ruidp: out(of(Uid)), euidp: out(of(Uid)), suidp: out(of(Uid)))
                                                                       -> INT, emulate(CRED).fast();
    getresgid(rgidp: out(of(Uid)), egidp: out(of(Uid)), sgidp: out(of(Uid)))
                                                                       -> INT, emulate(CRED).fast();
    setresuid(ruid: UID, euid: UID, suid: UID)       -> INT, emulate(CRED).kind(CallKind::SetCreds);
    setresgid(rgid: GID, egid: GID, sgid: GID)       -> INT, emulate(CRED).kind(CallKind::SetCreds);
    setfsuid(uid: UID)                               -> UID, emulate(CRED).kind(CallKind::SetCreds);
    setfsgid(gid: GID)                               -> GID, emulate(CRED).kind(CallKind::SetCreds);
    getgroups(gidsetsize: INT, grouplist: out(rets(Uid, "gidsetsize"))) -> INT, emulate(CRED);
    setgroups(gidsetsize: INT, grouplist: input(args(Uid, "gidsetsize")))
                                                     -> INT, emulate(CRED).kind(CallKind::SetCreds);
    // The kernel answers an unknown version with its preferred one: on EINVAL, and on success if
    // `dataptr` is null.
    capget(header: special(Special::CapHeader), dataptr: out(cap_data("header")))
                                  -> INT, emulate(CRED);
    capset(header: when(When::Errno(&[EINVAL]), inout(of(CapHeader))),
        data: input(cap_data("header"))) -> INT, emulate(CRED).kind(CallKind::SetCreds);
    seccomp(op: one_of(&s::SECCOMP), flags: special(Special::Seccomp),
        uargs: special(Special::Seccomp))
                                  -> INT, apart(CRED).makes(Makes::Seccomp).kind(CallKind::Seccomp);
    landlock_create_ruleset(attr: kind(ArgKind::Struct(LandlockRuleset), input(arg("size"))),
        size: SIZE, flags: flags(&s::LANDLOCK))
                                  -> FD,  emulate(DESC).makes(RET).kind(CallKind::MakeFd);
    landlock_add_rule(ruleset_fd: FD, rule_type: one_of(&s::LANDLOCK_RULE_TYPE),
        rule_attr: special(Special::Landlock), flags: HEX32) -> INT, emulate(DESC);
    landlock_restrict_self(ruleset_fd: FD, flags: HEX32) -> INT, emulate(DESC);
    // Without a module that has the attribute the size is 0 (security_getselfattr,
    // security/security.c).
    lsm_get_self_attr(attr: UINT, ctx: out(deref("size")),
        size: when(When::SuccessOr(&[E2BIG, EOPNOTSUPP]), inout(of(U32))), flags: HEX32)
                                                                             -> INT,  emulate(CRED);
    lsm_set_self_attr(attr: UINT, ctx: input(arg("size")), size: UINT, flags: HEX32)
                                                                             -> INT,  emulate(CRED);
    lsm_list_modules(ids: out(deref("size")),
        size: when(When::SuccessOr(&[E2BIG]), inout(of(U32))), flags: HEX32) -> INT,  emulate(CRED);
    add_key(_type: STR, _description: STR, _payload: input(arg("plen")), plen: SIZE, ringid: KEY)
                                                                             -> INT,  emulate(CRED);
    request_key(_type: STR, _description: STR, _callout_info: STR, destringid: KEY)
                                                                             -> INT,  emulate(CRED);
    keyctl(option: one_of(&s::KEYCTL), arg2: special(Special::Keyctl),
        arg3: special(Special::Keyctl), arg4: special(Special::Keyctl),
        arg5: special(Special::Keyctl))                                      -> LONG, emulate(CRED);
    getrandom(ubuf: out(ret("len")), len: SIZE, flags: flags(&s::RANDOM))
                                    -> SIZE, emulate(Classes::SYSTEM).kind(CallKind::Random).fast();
};
