//! Replays the entries and exits of system calls.

use crate::divergence::{Field, first_difference, hex};
use crate::engine::{Check, Halt, Observer, Replay, lost};
use crate::reached::Reached;
use crate::stop_info;
use crate::task::Call;
use sysreel_abi::replay::AddressSpaceOp;
use sysreel_abi::{Abi, CallKind, clone_flags, errno, replay, row};
use sysreel_format::syscall_info::{self, MERGED};
use sysreel_format::{Altering, Direction, Event, Part, ReadAt, Region, Stop};
use sysreel_sys::remote::SYSCALL;

impl<S: ReadAt> Replay<'_, S> {
    /// Runs the task to the recorded entry and compares it.
    pub(crate) fn entry(&mut self, event: &Event<'_>, stop: &Stop<'_>) -> Result<(), Halt> {
        let syscall_info::Call { nr, args } = stop_info::entry(stop.info);
        let has_image = self.tasks.get(&event.task.0).is_some_and(|task| task.has_image);
        if has_image {
            self.go_back_to_call(event, nr)?;
            self.reach_call(event, stop)?;
        }
        self.enter(event, stop, nr, args, has_image && self.options.check == Check::Every)
    }

    /// Runs the task to the entry of a call and compares number, arguments, and instruction and
    /// stack pointer.
    fn reach_call(&mut self, event: &Event<'_>, stop: &Stop<'_>) -> Result<(), Halt> {
        match self.run_to_stop(event)? {
            Reached::Call => {}
            other => {
                let recorded = stop_info::describe_entry(stop.info);
                return Err(self.diverged(
                    event,
                    Field::Stop,
                    recorded,
                    other.describe(&self.info),
                ));
            }
        }
        self.calls += 1;
        if let Some((field, recorded, actual)) =
            first_difference(&MERGED.decode(stop.info), &MERGED.decode(self.info.bytes()))
        {
            return Err(self.diverged(event, field, recorded, actual));
        }
        Ok(())
    }

    /// Compares the memory that the call reads, and keeps what the exit needs.
    fn enter(
        &mut self,
        event: &Event<'_>,
        stop: &Stop<'_>,
        nr: u64,
        args: [u64; 6],
        compare: bool,
    ) -> Result<(), Halt> {
        let mut structure = None;
        let mut echo = None;
        // What the second argument points to: a buffer, or an array of buffers.
        let mut sources: [Vec<(u64, u64)>; 2] = Default::default();
        let mut vetoed = false;
        for part in stop.parts {
            match part? {
                Part::Region(region) if region.head.dir == Direction::IN => {
                    let bytes = self.log.region_bytes(&region)?;
                    if compare {
                        self.compare_region(event, &region, &bytes)?;
                    }
                    if (region.head.arg, region.head.role.0, region.head.index) == (0, 0, 0) {
                        structure = Some(bytes.into_owned());
                    }
                    if region.head.arg == 1
                        && let Some(sources) = sources.get_mut(usize::from(region.head.role.0))
                    {
                        sources.push((region.head.address, region.head.got));
                    }
                }
                Part::State(state)
                    if self.tasks.get(&event.task.0).is_some_and(|task| task.has_image) =>
                {
                    self.compare_state(event, &state)?;
                }
                Part::Echo(to) => echo = Some(to),
                Part::Altered(altered) => vetoed |= altered.what == Altering::CALL_VETOED,
                _ => {}
            }
        }
        let arch = stop_info::arch(stop.info);
        let Some(task) = self.tasks.get_mut(&event.task.0) else { return Ok(()) };
        task.call = Abi::from_call(arch, nr).zip(row(arch, nr)).map(|(abi, row)| {
            let clone = clone_flags(abi, row, &args, structure.as_deref());
            Call {
                abi,
                row,
                args,
                address_space_op: replay::address_space_op(abi, row, &args, structure.as_deref()),
                shares_memory: clone.is_some_and(|flags| flags.memory()),
                thread_area: clone
                    .and_then(|flags| replay::thread_area_of_child(abi, row, &args, flags)),
                vetoed,
                echo: echo.map(|to| {
                    let [direct, pointed] = sources;
                    (to, if pointed.is_empty() { direct } else { pointed })
                }),
            }
        });
        Ok(())
    }

    /// Sets a task back to its call after a restart code. The kernel makes such a call again
    /// without an instruction of the program: it moves the instruction pointer back, and may set
    /// another number (arch/x86/kernel/signal.c, arch_do_signal_or_restart).
    fn go_back_to_call(&mut self, event: &Event<'_>, nr: u64) -> Result<(), Halt> {
        if !self.tasks.get(&event.task.0).is_some_and(|task| task.restarts) {
            return Ok(());
        }
        self.with_task(event, |task| {
            task.restarts = false;
            let mut registers = task.stop.general()?;
            // `syscall` and `int 0x80` are both two bytes long.
            registers.repeat_call(SYSCALL.len() as u64, nr);
            task.stop.set_general(&registers)
        })
    }

    fn compare_region(
        &mut self,
        event: &Event<'_>,
        region: &Region<'_>,
        recorded: &[u8],
    ) -> Result<(), Halt> {
        let Some(task) = self.tasks.get_mut(&event.task.0) else { return Ok(()) };
        let mut actual = vec![0; recorded.len()];
        let got = task.memory.read(region.head.address, &mut actual);
        if got == recorded.len() && actual == recorded {
            return Ok(());
        }
        let same = recorded
            .iter()
            .zip(&actual[..got])
            .take_while(|(recorded, actual)| recorded == actual)
            .count();
        let field = Field::Buffer { argument: region.head.arg, offset: same as u64 };
        let actual = if same == got {
            "memory that cannot be read".to_owned()
        } else {
            hex(&actual[same..got])
        };
        Err(self.diverged(event, field, hex(&recorded[same..]), actual))
    }

    /// Gives the task the recorded result, memory and registers of the call.
    pub(crate) fn exit(
        &mut self,
        event: &Event<'_>,
        stop: &Stop<'_>,
        observer: &mut dyn Observer,
    ) -> Result<(), Halt> {
        let outcome = stop_info::exit(stop.info);
        let (rval, is_error) = (outcome.rval, outcome.failed());
        let given = stop.parts.flatten().find_map(|part| match part {
            Part::Altered(altered) if altered.what == Altering::RETURN_VALUE => {
                altered.given.first_chunk().map(|bytes| i64::from_le_bytes(*bytes))
            }
            _ => None,
        });
        let Some(task) = self.tasks.get_mut(&event.task.0) else { return Ok(()) };
        let Some(call) = task.call.clone() else { return self.apply(event, stop) };
        let succeeded = !is_error && !call.vetoed;
        if succeeded && call.row.kind == CallKind::Exec {
            return self.new_image(event, stop);
        }
        if !task.has_image {
            return Ok(());
        }
        let value = given.unwrap_or(rval);
        if succeeded {
            self.echo(event, &call, rval, observer);
            self.apply_op(event, rval.cast_unsigned())?;
        }
        self.with_task(event, |task| {
            task.restarts = errno::is_restart(value);
            task.stop.set_result(value.cast_unsigned())
        })?;
        self.apply(event, stop)?;
        // After the region was written: the kernel stored the number of the TLS entry in it.
        if succeeded && let Some(AddressSpaceOp::ThreadArea { at }) = call.address_space_op {
            self.with_task(event, |task| {
                let area = task.memory.thread_area(at);
                task.stop.set_thread_area(&area)
            })?;
        }
        if let Some(task) = self.tasks.get_mut(&event.task.0) {
            task.call = None;
        }
        Ok(())
    }

    /// Passes on what the program wrote to the recorder's output, up to the `count` bytes that the
    /// call took.
    fn echo(&mut self, event: &Event<'_>, call: &Call, count: i64, observer: &mut dyn Observer) {
        let Some((to, sources)) = &call.echo else { return };
        let mut left = usize::try_from(count).unwrap_or(0);
        for &(address, len) in sources {
            let mut bytes = vec![0; usize::try_from(len).unwrap_or(0).min(left)];
            let Some(task) = self.tasks.get_mut(&event.task.0) else { return };
            let got = task.memory.read(address, &mut bytes);
            observer.output(*to, &bytes[..got]);
            left -= got.min(left);
        }
    }

    /// Replaces the program after an execve: the task becomes a stub, then gets the recorded
    /// mappings, memory and registers.
    fn new_image(&mut self, event: &Event<'_>, stop: &Stop<'_>) -> Result<(), Halt> {
        self.address_spaces.push(Default::default());
        let space = self.address_spaces.len() - 1;
        let Some(task) = self.tasks.get_mut(&event.task.0) else { return Ok(()) };
        self.tracer.become_stub(&self.stub, &mut task.stop).map_err(|gone| lost(event, gone))?;
        task.memory.forget_image();
        task.call = None;
        task.has_image = true;
        task.space = space;
        // The log has mappings before their contents. Registers come last, because the injected
        // calls use them.
        self.apply(event, stop)
    }
}
