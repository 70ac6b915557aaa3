//! Reads the memory of a call from the tracee, as the table's plan requests.

use super::copies::Copies;
use crate::sink::Sink;
use sysreel_abi::desc::Dir;
use sysreel_abi::plan::{Fact, Memory, RegionRequest};
use sysreel_format::{Completeness, Direction, RegionFlags, RegionHead, Role};
use sysreel_sys::Tid;
use sysreel_sys::memory::{self, Transfer};
use sysreel_sys::object;

/// Structures are read at least this far, even under a smaller capture limit, because they lead to
/// other memory.
const MIN_READ: u64 = 4096;
/// Strings and pointer arrays are read page by page, because the next page may not exist.
const PAGE: u64 = 4096;
/// The first read of a string or pointer array, in bytes: most are shorter.
const SHORT: u64 = 256;
/// The first read of anything else. Programs pass lengths far beyond what is there, and room for
/// them costs time.
const LONG: u64 = 1 << 20;
/// The buffer grows by multiples of this.
const BUFFER_STEP: usize = 64 << 10;
/// The most memory captured at one stop. What exceeds it is marked as cut.
const MAX_PER_STOP: usize = 512 << 20;
/// A buffer that a huge region made larger than this is freed afterwards.
const BUFFER_KEPT: usize = 4 << 20;

/// The captured memory of the current stop. Reused from stop to stop, so that a stop allocates
/// nothing.
#[derive(Debug)]
pub(crate) struct Capture {
    tid: Tid,
    limit: u64,
    buffer: Vec<u8>,
    used: usize,
    transfers: Vec<Transfer>,
    fetched: Vec<Fetched>,
    /// What is read instead of the task's memory, if `from_copies`.
    copies: Copies,
    from_copies: bool,
    /// The plan's requests, lent to it at each stop.
    pub(crate) requests: Vec<RegionRequest>,
}

/// The memory fetched for a request.
#[derive(Debug, Clone, Copy, Default)]
struct Fetched {
    offset: usize,
    got: usize,
    errno: i32,
    /// The bytes tried; less than requested when the limit cut it.
    tried: u64,
    /// Whether the terminator was found.
    ended: bool,
}

impl Capture {
    pub(crate) fn new(limit: u64) -> Capture {
        Capture {
            tid: 0,
            limit,
            buffer: Vec::new(),
            used: 0,
            transfers: Vec::new(),
            fetched: Vec::new(),
            copies: Copies::default(),
            from_copies: false,
            requests: Vec::new(),
        }
    }

    /// Whether any memory is to be captured.
    pub(crate) fn is_on(&self) -> bool {
        self.limit > 0
    }

    /// Starts a new stop and drops the memory of the last one.
    pub(crate) fn begin(&mut self, tid: Tid) {
        self.tid = tid;
        self.used = 0;
        self.fetched.clear();
        self.requests.clear();
        if self.buffer.len() > BUFFER_KEPT {
            self.buffer = Vec::new();
        }
    }

    /// Reads from copies from now on. Returns them, empty.
    pub(crate) fn use_copies(&mut self) -> &mut Copies {
        self.from_copies = true;
        self.copies.clear();
        &mut self.copies
    }

    /// Reads the memory of tasks from now on.
    pub(crate) fn use_memory(&mut self) {
        self.from_copies = false;
    }

    /// The copies, if they are what is read.
    pub(crate) fn copies(&self) -> Option<&Copies> {
        self.from_copies.then_some(&self.copies)
    }

    /// The requests of this stop, each with the number of bytes tried, the errno, and the bytes.
    pub(crate) fn fetched(&self) -> impl Iterator<Item = (&RegionRequest, u64, i32, &[u8])> {
        self.requests.iter().zip(&self.fetched).map(|(request, fetched)| {
            let bytes = &self.buffer[fetched.offset..fetched.offset + fetched.got];
            let tried = if fetched.ended { bytes.len() as u64 } else { fetched.tried };
            (request, tried, if fetched.ended { 0 } else { fetched.errno }, bytes)
        })
    }

    /// Lends the list of requests to a plan, which reads the memory of the current stop.
    pub(crate) fn plan<T>(
        &mut self,
        plan: impl FnOnce(&mut Vec<RegionRequest>, &mut Capture) -> T,
    ) -> T {
        let mut requests = std::mem::take(&mut self.requests);
        let planned = plan(&mut requests, self);
        self.requests = requests;
        planned
    }

