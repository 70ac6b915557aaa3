//! The action of a process for SIGSEGV.

/// A handler of the kernel's struct sigaction that ignores the signal.
const SIG_IGN: u64 = 1;
/// The flag for handlers that are used once (sigaction(2)).
const SA_RESETHAND: u64 = 0x8000_0000;

/// What a process does at SIGSEGV, other than by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SegvAction {
    /// The default.
    Default,
    /// The kernel's struct sigaction of 64-bit programs.
    Set([u8; 32]),
    /// That of a 32-bit program, which the recorder cannot set again.
    Set32,
}

impl SegvAction {
    pub(super) const IGNORED: SegvAction = {
        let mut action = [0; 32];
        action[0] = 1;
        SegvAction::Set(action)
    };

    fn word(&self, at: usize) -> u64 {
        let SegvAction::Set(bytes) = self else { return 0 };
        let bytes = bytes.get(8 * at..).and_then(|bytes| bytes.first_chunk());
        bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    pub(super) fn is_ignored(&self) -> bool {
        self.word(0) == SIG_IGN
    }

    /// Whether the kernel resets it when it calls the handler.
    pub(super) fn is_for_once(&self) -> bool {
        self.word(1) & SA_RESETHAND != 0
    }
}
