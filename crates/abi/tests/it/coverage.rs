//! How much of each ABI has a row.
use sysreel_abi::{Abi, number};
#[test]
fn show() {
    for abi in Abi::ALL {
        let all: Vec<_> = number::calls(abi).collect();
        let missing: Vec<_> = all.iter().filter(|c| c.2.is_none()).map(|c| c.1).collect();
        println!("{abi}: {} calls, {} rows, missing {missing:?}", all.len(), all.len() - missing.len());
    }
    println!("rows {}", sysreel_abi::all_rows().count());
}
