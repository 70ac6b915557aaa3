//! The versions of the set of effects that baselines have.

use super::{EFFECTS, Variant};
use crate::diff::effect::{Effect, Op};

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
        let since_2 = if self.effects < 2 { &SINCE_2[..] } else { &[] };
        let since_3 = if self.effects < EFFECTS { &SINCE_3[..] } else { &[] };
        since_2.iter().chain(since_3).copied()
    }
}

/// Returns an effect as a version of the set of effects had it; `None` if it had none.
pub(super) fn in_version(version: u32, effect: Effect) -> Option<Effect> {
    if version < 3 && is_since_version_3(&effect) {
        return None;
    }
    if version < 2 { in_version_1(effect) } else { Some(effect) }
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
    let subject = Effect::request(effect.op, &effect.resource).map_or("", |(subject, _)| subject);
    match effect.op {
        Op::Durability => true,
        Op::Kernel => {
            let area = subject.split(' ').next().unwrap_or_default();
            AREAS.contains(&area) || subject == "memory process_vm_readv"
        }
        _ => false,
    }
}

fn in_version_1(mut effect: Effect) -> Option<Effect> {
    const NEW_AREAS: [&str; 6] = ["root", "seccomp", "rights", "limits", "personality", "memory"];
    match effect.op {
        Op::Create | Op::Lock => return None,
        Op::Kernel => {
            let (subject, _) = Effect::request(effect.op, &effect.resource)?;
            let (area, _) = subject.split_once(' ')?;
            if NEW_AREAS.contains(&area) {
                return None;
            }
            effect.resource = subject.to_owned();
        }
        Op::Creds => {
            // Lists and structures were left out.
            let (call, asked) = effect.resource.split_once(' ').unwrap_or((&effect.resource, ""));
            if !asked.bytes().all(|byte| byte.is_ascii_digit() || b":-".contains(&byte)) {
                effect.resource = call.to_owned();
            }
        }
        _ => {}
    }
    Some(effect)
}
