//! The arguments of a call. They become text when they are asked for.

use std::borrow::Cow;

use sysreel_abi::{ArgKind, Mem};

use super::call::Call;
use crate::regions::RegionView;

impl<'a> Call<'a> {
    /// Returns its arguments, by name or position.
    #[must_use]
    pub fn args(&self) -> Args<'a> {
        Args { call: *self }
    }
}

/// The arguments of a call: those of its row, or the six registers if the table has no row for it.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    call: Call<'a>,
}

impl<'a> Args<'a> {
    pub(crate) fn call(&self) -> &Call<'a> {
        &self.call
    }

    /// Returns how many arguments there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.call.row().map_or(self.call.open.call.args.len(), |row| row.args.len())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns an argument by its name in the kernel's prototype, such as `flags`; see
    /// docs/syscalls.md. Names of one meaning may differ between calls: the descriptor of openat(2)
    /// is `dfd`, that of read(2) is `fd`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arg<'a>> {
        self.at(self.call.row()?.arg(name)?)
    }

    /// Returns an argument by its position, from 0.
    #[must_use]
    pub fn at(&self, at: usize) -> Option<Arg<'a>> {
        (at < self.len()).then_some(Arg { call: self.call, at })
    }

    /// Returns the value of an argument by its position, as the program passed it.
    #[must_use]
    pub fn raw(&self, at: usize) -> Option<u64> {
        self.at(at).map(|arg| arg.raw())
    }

    /// Returns the values of all six argument registers, as the program passed them.
    #[must_use]
    pub fn registers(&self) -> [u64; 6] {
        self.call.resolved().map_or(self.call.open.call.args, |call| call.args)
    }

    /// Iterates over the arguments.
    pub fn iter(&self) -> impl Iterator<Item = Arg<'a>> + use<'a> {
        let args = *self;
        (0..args.len()).filter_map(move |at| args.at(at))
    }
}

/// An argument of a call.
#[derive(Clone, Copy)]
pub struct Arg<'a> {
    pub(crate) call: Call<'a>,
    pub(crate) at: usize,
}

impl<'a> Arg<'a> {
    /// Returns its name in the kernel's prototype; empty if the table has no row for the call.
    #[must_use]
    pub fn name(&self) -> &'static str {
        let arg = self.call.row().and_then(|row| row.args.get(self.at));
        arg.map_or("", |arg| arg.name)
    }

    /// Returns its value, as the program passed it.
    #[must_use]
    pub fn raw(&self) -> u64 {
        self.call.args().registers().get(self.at).copied().unwrap_or(0)
    }

    /// Returns what it is and the memory that it points to. `None` if the table has no row for the
    /// call.
    #[must_use]
    pub fn meaning(&self) -> Option<(ArgKind, Option<Mem>)> {
        let call = self.call.resolved()?;
        call.row.meaning(call.abi, &call.args, self.at)
    }

    /// Returns the bytes that it points to: after the call if the call wrote them, otherwise before
    /// it. `None` if it points to nothing that was captured, or the log no longer has it.
    #[must_use]
    pub fn bytes(&self) -> Option<Cow<'a, [u8]>> {
        self.region()?.bytes(self.call.buffers, usize::MAX)
    }

    /// Whether the recorder kept only the beginning of [`Self::bytes`], because of its capture
    /// limit.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.region().is_some_and(|region| region.is_cut())
    }

    fn region(&self) -> Option<RegionView<'a>> {
        let (arg, role) = (u8::try_from(self.at).ok()?, self.call.resolved()?.role);
        let exit = self.call.exit_regions().and_then(|exit| exit.find(arg, role, 0));
        exit.or_else(|| self.call.open.memory.find(arg, role, 0))
    }
}