    /// Returns the memory captured for an argument; `(arg, role, index)` as in the plan's requests.
    pub(crate) fn captured(&self, arg: u8, role: u8, index: u32) -> Option<&[u8]> {
        let i = self
            .requests
            .iter()
            .position(|w| (w.arg, w.role, w.index) == (arg, role, index) && w.store)?;
        (i < self.fetched.len()).then(|| self.bytes(i))
    }

    /// Adds the regions of this stop to the row. Returns what the log cannot show because of them.
    pub(crate) fn store(&self, sink: &mut Sink) -> Completeness {
        let mut missing = Completeness::default();
        if !self.is_on() {
            return missing; // The memory was only read for the recorder's use.
        }
        for (request, fetched) in
            self.requests.iter().zip(&self.fetched).filter(|(request, _)| request.store)
        {
            let terminated = request.string || request.words != 0;
            let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
            let bytes = &self.buffer[fetched.offset..fetched.offset + fetched.got];
            let kept = &bytes[..bytes.len().min(limit)];
            let asked =
                if terminated && fetched.ended { bytes.len() as u64 } else { request.asked };
            let unread = (fetched.got as u64) < fetched.tried && !fetched.ended;
            let cut = kept.len() < bytes.len()
                || (!fetched.ended && !unread && fetched.tried < request.asked);
            let mut flags = RegionFlags::default();
            if cut {
                flags = flags.with(RegionFlags::CUT);
                missing.insert(Completeness::CAPTURE_LIMIT);
            }
            if request.string {
                flags = flags.with(RegionFlags::STRING);
            }
            if unread && fetched.errno != EFAULT {
                missing.insert(Completeness::UNREADABLE_MEMORY);
            }
            let head = RegionHead {
                arg: request.arg,
                dir: if request.dir == Dir::In { Direction::IN } else { Direction::OUT },
                role: Role(request.role),
                flags,
                index: request.index,
                address: request.address,
                asked,
                got: kept.len() as u64,
                errno: if unread { fetched.errno.cast_unsigned() } else { 0 },
            };
            sink.region(&head, kept);
        }
        missing
    }

    /// The regions of this stop of which only a part exists, with its length. Not those with a
    /// terminator, whose requested length is only a bound.
    pub(crate) fn cut_short(&self) -> impl Iterator<Item = (&RegionRequest, u64)> {
        self.requests.iter().zip(&self.fetched).filter_map(|(request, fetched)| {
            let short = (fetched.got as u64) < fetched.tried && fetched.errno == EFAULT;
            (request.store && !request.string && request.words == 0 && short)
                .then_some((request, fetched.got as u64))
        })
    }

    /// The most that is read for a request. What is longer than the longest region is cut as at the
    /// limit.
    fn most(&self, request: &RegionRequest) -> u64 {
        let longest = sysreel_format::limits::MAX_REGION as u64;
        request.asked.min(self.limit.max(MIN_READ)).min(longest)
    }

    /// The length of the first read for a request.
    fn first_read(&self, request: &RegionRequest) -> u64 {
        let most = self.most(request);
        if is_terminated(request) {
            most.min(rest_of_page(request.address)).min(SHORT)
        } else {
            most.min(LONG)
        }
    }

    fn read(&mut self, transfers: &mut [Transfer]) {
        match self.from_copies {
            true => self.copies.read(&mut self.buffer, transfers),
            false => memory::read(self.tid, &mut self.buffer, transfers),
        }
    }

    fn reserve(&mut self, len: u64) -> Option<usize> {
        let offset = self.used;
        let end =
            offset.checked_add(usize::try_from(len).ok()?).filter(|&end| end <= MAX_PER_STOP)?;
        self.used = end;
        if self.buffer.len() < self.used {
            self.buffer.resize(self.used.next_multiple_of(BUFFER_STEP), 0);
        }
        Some(offset)
    }

