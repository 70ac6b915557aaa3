//! Entries and exits of calls.

use crate::divergence::{Field, first_difference};
use crate::engine::{Check, Halt, Observer, Replay, lost};
use crate::stops::{Reached, hex};
use crate::task::Call;
use sysreel_abi::replay::AddressSpaceOp;
use sysreel_abi::{Abi, AuditArch, CallKind, clone_flags, errno, replay, row};
use sysreel_format::{Altering, Direction, Event, Part, ReadAt, Region, Stop};
use sysreel_sys::remote::SYSCALL;

impl<S: ReadAt> Replay<'_, S> {
    /// The task must come to the entry of this call.
    pub(crate) fn entry(&mut self, event: &Event<'_>, stop: &Stop<'_>) -> Result<(), Halt> {
        let (nr, args) = words(stop.info);
        let has_image = self.tasks.get(&event.task.0).is_some_and(|task| task.has_image);
        if has_image {
            self.go_back_to_call(event, nr)?;
            self.reach_call(event, stop)?;
        }
        self.enter(event, stop, nr, args, has_image && self.options.check == Check::Every)
    }

    /// The task runs to the entry of a call, which must be this one.
    fn reach_call(&mut self, event: &Event<'_>, stop: &Stop<'_>) -> Result<(), Halt> {
        match self.run_on(event)? {
            Reached::Call => {}
            other => {
                let recorded = describe_entry(stop.info);
                return Err(self.diverged(
                    event,
                    Field::Stop,
                    recorded,
                    other.describe(&self.info),
                ));
            }
        }
        self.calls += 1;
        if let Some((field, recorded, actual)) = first_difference(stop.info, self.info.bytes()) {
            return Err(self.diverged(event, field, recorded, actual));
        }
        Ok(())
    }

    /// What the call reads must be as it was; what it is about is kept for its exit.
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
        // What the second argument points to: a buffer, or an array that points to several.
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
        let arch = AuditArch(arch(stop.info));
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

    /// A call whose result says that it is to be made again is made by the kernel, without a step
    /// of the program: it goes back to the instruction, with the number that the log says
    /// (arch/x86/kernel/signal.c, arch_do_signal_or_restart).
    fn go_back_to_call(&mut self, event: &Event<'_>, nr: u64) -> Result<(), Halt> {
        if !self.tasks.get(&event.task.0).is_some_and(|task| task.restarts) {
            return Ok(());
        }
        self.task(event, |task| {
            task.restarts = false;
            let mut registers = task.stop.general()?;
            // `syscall` and `int 0x80` are two bytes long.
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
            "memory that is not there".to_owned()
        } else {
            hex(&actual[same..got])
        };
        Err(self.diverged(event, field, hex(&recorded[same..]), actual))
    }

    /// The task gets what the call answered.
    pub(crate) fn exit(
        &mut self,
        event: &Event<'_>,
        stop: &Stop<'_>,
        observer: &mut dyn Observer,
    ) -> Result<(), Halt> {
        let (rval, is_error) = result(stop.info);
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
        self.task(event, |task| {
            task.restarts = errno::is_restart(value);
            task.stop.set_result(value.cast_unsigned())
        })?;
        self.apply(event, stop)?;
        // With the entry's number, which the kernel may have chosen.
        if succeeded && let Some(AddressSpaceOp::ThreadArea { at }) = call.address_space_op {
            self.task(event, |task| {
                let area = task.memory.thread_area(at);
                task.stop.set_thread_area(&area)
            })?;
        }
        if let Some(task) = self.tasks.get_mut(&event.task.0) {
            task.call = None;
        }
        Ok(())
    }

    /// What the program has written to our own output, as far as the call took it.
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

    /// An execve has succeeded: what was there goes, what the log has comes.
    fn new_image(&mut self, event: &Event<'_>, stop: &Stop<'_>) -> Result<(), Halt> {
        self.address_spaces.push(Default::default());
        let space = self.address_spaces.len() - 1;
        let Some(task) = self.tasks.get_mut(&event.task.0) else { return Ok(()) };
        self.tracer.become_stub(&self.stub, &mut task.stop).map_err(|gone| lost(event, gone))?;
        task.memory.renewed();
        task.call = None;
        task.has_image = true;
        task.space = space;
        // Memory is there before something is put into it; the registers come last, for mapping
        // goes through them.
        self.apply(event, stop)
    }
}

/// An entry in words.
pub(crate) fn describe_entry(info: &[u8]) -> String {
    let (nr, _) = words(info);
    let name = row(AuditArch(arch(info)), nr).map_or("an unknown call", |row| row.name);
    format!("the entry of {name} ({nr})")
}

fn arch(info: &[u8]) -> u32 {
    info.get(4..8)
        .and_then(|bytes| bytes.first_chunk())
        .map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

fn word(info: &[u8], at: usize) -> u64 {
    info.get(at..at + 8)
        .and_then(|bytes| bytes.first_chunk())
        .map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

fn words(info: &[u8]) -> (u64, [u64; 6]) {
    (word(info, 24), std::array::from_fn(|i| word(info, 32 + 8 * i)))
}

fn result(info: &[u8]) -> (i64, bool) {
    (word(info, 24).cast_signed(), info.get(32).is_some_and(|&is_error| is_error != 0))
}
