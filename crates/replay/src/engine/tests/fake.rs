//! A kernel that follows a script: it has memory and registers, notes every operation that changes
//! something, and stops where the script says.

pub(super) use super::world::{Fault, Next, State, World};
use super::world::{Page, Pages};
use crate::kernel::{Budget, Kernel, Tracee};
use std::cell::RefCell;
use std::fmt::Write;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::rc::Rc;
use sysreel_abi::{AuditArch, syscall_name};
use sysreel_sys::process::Mapping;
use sysreel_sys::regs::THREAD_AREA;
use sysreel_sys::stop::SIGINFO;
use sysreel_sys::{
    Call, Called, Died, Error, Lost, Registers, Result, StopKind, SyscallInfo, Tid, WaitStatus,
};

const PAGE: u64 = 4096;
/// Where the fake stub is.
pub(super) const STUB: u64 = 0x1_0000;
const CLONE_VM: u64 = 0x100;

/// The kernel of a test.
#[derive(Debug, Clone, Default)]
pub(super) struct Fake(pub(super) Rc<RefCell<World>>);

/// A task of the fake kernel.
#[derive(Debug)]
pub(super) struct FakeTask {
    tid: Tid,
    world: Rc<RefCell<World>>,
    pages: Rc<RefCell<Pages>>,
    state: State,
}

fn failed(what: &str, fault: Fault) -> Error {
    // ESRCH, EIO.
    let errno = if fault == Fault::Died { 3 } else { 5 };
    let source = io::Error::from_raw_os_error(errno);
    Error::Call { what: what.to_owned(), tid: None, source }
}

fn lost(what: &str, fault: Fault) -> Lost {
    match fault {
        Fault::Died => Lost::Gone(WaitStatus(9)),
        Fault::Refused => failed(what, fault).into(),
    }
}

impl Fake {
    fn new_task(&self, pages: Rc<RefCell<Pages>>) -> FakeTask {
        let mut world = self.0.borrow_mut();
        world.next_tid += 1;
        FakeTask {
            tid: world.next_tid,
            world: Rc::clone(&self.0),
            pages,
            state: State {
                kind: StopKind::Syscall,
                info: Vec::new(),
                siginfo: None,
                registers: registers(0x1_0100, 0, 0),
            },
        }
    }

    /// Takes the next step of the script. Returns whether the task has stopped.
    fn advance(&self, task: &mut FakeTask, budget: &mut Budget) -> Result<bool, Lost> {
        let next = {
            let mut world = self.0.borrow_mut();
            match world.script.front().cloned() {
                Some(next) if world.repeats && world.script.len() == 1 => next,
                Some(_) => world.script.pop_front().unwrap(),
                None => panic!("the script is over, after {:#?}", world.done),
            }
        };
        match next {
            Next::Stops(state) => {
                task.state = *state;
                Ok(true)
            }
            Next::Uses(time) if budget.allows(time) => Ok(false),
            Next::Uses(_) => {
                task.state.kind = StopKind::Event(sysreel_sys::Event::STOP);
                Ok(true)
            }
            Next::Gone(status) => Err(Lost::Gone(WaitStatus(status))),
            Next::Fails(operation, fault) => {
                self.0.borrow_mut().faults.insert(operation, fault);
                Ok(false)
            }
            Next::Writes(address, bytes) => {
                task.put(address, &bytes).unwrap();
                Ok(false)
            }
        }
    }
}

impl Kernel for Fake {
    type Tracee = FakeTask;

    fn stub_page(&self) -> u64 {
        STUB
    }

    fn spawn(&mut self) -> Result<FakeTask> {
        self.0.borrow().check("spawn").map_err(|fault| failed("spawn", fault))?;
        self.0.borrow_mut().note("spawn".into());
        Ok(self.new_task(Rc::default()))
    }

    fn adopt(&mut self, child: Tid) -> Result<FakeTask, Lost> {
        self.0.borrow().check("adopt").map_err(|fault| lost("adopt", fault))?;
        self.0.borrow_mut().note(format!("adopt {child}"));
        let pages = self.0.borrow_mut().newborn.take().unwrap_or_default();
        Ok(self.new_task(pages))
    }

    fn become_stub(&mut self, tracee: &mut FakeTask) -> Result<(), Lost> {
        self.0.borrow().check("become_stub").map_err(|fault| lost("become_stub", fault))?;
        self.0.borrow_mut().note("become stub".into());
        tracee.pages = Rc::default();
        tracee.state.registers = registers(0x1_0100, 0, 0);
        Ok(())
    }

