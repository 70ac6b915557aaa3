//! Which memory a call maps anew: its bytes change although the kernel writes none.

use crate::arch::Abi;
use crate::desc::{Act, Row};

/// How many bytes the call maps at the address that it answers: what was there before is gone, whatever it was. `None`
/// for calls that map nothing. `structure` is what the first argument points to, as captured at the entry (the old
/// mmap of i386 has its arguments there).
#[must_use]
pub fn mapped(abi: Abi, row: &Row, args: &[u64; 6], structure: Option<&[u8]>) -> Option<u64> {
    let name = match row.act {
        Act::Mmap => "len",
        Act::Mremap => "new_len",
        _ => return None,
    };
    match row.arg(name).or_else(|| row.arg("size")) {
        Some(at) => abi.args(args).get(at).copied(),
        // struct mmap_arg_struct: address, length, ...
        None => Some(u32::from_le_bytes(structure?.get(4..8)?.try_into().ok()?).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::row_named;

    #[test]
    fn every_call_that_maps_says_how_much() {
        let args = [1, 2, 3, 4, 5, 6];
        let length = |abi, name| mapped(abi, row_named(abi, name).unwrap(), &args, Some(&[9; 24]));
        assert_eq!(length(Abi::X86_64, "mmap"), Some(2));
        assert_eq!(length(Abi::I386, "mmap2"), Some(2));
        assert_eq!(length(Abi::I386, "mmap"), Some(0x0909_0909));
        assert_eq!(length(Abi::X86_64, "mremap"), Some(3));
        assert_eq!(length(Abi::X86_64, "map_shadow_stack"), Some(2));
        assert_eq!(length(Abi::X86_64, "munmap"), None);
    }
}
