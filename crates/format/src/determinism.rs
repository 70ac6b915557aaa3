//! What a replayable recording tells of its machine: without the same, a replay would go another
//! way.

use serde::{Deserialize, Serialize};

use crate::meta::MetaCodec;

/// The body of an DETERMINISM snapshot. Version 1. Fields are only ever added at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Determinism {
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

impl MetaCodec for Determinism {
    const NAME: &'static str = "Envelope";
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of version 1 never change: a field that is moved or dropped shows here.
    #[test]
    fn the_bytes_of_version_1_are_frozen() {
        let determinism = Determinism {
            cpuid: vec![CpuidLeaf { leaf: 7, subleaf: 1, registers: [1, 250, 251, 0] }],
            xcr0: 0x1_0000_0000,
            cpu: 3,
            changes: vec![b"c".to_vec()],
        };
        let bytes = [1, 7, 1, 1, 250, 251, 251, 0, 0, 253, 0, 0, 0, 0, 1, 0, 0, 0, 3, 1, 1, b'c'];
        assert_eq!(determinism.to_bytes().unwrap(), bytes);
        assert_eq!(Determinism::from_bytes(&bytes).unwrap(), determinism);
    }
}