    fn call(&mut self, tracee: &mut FakeTask, call: Call) -> Result<Called, Lost> {
        let (name, text, result) = tracee.perform(call);
        self.0.borrow().check(name).map_err(|fault| lost(name, fault))?;
        let mut world = self.0.borrow_mut();
        world.note(text);
        let given = world.results.iter().position(|(of, _)| *of == name);
        let result = given.map_or(result, |at| world.results.remove(at).1);
        let makes_task = name == "clone" && result >= 0 && !world.hides_children;
        let child = makes_task.then(|| world.next_tid + 1);
        world.newborn = child.map(|_| match call {
            Call::Plain(_, [flags, ..]) if flags & CLONE_VM != 0 => Rc::clone(&tracee.pages),
            _ => Rc::new(RefCell::new(tracee.pages.borrow().clone())),
        });
        Ok(Called { result, child, signals: Vec::new() })
    }

    fn resume(&mut self, tracee: &mut FakeTask, budget: &mut Budget) -> Result<(), Lost> {
        self.0.borrow().check("resume").map_err(|fault| lost("resume", fault))?;
        self.0.borrow_mut().note("resume".into());
        while !self.advance(tracee, budget)? {}
        Ok(())
    }

    fn end(&mut self, tracee: FakeTask) -> Result<()> {
        self.0.borrow().check("end").map_err(|fault| failed("end", fault))?;
        self.0.borrow_mut().note(format!("end {}", tracee.tid));
        Ok(())
    }
}

impl FakeTask {
    /// Returns the name of a call, its text, and its result once it is made.
    fn perform(&mut self, call: Call) -> (&'static str, String, i64) {
        let mut pages = self.pages.borrow_mut();
        let each = |address: u64, len: u64| (address..address + len).step_by(4096);
        match call {
            Call::Munmap { address, len } => {
                each(address, len).for_each(|page| _ = pages.remove(&page));
                ("munmap", format!("munmap {address:#x}+{len:#x}"), 0)
            }
            Call::Anonymous { address, len, prot, grows_down } => {
                each(address, len).for_each(|page| _ = pages.insert(page, Page::of(None)));
                let down = if grows_down { " down" } else { "" };
                let text = format!("mmap {address:#x}+{len:#x} prot {prot}{down}");
                ("mmap", text, address.cast_signed())
            }
            Call::File { address, len, prot, fd, offset, shared } => {
                let inode = std::fs::metadata(format!("/proc/self/fd/{fd}")).unwrap().ino();
                each(address, len).for_each(|page| {
                    let file = Some((offset + (page - address), inode));
                    pages.insert(page, Page::of(file));
                });
                let kind = if shared { "shared" } else { "private" };
                let text = format!("file {address:#x}+{len:#x} prot {prot} {kind} at {offset:#x}");
                ("mmap", text, address.cast_signed())
            }
            Call::Plain(nr, args) => {
                let name = syscall_name(AuditArch::X86_64, nr.cast_unsigned()).unwrap();
                let mut text = name.to_owned();
                args.iter().for_each(|arg| write!(text, " {arg:#x}").unwrap());
                let result = if name == "mremap" { args[4].cast_signed() } else { 0 };
                (name, text, result)
            }
        }
    }

    fn put(&mut self, address: u64, bytes: &[u8]) -> io::Result<()> {
        let mut pages = self.pages.borrow_mut();
        for (address, byte) in (address..).zip(bytes) {
            let page = pages.get_mut(&(address - address % PAGE));
            let page = page.ok_or_else(|| io::Error::from_raw_os_error(14))?;
            page.bytes[usize::try_from(address % PAGE).unwrap()] = *byte;
        }
        Ok(())
    }

    fn get(&self, address: u64, bytes: &mut [u8]) -> usize {
        let pages = self.pages.borrow();
        for (got, (address, byte)) in (address..).zip(&mut *bytes).enumerate() {
            let Some(page) = pages.get(&(address - address % PAGE)) else { return got };
            *byte = page.bytes[usize::try_from(address % PAGE).unwrap()];
        }
        bytes.len()
    }

    fn check(&self, operation: &'static str) -> Result<()> {
        self.world.borrow().check(operation).map_err(|fault| failed(operation, fault))
    }