    /// Reads on after the first part, up to the terminator, a bad page, or the limit.
    fn read_on(&mut self, request: &RegionRequest, at: usize) {
        let most = self.most(request);
        loop {
            let fetched = self.fetched[at];
            let end =
                terminator(&self.buffer[fetched.offset..fetched.offset + fetched.got], request);
            if let Some(end) = end {
                self.fetched[at].got = end;
                self.fetched[at].ended = true;
                return;
            }
            let is_short = (fetched.got as u64) < fetched.tried;
            if fetched.errno != 0 || is_short || fetched.tried >= most {
                return;
            }
            // Extends the region in place if it is the last in the buffer, else moves it to the
            // end.
            let address = request.address.wrapping_add(fetched.tried);
            // As much again: few reads, and no more room than twice what is there.
            let step = if is_terminated(request) { rest_of_page(address) } else { fetched.tried };
            let more = (most - fetched.tried).min(step);
            if more == 0 {
                return; // There was no room for the first part.
            }
            let Some(offset) = self.extend(fetched, more) else { return };
            let mut transfer = [Transfer {
                address,
                offset: offset + fetched.got,
                len: usize::try_from(more).unwrap_or(0),
                ..Transfer::default()
            }];
            self.read(&mut transfer);
            let fetched = &mut self.fetched[at];
            fetched.offset = offset;
            fetched.got += transfer[0].got;
            fetched.errno = transfer[0].errno;
            fetched.tried += more;
        }
    }

    /// Makes room for `more` bytes after what was fetched. Returns its new offset.
    fn extend(&mut self, fetched: Fetched, more: u64) -> Option<usize> {
        if fetched.offset + fetched.got == self.used {
            self.reserve(more)?;
            return Some(fetched.offset);
        }
        let offset = self.reserve(fetched.got as u64 + more)?;
        self.buffer.copy_within(fetched.offset..fetched.offset + fetched.got, offset);
        Some(offset)
    }
}

/// A bad address given by the program: the call failed on it too.
const EFAULT: i32 = sysreel_sys::memory::EFAULT;

impl Memory for Capture {
    fn fetch(&mut self, requests: &[RegionRequest]) {
        let first = self.fetched.len();
        self.transfers.clear();
        for request in requests {
            // One for which there is no room is cut as at the limit.
            let (offset, len) = match self.reserve(self.first_read(request)) {
                Some(offset) => (offset, self.used - offset),
                None => (0, 0),
            };
            self.transfers.push(Transfer {
                address: request.address,
                offset,
                len,
                ..Transfer::default()
            });
        }
        let mut transfers = std::mem::take(&mut self.transfers);
        self.read(&mut transfers);
        self.transfers = transfers;
        self.fetched.extend(self.transfers.iter().map(|transfer| Fetched {
            offset: transfer.offset,
            got: transfer.got,
            errno: transfer.errno,
            tried: transfer.len as u64,
            ended: false,
        }));
        for (i, request) in requests.iter().enumerate() {
            if is_terminated(request) || self.first_read(request) < self.most(request) {
                self.read_on(request, first + i);
            }
        }
    }

    fn ask(&self, fact: Fact) -> Option<u64> {
        // Ids and descriptors are ints; a register has 64 bits.
        let number = |value: u64| i32::try_from(value & 0x7fff_ffff).unwrap_or(-1);
        match fact {
            Fact::Word(address) => {
                let mut word = [0; size_of::<u32>()];
                let mut transfer = [Transfer { address, len: word.len(), ..Transfer::default() }];
                memory::read(self.tid, &mut word, &mut transfer);
                (transfer[0].got == word.len()).then_some(u32::from_ne_bytes(word).into())
            }
            Fact::Semaphores(set) => object::semaphores(self.tid, number(set)),
            Fact::MapKey(fd) => object::map(self.tid, number(fd)).map(|map| map.key),
            Fact::MapValue(fd) => {
                let map = object::map(self.tid, number(fd))?;
                if sysreel_abi::is_per_cpu(map.kind) {
                    map.value.next_multiple_of(8).checked_mul(object::possible_cpus()?)
                } else {
                    Some(map.value)
                }
            }
        }
    }

    fn bytes(&self, i: usize) -> &[u8] {
        self.fetched
            .get(i)
            .map_or(&[], |fetched| &self.buffer[fetched.offset..fetched.offset + fetched.got])
    }
}

/// Whether a terminator ends the memory.
fn is_terminated(request: &RegionRequest) -> bool {
    request.string || request.words != 0
}

fn rest_of_page(address: u64) -> u64 {
    PAGE - address % PAGE
}

/// Returns the end of terminated data, terminator included; `None` for other data.
fn terminator(bytes: &[u8], request: &RegionRequest) -> Option<usize> {
    if request.string {
        return bytes.iter().position(|&byte| byte == 0).map(|at| at + 1);
    }
    if request.words == 0 {
        return None;
    }
    let word = usize::from(request.words);
    bytes
        .chunks_exact(word)
        .position(|word| word.iter().all(|&byte| byte == 0))
        .map(|i| (i + 1) * word)
}
