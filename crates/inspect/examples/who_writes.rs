//! Prints which process wrote which file, and the mode of the file: `who_writes LOG`.

use std::collections::BTreeMap;

use sysreel_inspect::calls::Item;
use sysreel_inspect::{Follow, open};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let log = std::env::args_os().nth(1).ok_or("usage: who_writes LOG")?;
    let log = open(log.as_ref())?;
    let mut written = BTreeMap::<_, i64>::new();
    let mut calls = log.calls(Follow { processes: true, ..Follow::default() });
    while let Some(item) = calls.next()? {
        let Item::Call(call) = item else { continue };
        if let (Some(file), Some(bytes)) = (call.writes(), call.ended().value()) {
            let path = String::from_utf8_lossy(&file.name().path).into_owned();
            *written.entry((call.task().tgid(), path, file.mode)).or_default() += bytes;
        }
    }
    for ((pid, path, mode), bytes) in written {
        println!("{pid} wrote {bytes} bytes to {path}, mode {mode:06o}");
    }
    Ok(())
}
