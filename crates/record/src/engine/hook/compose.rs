//! Hooks made of hooks: a tuple, and an `Option`.

use super::{Admit, Birth, Detach, End, Exit, Flow, Half, Reach, StopHook};
use crate::engine::context::Context;
use crate::engine::messages::Baggage;
use crate::engine::task::Slot;
use sysreel_abi::Row;
use sysreel_sys::stop::SIGINFO;
use sysreel_sys::{Event, Resume, Signal, Stop};

/// Implements [`StopHook`] for a type that has hooks, by calling each of them in order. `$each` is
/// a macro that does something for each hook of the type.
macro_rules! forward {
    ([$($hook:ident)+] $type:ty, $each:ident) => {
        impl<$($hook: StopHook),+> StopHook for $type {
            fn begin(&mut self, cx: &mut Context) {
                $each!(self, hook, hook.begin(cx));
            }

            fn program_begins(&mut self, cx: &mut Context) {
                $each!(self, hook, hook.program_begins(cx));
            }

            fn reach(&mut self, cx: &mut Context, stop: &mut Stop) -> Reach {
                $each!(self, hook, match hook.reach(cx, stop) {
                    Reach::Stays => {}
                    other => return other,
                });
                Reach::Stays
            }

            fn next_made(&mut self, cx: &mut Context) -> Option<Half> {
                $each!(self, hook, if let Some(half) = hook.next_made(cx) { return Some(half) });
                None
            }

            fn made(&mut self, cx: &mut Context, half: Half, exit: Option<&Exit>) {
                $each!(self, hook, hook.made(cx, half, exit));
            }

            fn admit(&mut self, cx: &mut Context, stop: &Stop) -> Admit {
                $each!(self, hook, match hook.admit(cx, stop) {
                    Admit::Record => {}
                    other => return other,
                });
                Admit::Record
            }

            fn is_entry(&mut self, cx: &Context, stop: &Stop) -> bool {
                $each!(self, hook, if hook.is_entry(cx, stop) { return true });
                false
            }

            fn lets_pass(&mut self, cx: &Context, data: u64) -> bool {
                $each!(self, hook, if hook.lets_pass(cx, data) { return true });
                false
            }

            fn needs_memory(&mut self, row: &Row) -> bool {
                $each!(self, hook, if hook.needs_memory(row) { return true });
                false
            }

            fn stopped(&mut self, cx: &mut Context, stop: &Stop) {
                $each!(self, hook, hook.stopped(cx, stop));
            }

            fn entry(&mut self, cx: &mut Context, stop: &mut Stop) -> Flow {
                $each!(self, hook, stays!(hook.entry(cx, stop)));
                Flow::Stays
            }

            fn exit(&mut self, cx: &mut Context, stop: &mut Stop, exit: &Exit) -> Flow {
                $each!(self, hook, stays!(hook.exit(cx, stop, exit)));
                Flow::Stays
            }

            fn siginfo(
                &mut self,
                cx: &mut Context,
                stop: &Stop,
                signal: Signal,
                siginfo: &mut [u8; SIGINFO],
            ) {
                $each!(self, hook, hook.siginfo(cx, stop, signal, siginfo));
            }

            fn signal(
                &mut self,
                cx: &mut Context,
                stop: &mut Stop,
                siginfo: &[u8; SIGINFO],
                deliver: &mut Signal,
            ) -> Flow {
                $each!(self, hook, stays!(hook.signal(cx, stop, siginfo, deliver)));
                Flow::Stays
            }

            fn event(&mut self, cx: &mut Context, stop: &Stop, event: Event) {
                $each!(self, hook, hook.event(cx, stop, event));
            }

            fn new_image(&mut self, cx: &mut Context, task: Slot) {
                $each!(self, hook, hook.new_image(cx, task));
            }

            fn task_begins(&mut self, cx: &mut Context, task: Slot, birth: Birth) {
                $each!(self, hook, hook.task_begins(cx, task, birth));
            }

            fn task_ends(&mut self, cx: &mut Context, task: Slot, how: End) {
                $each!(self, hook, hook.task_ends(cx, task, how));
            }

            fn leaves(&mut self, cx: &mut Context, task: Slot, baggage: &mut Baggage) {
                $each!(self, hook, hook.leaves(cx, task, baggage));
            }

            fn arrives(&mut self, cx: &mut Context, task: Slot, baggage: &Baggage) {
                $each!(self, hook, hook.arrives(cx, task, baggage));
            }

            fn resume(&mut self, task: Slot) -> Resume {
                $each!(self, hook, match hook.resume(task) {
                    Resume::ToNextSyscall => {}
                    other => return other,
                });
                Resume::ToNextSyscall
            }

            fn before_resume(&mut self, cx: &mut Context, to_user_code: bool) {
                $each!(self, hook, hook.before_resume(cx, to_user_code));
            }

            fn tick(&mut self, cx: &mut Context) {
                $each!(self, hook, hook.tick(cx));
            }

            fn can_detach(&mut self) -> Detach {
                $each!(self, hook, match hook.can_detach() {
                    Detach::Anywhere => {}
                    other => return other,
                });
                Detach::Anywhere
            }

            fn begin_detaching(&mut self, cx: &mut Context) {
                $each!(self, hook, hook.begin_detaching(cx));
            }

            fn before_detach(&mut self, cx: &mut Context, stop: &mut Stop) -> Flow {
                $each!(self, hook, stays!(hook.before_detach(cx, stop)));
                Flow::Stays
            }

            fn end(&mut self, cx: &mut Context) {
                $each!(self, hook, hook.end(cx));
            }
        }
    };
}

/// Returns from the function unless the task is still in its stop.
macro_rules! stays {
    ($flow:expr) => {
        match $flow {
            Flow::Stays => {}
            left => return left,
        }
    };
}

macro_rules! each_of_option {
    ($hooks:ident, $hook:ident, $call:expr) => {
        if let Some($hook) = $hooks {
            $call;
        }
    };
}

macro_rules! each_of_three {
    ($hooks:ident, $hook:ident, $call:expr) => {
        let (a, b, c) = $hooks;
        {
            let $hook = a;
            $call;
        }
        {
            let $hook = b;
            $call;
        }
        {
            let $hook = c;
            $call;
        }
    };
}

macro_rules! each_of_four {
    ($hooks:ident, $hook:ident, $call:expr) => {
        let (a, b, c, d) = $hooks;
        {
            let $hook = a;
            $call;
        }
        {
            let $hook = b;
            $call;
        }
        {
            let $hook = c;
            $call;
        }
        {
            let $hook = d;
            $call;
        }
    };
}

forward!([H] Option<H>, each_of_option);
forward!([A B C] (A, B, C), each_of_three);
forward!([A B C D] (A, B, C, D), each_of_four);
