//! What is known of an address space that is recorded from inside.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use sysreel_sys::Tid;
use sysreel_sys::fast::{Inside, Patch, Rings, STUB, STUBS_LEN, Stub};
use sysreel_sys::memory::Window;

/// An address space, which all tasks that run in it share.
pub(super) type Shared = Rc<RefCell<Memory>>;

/// How calls of an address space are recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum State {
    /// Traced so far.
    #[default]
    Plain,
    /// It has a page.
    Injected,
    /// Traced from now on.
    Demoted,
}

/// A call site.
#[derive(Debug, Clone)]
pub(super) struct Site {
    /// How it is patched; `None` if it cannot be, or is not any more.
    pub(super) patch: Option<Patch>,
    /// What was at the padding.
    pub(super) padding: Vec<u8>,
}

/// A mapping of stubs.
#[derive(Debug, Clone)]
pub(super) struct Stubs {
    pub(super) at: u64,
    /// The site of each stub.
    pub(super) sites: Vec<u64>,
}

/// A mapping of a file that can be executed and not written.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pub(super) start: u64,
    pub(super) end: u64,
    /// Where functions begin, in ascending order.
    pub(super) functions: Rc<[u64]>,
}

#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) state: State,
    /// The number of traced calls.
    pub(super) calls: u32,
    /// The rings, which processes that were forked from each other share.
    pub(super) rings: Option<Rc<Rings>>,
    pub(super) sites: HashMap<u64, Site>,
    pub(super) stubs: Vec<Stubs>,
    pub(super) text: Vec<Text>,
    window: Option<Rc<Window>>,
}

impl Memory {
    /// That of a new program.
    pub(super) fn new(state: State) -> Memory {
        Memory { state, ..Memory::default() }
    }

    /// The copy that a fork makes.
    pub(super) fn forked(&self) -> Memory {
        Memory {
            state: self.state,
            calls: self.calls,
            rings: self.rings.clone(),
            sites: self.sites.clone(),
            stubs: self.stubs.clone(),
            text: self.text.clone(),
            window: None,
        }
    }

    /// Returns the memory. It can be read and written even where it is protected.
    pub(super) fn window(&mut self, tid: Tid) -> Option<Rc<Window>> {
        if self.window.is_none() {
            self.window = Window::open(tid).ok().map(Rc::new);
        }
        self.window.clone()
    }

    /// The stub that contains an address.
    pub(super) fn stub_at(&self, address: u64) -> Option<Stub> {
        let of = |stubs: &Stubs| {
            let nth = address.checked_sub(stubs.at).filter(|&at| at < STUBS_LEN)? / STUB;
            let site = *stubs.sites.get(usize::try_from(nth).ok()?)?;
            Some(Stub { at: stubs.at + nth * STUB, site })
        };
        self.stubs.iter().find_map(of)
    }

    /// The address of a site's stub.
    pub(super) fn stub_of(&self, site: u64) -> Option<u64> {
        let of = |stubs: &Stubs| {
            let nth = stubs.sites.iter().rposition(|&other| other == site)?;
            Some(stubs.at + STUB * nth as u64)
        };
        self.stubs.iter().rev().find_map(of)
    }

    /// Whether a thread with this instruction pointer is in code of the recorder.
    pub(super) fn inside(&self, ip: u64) -> Option<Inside> {
        self.rings.as_ref()?;
        Inside::page(ip).or_else(|| self.stub_at(ip).map(Inside::Stub))
    }

    /// Forgets what is known of mappings in these ranges, which may be replaced.
    pub(super) fn forget_text(&mut self, ranges: &[(u64, u64)]) {
        let touches = |text: &Text, (start, len): (u64, u64)| {
            start < text.end && start.saturating_add(len) > text.start
        };
        self.text.retain(|text| !ranges.iter().any(|&range| touches(text, range)));
    }

    /// Whether code of a site, or its padding, or the recorder's own is in a range.
    pub(super) fn sites_in(&self, start: u64, len: u64) -> Vec<u64> {
        let end = start.saturating_add(len);
        let touches = |from: u64, bytes: u64| from < end && from + bytes > start;
        let is_in = |(&site, about): (&u64, &Site)| {
            let patch = about.patch?;
            (touches(site, 2) || touches(patch.padding, patch.len.into())).then_some(site)
        };
        self.sites.iter().filter_map(is_in).collect()
    }

    /// Whether a range has code or rings of the recorder.
    pub(super) fn covers_own(&self, start: u64, len: u64) -> bool {
        use sysreel_sys::fast::{PAGE, PAGE_LEN, RINGS, RINGS_LEN};
        let end = start.saturating_add(len);
        let touches = |from: u64, bytes: u64| from < end && from + bytes > start;
        self.rings.is_some()
            && (touches(PAGE, PAGE_LEN)
                || touches(RINGS, RINGS_LEN)
                || self.stubs.iter().any(|stubs| touches(stubs.at, STUBS_LEN)))
    }
}
