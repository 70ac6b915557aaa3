//! What a replayable recording tells of its machine: without the same, a replay would go another way.

use serde::{Deserialize, Serialize};

use crate::meta::MetaCodec;

/// The body of an ENVELOPE snapshot. Version 1. Fields are only ever added at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// What the CPU says of itself to every program, without what differs from core to core.
    pub cpuid: Vec<CpuidLeaf>,
    /// XCR0: which register states the kernel has switched on.
    pub xcr0: u64,
    /// The CPU that everything ran on.
    pub cpu: u32,
    /// What the recorder changes in every program, a word or two each.
    pub changes: Vec<Vec<u8>>,
}

/// One answer of the CPUID instruction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuidLeaf {
    /// What eax asked for.
    pub leaf: u32,
    /// What ecx asked for.
    pub subleaf: u32,
    /// eax, ebx, ecx, edx.
    pub registers: [u32; 4],
}

impl MetaCodec for Envelope {
    const NAME: &'static str = "Envelope";
}