    fn ask(&self, operation: &'static str) -> Result<(), Died> {
        self.world.borrow().check(operation).map_err(|_| Died)
    }

    fn note(&self, text: String) {
        self.world.borrow_mut().note(text);
    }
}

impl Tracee for FakeTask {
    fn tid(&self) -> Tid {
        self.tid
    }

    fn kind(&self) -> StopKind {
        self.state.kind
    }

    fn syscall_info(&self, info: &mut SyscallInfo) -> Result<(), Died> {
        self.ask("syscall_info")?;
        *info = SyscallInfo::from_bytes(&self.state.info);
        Ok(())
    }

    fn siginfo(&self) -> Result<Option<[u8; SIGINFO]>, Died> {
        self.ask("siginfo")?;
        Ok(self.state.siginfo)
    }

    fn registers(&self) -> Result<Registers> {
        self.check("registers")?;
        Ok(self.state.registers)
    }

    fn set_registers(&mut self, registers: &Registers) -> Result<()> {
        self.check("set_registers")?;
        let (ip, sp, rax) = (registers.ip(), registers.sp(), registers.result());
        self.note(format!("registers {ip:#x} {sp:#x} {rax:#x}"));
        self.state.registers = *registers;
        Ok(())
    }

    fn set_result(&mut self, result: u64) -> Result<()> {
        self.check("set_result")?;
        self.note(format!("result {}", result.cast_signed()));
        self.state.registers.set_result(result);
        Ok(())
    }

    fn extended(&self) -> Result<Vec<u8>> {
        self.check("extended")?;
        Ok(self.world.borrow().extended.clone())
    }

    fn set_extended(&mut self, state: &[u8]) -> Result<()> {
        self.check("set_extended")?;
        self.note(format!("extended {} bytes", state.len()));
        Ok(())
    }

    fn set_thread_area(&mut self, area: &[u8; THREAD_AREA]) -> Result<()> {
        self.check("set_thread_area")?;
        self.note(format!("thread area {}", area[0]));
        Ok(())
    }

    fn set_breakpoint(&mut self, ip: Option<u64>) -> Result<()> {
        self.check("set_breakpoint")?;
        self.note(ip.map_or("no breakpoint".to_owned(), |ip| format!("breakpoint {ip:#x}")));
        Ok(())
    }

    fn read(&mut self, address: u64, bytes: &mut [u8]) -> usize {
        self.get(address, bytes)
    }

    fn read_ignoring_protection(&mut self, address: u64, bytes: &mut [u8]) -> io::Result<usize> {
        self.check("window").map_err(io::Error::other)?;
        Ok(self.get(address, bytes))
    }

    fn write(&mut self, address: u64, bytes: &[u8]) -> io::Result<()> {
        self.note(format!("write {address:#x} {bytes:x?}"));
        self.put(address, bytes)
    }

    fn hash_memory(&self) -> Option<blake3::Hash> {
        self.check("hash").ok()?;
        let mut hasher = blake3::Hasher::new();
        if let Some(hashes) = &mut self.world.borrow_mut().hashes {
            *hashes += 1;
            return Some(hasher.update(&hashes.to_le_bytes()).finalize());
        }
        self.pages.borrow().values().for_each(|page| _ = hasher.update(&page.bytes));
        Some(hasher.finalize())
    }

    fn set_stack_limit(&mut self, soft: u64) -> io::Result<()> {
        self.check("set_stack_limit").map_err(io::Error::other)?;
        self.note(format!("stack limit {soft:#x}"));
        Ok(())
    }

    fn mappings(&self) -> io::Result<Vec<Mapping>> {
        self.check("mappings").map_err(io::Error::other)?;
        let mapping = |(&start, page): (&u64, &Page)| Mapping {
            start,
            end: start + PAGE,
            permissions: if page.file.is_some() { *b"rw-s" } else { *b"rw-p" },
            offset: page.file.map_or(0, |(offset, _)| offset),
            device: 0,
            inode: page.file.map_or(0, |(_, inode)| inode),
            path: Vec::new(),
        };
        Ok(self.pages.borrow().iter().map(mapping).collect())
    }
}

/// Registers with these values, and zero in all others.
pub(super) fn registers(ip: u64, sp: u64, rax: u64) -> Registers {
    let mut registers = Registers::from_bytes(&[0; Registers::LEN]).unwrap();
    registers.set_ip(ip);
    registers.set_sp(sp);
    registers.set_result(rax);
    registers
}
