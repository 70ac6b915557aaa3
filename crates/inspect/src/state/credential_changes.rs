//! What calls change of the ids, groups and capabilities of a task.

use std::rc::Rc;

use sysreel_abi::attributes::{AttributeChange, IdChange, IdKind, capability_sets};

use super::attributes::TaskCredentials;

/// Capabilities that decide what setgid(2) and setuid(2) do (include/uapi/linux/capability.h).
const SETGID: u64 = 1 << 6;
const SETUID: u64 = 1 << 7;

impl TaskCredentials {
    /// Whether the task has a capability for ids.
    pub(super) fn may_set(&self, kind: IdKind) -> Option<bool> {
        let bit = if kind == IdKind::User { SETUID } else { SETGID };
        self.capabilities[2].map(|effective| effective & bit != 0)
    }

    /// Applies a change of ids (kernel/sys.c).
    fn set_ids(&mut self, kind: IdKind, change: IdChange) {
        if self.other_users {
            match kind {
                IdKind::User => self.uids = [None; 4],
                IdKind::Group => self.gids = [None; 4],
            }
            self.capabilities = [None; 5];
            return;
        }
        let privileged = self.may_set(kind);
        let ids = if kind == IdKind::User { &mut self.uids } else { &mut self.gids };
        let before = *ids;
        let [real, effective, saved, file_system] = ids;
        match change {
            IdChange::Effective(id) => {
                if privileged != Some(false) {
                    for other in [real, saved] {
                        *other = privileged.map(|_| id).or(other.filter(|other| *other == id));
                    }
                }
                (*effective, *file_system) = (Some(id), Some(id));
            }
            IdChange::RealEffective([new_real, new_effective]) => {
                let changes_saved = new_real.is_some()
                    || new_effective.is_some_and(|new| before[0].is_none_or(|real| new != real));
                *real = new_real.or(*real);
                *effective = new_effective.or(*effective);
                if changes_saved {
                    *saved = *effective;
                }
                *file_system = *effective;
            }
            IdChange::Each(new) => {
                for (id, new) in [real, &mut *effective, saved].into_iter().zip(new) {
                    *id = new.or(*id);
                }
                *file_system = *effective;
            }
            IdChange::FileSystem(id) => {
                let may = before.contains(&Some(id)) || privileged == Some(true);
                let may_not = privileged == Some(false) && before.iter().all(Option::is_some);
                if may {
                    *file_system = Some(id);
                } else if !may_not {
                    *file_system = None;
                }
            }
        }
        if kind == IdKind::User {
            self.forget_capabilities(before);
        }
    }

    /// Forgets the sets that a change of user ids may clear or fill (cap_task_fix_setuid,
    /// security/commoncap.c).
    pub(super) fn forget_capabilities(&mut self, before: [Option<u32>; 4]) {
        let after = self.uids;
        let any_root = |ids: [Option<u32>; 4]| ids.iter().take(3).any(|id| *id == Some(0));
        let unknown = before.iter().chain(&after).any(Option::is_none);
        let is_root = |id: Option<u32>| id == Some(0);
        if unknown || any_root(before) && !any_root(after) {
            let [inheritable, _, _, bounding, _] = self.capabilities;
            self.capabilities = [inheritable, None, None, bounding, None];
        } else if is_root(before[1]) != is_root(after[1]) || is_root(before[3]) != is_root(after[3])
        {
            self.capabilities[2] = None;
        }
    }

    pub(super) fn apply(&mut self, change: AttributeChange, memory: Option<&[u8]>) {
        let bit = |capability: u32| 1u64.checked_shl(capability).unwrap_or(0);
        match change {
            AttributeChange::Ids(kind, change) => self.set_ids(kind, change),
            AttributeChange::Groups { count, size } => {
                let ids = groups(memory.unwrap_or_default(), size, count);
                self.groups = ids.filter(|_| !self.other_users);
            }
            AttributeChange::Capabilities => {
                let sets = memory.and_then(capability_sets);
                let [_, _, _, bounding, ambient] = self.capabilities;
                self.capabilities = match sets {
                    Some([effective, permitted, inheritable]) => [
                        Some(inheritable),
                        Some(permitted),
                        Some(effective),
                        bounding,
                        ambient.map(|ambient| ambient & permitted & inheritable),
                    ],
                    None => [None, None, None, bounding, None],
                };
            }
            AttributeChange::BoundingDrop(capability) => {
                self.capabilities[3] = self.capabilities[3].map(|set| set & !bit(capability));
            }
            AttributeChange::Ambient(capability, raises) => {
                let set = |set| if raises { set | bit(capability) } else { set & !bit(capability) };
                self.capabilities[4] = self.capabilities[4].map(set);
            }
            AttributeChange::AmbientClear => self.capabilities[4] = Some(0),
            AttributeChange::NoNewPrivs => self.no_new_privs = Some(true),
            AttributeChange::Seccomp { mode, .. } => self.seccomp = Some(mode),
            AttributeChange::Limit { .. } => {}
        }
    }
}

fn groups(bytes: &[u8], size: u8, count: u64) -> Option<Rc<[u32]>> {
    let size = usize::from(size);
    let len = usize::try_from(count).ok()?.checked_mul(size)?;
    let ids = bytes.get(..len)?.chunks_exact(size);
    Some(ids.map(|id| id.iter().rev().fold(0, |n, byte| n << 8 | u32::from(*byte))).collect())
}
