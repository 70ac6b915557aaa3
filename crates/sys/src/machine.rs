//! What the CPU reports about itself. Programs choose code by it, so a replay needs the same.

/// A result of the CPUID instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf {
    /// The leaf (eax).
    pub leaf: u32,
    /// The subleaf (ecx).
    pub subleaf: u32,
    /// The values of eax, ebx, ecx and edx.
    pub registers: [u32; 4],
}

/// Returns the names of the system, the host, the kernel's release and its version (uname(2)).
pub fn names() -> [Vec<u8>; 4] {
    let mut found = std::mem::MaybeUninit::<libc::utsname>::zeroed();
    // SAFETY: uname(2) writes one utsname; zeroed is a valid one.
    let found = unsafe {
        libc::uname(found.as_mut_ptr());
        found.assume_init()
    };
    [found.sysname, found.nodename, found.release, found.version].map(|name| {
        name.iter()
            .take_while(|letter| **letter != 0)
            .map(|letter| letter.to_ne_bytes()[0])
            .collect()
    })
}

/// Returns every CPUID leaf about features and caches, without ids and state of the executing core.
#[cfg(target_arch = "x86_64")]
pub fn cpuid() -> Vec<Leaf> {
    const EXTENDED: u32 = 0x8000_0000;
    let mut leaves = Vec::new();
    let mut query = |leaf: u32, subleaf: u32| {
        let answer = std::arch::x86_64::__cpuid_count(leaf, subleaf);
        let mut registers = [answer.eax, answer.ebx, answer.ecx, answer.edx];
        if leaf == 1 {
            // The initial APIC id belongs to the core.
            registers[1] &= 0x00ff_ffff;
        }
        leaves.push(Leaf { leaf, subleaf, registers });
        registers
    };
    let highest = query(0, 0)[0];
    for leaf in 1..=highest.min(0x20) {
        match leaf {
            // Topology: depends on the core.
            0x0b | 0x1f => {}
            // Lists with few subleaves.
            4 | 7 | 0x0d | 0x14 => (0..4).for_each(|subleaf| _ = query(leaf, subleaf)),
            _ => _ = query(leaf, 0),
        }
    }
    let highest = query(EXTENDED, 0)[0];
    for leaf in EXTENDED + 1..=highest.min(EXTENDED + 0x21) {
        match leaf {
            // Topology on AMD.
            0x8000_001e => {}
            0x8000_001d => (0..4).for_each(|subleaf| _ = query(leaf, subleaf)),
            _ => _ = query(leaf, 0),
        }
    }
    leaves
}

/// Empty on other architectures.
#[cfg(not(target_arch = "x86_64"))]
pub fn cpuid() -> Vec<Leaf> {
    Vec::new()
}

/// Returns XCR0: the register states that the kernel has enabled. 0 where the register does not
/// exist.
pub fn xcr0() -> u64 {
    #[cfg(target_arch = "x86_64")]
    {
        let features = std::arch::x86_64::__cpuid_count(1, 0).ecx;
        // OSXSAVE: programs may read the register.
        if features >> 27 & 1 == 1 {
            let (low, high): (u32, u32);
            // SAFETY: xgetbv with ecx 0 reads XCR0 and changes nothing else; OSXSAVE permits it
            // (Intel SDM, XGETBV).
            unsafe {
                std::arch::asm!("xgetbv", in("ecx") 0, out("eax") low, out("edx") high,
                    options(nomem, nostack));
            }
            return u64::from(high) << 32 | u64::from(low);
        }
    }
    0
}

/// Returns the time-stamp counter and the processor number, as rdtscp does.
#[cfg(target_arch = "x86_64")]
pub fn time_stamp() -> (u64, u32) {
    let mut processor = 0;
    // SAFETY: rdtscp writes one u32; every CPU with a vvar page has it, and the counter is not
    // trapped here.
    let stamp =
        crate::clock::with_time_stamps(|| unsafe { std::arch::x86_64::__rdtscp(&mut processor) });
    (stamp, processor)
}

/// Zero on other architectures.
#[cfg(not(target_arch = "x86_64"))]
pub fn time_stamp() -> (u64, u32) {
    (0, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_do_not_change() {
        assert_eq!(cpuid(), cpuid());
        assert_eq!(xcr0(), xcr0());
        let (before, after) = (time_stamp().0, time_stamp().0);
        assert!(before <= after);
    }
}
