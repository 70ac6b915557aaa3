//! Replays the entries of system calls: runs the task to its next call and compares it with the
//! recorded one.

use super::facts::{At, Facts};
use super::halt::Replayed;
use super::run::Reached;
use super::state;
use super::step::Step;
use super::stop_info::describe_entry;
use super::task::{Echo, Known, OpenCall};
use crate::divergence::{Field, first_difference, hex};
use crate::kernel::{Kernel, Tracee};
use crate::options::Check;
use sysreel_abi::{Abi, AuditArch, CallKind, Row, clone_flags, replay, row};
use sysreel_format::syscall_info::{MERGED, What};
use sysreel_format::{Direction, Part, ReadAt, Region, RegionHead, Stop};
use sysreel_sys::memory::EFAULT;
use sysreel_sys::remote::SYSCALL;

/// Compares calls, and counts them.
#[derive(Debug)]
pub(crate) struct Calls {
    check: Check,
    compared: u64,
}

impl Calls {
    pub(crate) fn new(check: Check) -> Calls {
        Calls { check, compared: 0 }
    }

    /// Returns the number of calls that were compared.
    pub(crate) fn compared(&self) -> u64 {
        self.compared
    }

    /// Runs the task to the recorded entry and compares it.
    pub(crate) fn entry<K: Kernel, S: ReadAt>(
        &mut self,
        step: &mut Step<'_, K, S>,
        stop: &Stop<'_>,
    ) -> Replayed {
        let facts = Facts::read(step.place(), stop, At::Entry)?;
        let recorded = MERGED.decode(stop.info);
        let (What::Entry(call), Some(arch)) = (recorded.what, recorded.arch) else {
            return Err(step.bad("the struct of the entry has no call"));
        };
        if step.task.call.is_some() {
            return Err(step.bad("another call begins before this one has ended"));
        }
        let (arch, nr) = (AuditArch(arch), call.nr);
        let clone = Abi::from_call(arch, nr)
            .zip(row(arch, nr))
            .and_then(|(abi, row)| clone_flags(abi, row, &call.args, None));
        if clone.is_some_and(|flags| flags.untraced() && flags.memory()) {
            let why = "a task made with CLONE_UNTRACED is in no log, and shares this memory";
            return Err(step.bad(why));
        }
        // What runs before the first program is the recorder's own code, which differs from run to
        // run: its calls are not compared, nor is anything of them replayed.
        if step.task.has_image {
            go_back_to_call(step, arch, nr)?;
            self.reach(step, stop)?;
        }
        let open = OpenCall {
            arch,
            nr,
            args: call.args,
            place: (recorded.ip, recorded.sp),
            known: None,
            vetoed: None,
            echo: None,
            made: None,
        };
        // For messages.
        step.task.call = Some(open.clone());
        let open = self.enter(step, stop, &facts, open)?;
        step.task.exit_status = exit_status(&open);
        step.task.call = Some(open);
        Ok(())
    }

    /// Runs the task to the entry of a call and compares number, arguments, and instruction and
    /// stack pointer: all fields of the struct. A later kernel may add some, which no replay knows.
    fn reach<K: Kernel, S: ReadAt>(
        &mut self,
        step: &mut Step<'_, K, S>,
        stop: &Stop<'_>,
    ) -> Replayed {
        match step.run()? {
            Reached::Call => {}
            other => return Err(step.stopped_elsewhere(describe_entry(stop.info), &other)),
        }
        self.compared += 1;
        let actual = MERGED.decode(step.runner.info().bytes());
        match first_difference(&MERGED.decode(stop.info), &actual) {
            Some((field, recorded, actual)) => Err(step.diverged(field, recorded, actual)),
            None => Ok(()),
        }
    }

    /// Compares the memory that the call reads. Returns the call with what the exit needs.
    fn enter<K: Kernel, S: ReadAt>(
        &self,
        step: &mut Step<'_, K, S>,
        stop: &Stop<'_>,
        facts: &Facts<'_>,
        mut open: OpenCall,
    ) -> Replayed<OpenCall> {
        let compare = step.task.has_image && self.check == Check::Every;
        let how_at = row(open.arch, open.nr).and_then(|row| row.arg("how"));
        let (mut structure, mut how) = (None, None);
        let mut sources = Sources::default();
        for part in stop.parts {
            match part? {
                Part::Region(region) if region.head.dir == Direction::IN => {
                    let bytes = step.log.region_bytes(&region)?;
                    if compare {
                        compare_region(step, &region, &bytes)?;
                    }
                    let RegionHead { arg, role, index, .. } = region.head;
                    if (role.0, index) == (0, 0) {
                        if how_at == Some(usize::from(arg)) {
                            how = Some(bytes.to_vec());
                        }
                        if arg == 0 {
                            structure = Some(bytes.into_owned());
                        }
                    }
                    sources.add(&region.head);
                }
                Part::State(state) if step.task.has_image => {
                    state::compare(step, &state, self.check)?
                }
                // Facts has them, or has said why they may pass.
                _ => {}
            }
        }
        open.known = known(&open, structure.as_deref(), how.as_deref());
        let (nr, known) = (open.nr, open.known);
        match facts.veto {
            Some((vetoed, errno)) if vetoed == nr => open.vetoed = Some(-i64::from(errno)),
            Some((vetoed, _)) => {
                return Err(step.bad(format!("the veto is of call {vetoed:#x}, not {nr:#x}")));
            }
            // Every kernel answers -1 in the same way. What another unknown call did is not known.
            None if known.is_none() && nr != u64::MAX => {
                return Err(step.bad(format!(
                    "the table does not have call {nr:#x}, and the recorder let the kernel make it"
                )));
            }
            None => {}
        }
        if let Some(to) = facts.echo {
            let buffers = match known.map(|known| known.row) {
                Some(row) if writes_bytes(row) => sources.deepest(),
                _ => return Err(step.bad("the call is none that writes bytes to an output")),
            };
            open.echo = Some(Echo { to, buffers });
        }
        Ok(open)
    }
}

