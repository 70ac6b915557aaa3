//! The versions of the set of effects that baselines have.

use super::{EFFECTS, Variant};
use crate::diff::effect::{Effect, Op};
use crate::diff::resource::{Name, Resource};

impl Variant {
    /// Returns what a version of the effects that is older than the present one does not have, so
    /// that it is not compared.
    pub fn missing(&self) -> impl Iterator<Item = &'static str> {
        const SINCE_2: [&str; 4] = [
            "it has no permissions and flags of new files (create)",
            "it has no locks (lock)",
            "it has no changes of roots, rights and limits (kernel root, seccomp, rights, limits, \
             personality, memory)",
            "it has no arguments of operations on the kernel and of credentials (kernel, creds)",
        ];
        const SINCE_3: [&str; 2] = [
            "it has no durability of renamed files (durability)",
            "it has no changes of clocks, schedulers, quotas and the like, no use of raw sockets and \
             of other processes' memory (kernel clock, scheduling, socket, landlock, ...)",
        ];
        const SINCE_4: [&str; 3] = [
            "it has no flags that decide which file is reached or replaced (flags), no writes under a \
             lock (locked), and no IPC objects (ipc)",
            "it has no names of extended attributes, no bytes of locks, no kinds of special files, and \
             no permissions of files without a name",
            "it has no changed roots of processes (kernel root)",
        ];
        let since_2 = if self.effects < 2 { &SINCE_2[..] } else { &[] };
        let since_3 = if self.effects < 3 { &SINCE_3[..] } else { &[] };
        let since_4 = if self.effects < EFFECTS { &SINCE_4[..] } else { &[] };
        since_2.iter().chain(since_3).chain(since_4).copied()
    }
}

/// Returns an effect as a version of the set of effects had it; `None` if it had none.
pub(super) fn in_version(version: u32, effect: Effect) -> Option<Effect> {
    let effect = if version < 4 { in_version_3(effect)? } else { effect };
    if version < 3 && is_since_version_3(&effect) {
        return None;
    }
    if version < 2 { in_version_1(effect) } else { Some(effect) }
}

fn in_version_3(mut effect: Effect) -> Option<Effect> {
    let Effect { op, resource, .. } = &mut effect;
    match op {
        Op::Flags | Op::Locked | Op::Ipc => return None,
        Op::Kernel if is_kernel(resource, "root", None) => return None,
        Op::Kernel if is_kernel(resource, "terminal", Some("ioctl")) => return None,
        Op::Create if resource.subject.as_str() == "<nameless>" => return None,
        Op::Xattr => *resource = resource.without_asked(),
        // The bytes of a lock, the kind of a special file, and when permissions are taken.
        Op::Lock | Op::Create | Op::Chmod => {
            let is_new = |word: &str| {
                let device = word.starts_with(['b', 'c']) && word.contains(':');
                device
                    || word.starts_with("bytes=")
                    || ["fifo", "socket", "after-write"].contains(&word)
            };
            let asked = resource.asked.as_ref()?.as_str();
            let kept: Vec<&str> = asked.split(',').filter(|word| !is_new(word)).collect();
            *resource = resource.asking(&kept.join(","));
        }
        Op::Bind => {
            resource.rename(&|name| Some(format!("{}:0", name.strip_suffix(":<port>")?)));
        }
        _ => {}
    }
    Some(effect)
}

/// Whether the resource of an operation on the kernel is of this area, and of this call if given.
fn is_kernel(resource: &Resource, area: &str, call: Option<&str>) -> bool {
    let is_call = |call: &str| {
        let found = resource.request(Op::Kernel).and_then(|(subject, _)| subject.asked);
        found.is_some_and(|found| found.as_str() == call)
    };
    resource.subject.as_str() == area && call.is_none_or(is_call)
}

fn is_since_version_3(effect: &Effect) -> bool {
    const AREAS: [&str; 13] = [
        "accounting",
        "clock",
        "descriptors",
        "fanotify",
        "landlock",
        "mlock",
        "ports",
        "quota",
        "scheduling",
        "socket",
        "syslog",
        "terminal",
        "userfaultfd",
    ];
    match effect.op {
        Op::Durability => true,
        Op::Kernel => {
            AREAS.contains(&effect.resource.subject.as_str())
                || is_kernel(&effect.resource, "memory", Some("process_vm_readv"))
        }
        _ => false,
    }
}

fn in_version_1(mut effect: Effect) -> Option<Effect> {
    const NEW_AREAS: [&str; 6] = ["root", "seccomp", "rights", "limits", "personality", "memory"];
    match effect.op {
        Op::Create | Op::Lock => return None,
        Op::Kernel => {
            let (subject, _) = effect.resource.request(effect.op)?;
            if NEW_AREAS.contains(&subject.subject.as_str()) {
                return None;
            }
            effect.resource = subject;
        }
        Op::Creds => {
            // Lists and structures were left out.
            let asked = effect.resource.asked.as_ref().map_or("", Name::as_str);
            if !asked.bytes().all(|byte| byte.is_ascii_digit() || b":-".contains(&byte)) {
                effect.resource = effect.resource.without_asked();
            }
        }
        _ => {}
    }
    Some(effect)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_parts_of_effects_are_left_out_for_older_baselines() {
        for (now, before) in [
            ("perl flags $WS/a O_NOFOLLOW ok", None),
            ("perl ipc shm:private 0600 ok", None),
            ("perl locked $WS/a $WS/a ok", None),
            ("perl kernel root chroot $WS/jail ok", None),
            ("perl xattr $WS/f user.a ok", Some("perl xattr $WS/f ok")),
            ("perl lock $WS/c exclusive,bytes=0-9 ok", Some("perl lock $WS/c exclusive ok")),
            ("perl create $WS/q 0600,fifo ok", Some("perl create $WS/q 0600 ok")),
            ("perl create $WS/q 0600,O_EXCL ok", Some("perl create $WS/q 0600,O_EXCL ok")),
            ("perl chmod $WS/q 0600,after-write ok", Some("perl chmod $WS/q 0600 ok")),
            ("perl bind tcp 0.0.0.0:<port> ok", Some("perl bind tcp 0.0.0.0:0 ok")),
            ("perl read $WS/a ok", Some("perl read $WS/a ok")),
        ] {
            let effect = in_version(3, now.parse().unwrap());
            assert_eq!(effect.map(|effect| effect.to_string()).as_deref(), before, "{now}");
            let effect = in_version(EFFECTS, now.parse().unwrap()).unwrap();
            assert_eq!(effect.to_string(), now);
        }
    }
}
