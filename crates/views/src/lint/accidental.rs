//! Leaked descriptors: many for the same file that are open when a program ends, and those that
//! another program inherits over execve(2) by accident.

use std::collections::BTreeSet;

use sysreel_inspect::calls::Item;
use sysreel_inspect::state::DescriptorOrigin;
use sysreel_inspect::visible::visible_bytes;

use super::rule::{Rule, Warning};
use crate::bounded::Bounded;
use crate::sockets::file_name;

/// The last of the standard descriptors, which are meant to be inherited.
const STANDARD: i32 = 2;
/// From this many descriptors on that are open at the end of a process it is noticed.
const MANY: u64 = 50;

/// A count, the process and the event where it began.
type At = (u64, u32, u64);

#[derive(Default)]
pub(super) struct Accidental {
    /// By program that inherits and name of what it inherits.
    inherited: Bounded<(String, String), At>,
    /// By program and name of what is open at its end.
    left: Bounded<(String, String), At>,
}

impl Rule for Accidental {
    fn item(&mut self, item: &Item<'_>) {
        let (task, event, is_exec) = match item {
            Item::Exec(exec) if exec.call().is_some() => (exec.task, exec.event.number, true),
            Item::TaskEnd(at) => (at.task, at.event.number, false),
            _ => return,
        };
        let state = task.state();
        let is_last = !state.shares_files(task.id());
        let Some(context) = state.context(task.id()).filter(|_| is_exec || is_last) else {
            return;
        };
        let exe = task.program().map(visible_bytes).unwrap_or_default();
        let mut names = BTreeSet::new();
        context.files.borrow().for_each(|fd, descriptor| {
            let own = descriptor.origin() != DescriptorOrigin::Before;
            if fd > STANDARD && own && (is_exec || descriptor.process() == context.process) {
                names.insert((file_name(descriptor.file()), fd));
            }
        });
        let counts = if is_exec { &mut self.inherited } else { &mut self.left };
        for (name, _) in names {
            if let Some(at) = counts.entry(&(exe.clone(), name)) {
                if at.0 == 0 {
                    (at.1, at.2) = (task.tgid(), event);
                }
                at.0 = at.0.saturating_add(1);
            }
        }
    }

    fn finish(self: Box<Self>) -> Vec<Warning> {
        let warning = |rule: &str, (exe, object): (String, String), at: At, message: String| {
            let (count, pid, event) = at;
            Warning { rule: rule.to_owned(), exe, pid, object, count, event, message }
        };
        let inherited = self.inherited.into_entries().map(|((exe, name), at)| {
            let message = format!("{exe} gets {name} over execve: it is open without O_CLOEXEC");
            warning("inherited-descriptor", (exe, name), at, message)
        });
        let left = self.left.into_entries().filter(|(_, (count, ..))| *count >= MANY);
        let left = left.map(|((exe, name), at)| {
            let message = format!("{name} is open {} times when {exe} ends", at.0);
            warning("leaked-descriptor", (exe, name), at, message)
        });
        inherited.chain(left).collect()
    }
}