/// Returns the exit status that a call asks for.
fn exit_status(open: &OpenCall) -> Option<i32> {
    let Known { abi, row, .. } = open.known?;
    let status = i32::try_from(abi.args(&open.args)[0] & 0xff).ok()?;
    matches!(row.kind, CallKind::Exit | CallKind::ExitGroup).then_some(status)
}

/// Whether a call writes bytes and returns their number. sendmmsg(2) returns a number of messages.
fn writes_bytes(row: &Row) -> bool {
    match row.kind {
        CallKind::Write => true,
        CallKind::Send => row.arg("vlen").is_none(),
        _ => false,
    }
}

/// Returns what the table says of a call. `structure` is what its first argument points to, `how`
/// the struct of openat2(2).
fn known(open: &OpenCall, structure: Option<&[u8]>, how: Option<&[u8]>) -> Option<Known> {
    let (abi, row) = Abi::from_call(open.arch, open.nr).zip(row(open.arch, open.nr))?;
    let clone = clone_flags(abi, row, &open.args, structure);
    Some(Known {
        abi,
        row,
        address_space_op: replay::address_space_op(abi, row, &open.args, structure),
        changes_file: replay::file_change(abi, row, &open.args, how).is_some(),
        clone,
        thread_area: clone
            .and_then(|flags| replay::thread_area_of_child(abi, row, &open.args, flags)),
    })
}

/// What the second argument points to, by the number of pointers on the way: a buffer, or an array
/// of buffers (writev), or a struct with one (sendmsg).
#[derive(Debug, Default)]
struct Sources([Vec<(u64, u64)>; 3]);

impl Sources {
    fn add(&mut self, head: &RegionHead) {
        if head.arg == 1
            && let Some(sources) = self.0.get_mut(usize::from(head.role.0))
        {
            sources.push((head.address, head.got));
        }
    }

    /// Returns the buffers: what no pointer follows.
    fn deepest(self) -> Vec<(u64, u64)> {
        self.0.into_iter().rfind(|sources| !sources.is_empty()).unwrap_or_default()
    }
}

/// Sets a task back to its call after a restart code. The kernel makes such a call again without an
/// instruction of the program: it moves the instruction pointer back, and may set another number
/// (arch/x86/kernel/signal.c, arch_do_signal_or_restart).
fn go_back_to_call<K: Kernel, S>(step: &mut Step<'_, K, S>, arch: AuditArch, nr: u64) -> Replayed {
    let Some(restart) = step.task.restart.take() else { return Ok(()) };
    let is_same = arch == restart.arch
        && match restart.by_block {
            true => row(arch, nr).is_some_and(|row| row.kind == CallKind::Restart),
            false => nr == restart.nr,
        };
    if !is_same {
        let expected = match restart.by_block {
            true => "restart_syscall".to_owned(),
            false => format!("{:#x}", restart.nr),
        };
        return Err(step.diverged(Field::Number, format!("{nr:#x}"), expected));
    }
    let back = step.task.tracee.registers().and_then(|mut registers| {
        // `syscall` and `int 0x80` are both two bytes long.
        registers.repeat_call(SYSCALL.len() as u64, nr);
        step.task.tracee.set_registers(&registers)
    });
    back.map_err(|source| step.failed(source))
}

fn compare_region<K: Kernel, S>(
    step: &mut Step<'_, K, S>,
    region: &Region<'_>,
    recorded: &[u8],
) -> Replayed {
    const UNREADABLE: &str = "memory that cannot be read";
    let head = &region.head;
    let mut actual = vec![0; recorded.len()];
    let got = step.task.tracee.read(head.address, &mut actual);
    let same = recorded.iter().zip(&actual[..got]).take_while(|(a, b)| a == b).count();
    let field = |offset: usize| Field::Buffer { argument: head.arg, offset: offset as u64 };
    if same < recorded.len() {
        let actual = match same == got {
            true => UNREADABLE.to_owned(),
            false => hex(&actual[same..got]),
        };
        return Err(step.diverged(field(same), hex(&recorded[same..]), actual));
    }
    // Where the recorded memory ended, so must this.
    if head.errno.cast_signed() == EFAULT && recorded.len() as u64 == head.got {
        let mut next = [0];
        if step.task.tracee.read(head.address.wrapping_add(head.got), &mut next) > 0 {
            return Err(step.diverged(field(same), UNREADABLE.to_owned(), hex(&next)));
        }
    }
    Ok(())
}
