//! The machine properties that a replay depends on, recorded with `--replayable`.

use serde::{Deserialize, Serialize};

use crate::meta::MetaCodec;

/// The body of a DETERMINISM snapshot. Version 1; new fields go at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Determinism {
    /// The answers of CPUID, without the fields that differ from core to core.
    pub cpuid: Vec<CpuidLeaf>,
    /// XCR0: the register states that the kernel has enabled.
    pub xcr0: u64,
    /// The CPU that all tasks ran on.
    pub cpu: u32,
    /// The names of the changes that the recorder makes in every program.
    pub changes: Vec<Vec<u8>>,
}

/// One answer of the CPUID instruction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuidLeaf {
    /// The leaf, in eax.
    pub leaf: u32,
    /// The subleaf, in ecx.
    pub subleaf: u32,
    /// The results: eax, ebx, ecx, edx.
    pub registers: [u32; 4],
}

impl MetaCodec for Determinism {
    const NAME: &'static str = "Determinism";
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The encoding of version 1 never changes: moving or dropping a field fails this test.
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
