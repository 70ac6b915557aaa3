//! Prints which processes read a file: `who_reads LOG PATH`.

use sysreel_inspect::calls::Item;
use sysreel_inspect::{Follow, open};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, log, path] = &args[..] else { return Err("usage: who_reads LOG PATH".into()) };
    let file = open(log.as_ref())?;
    let mut calls = file.calls(Follow { processes: true, ..Follow::default() });
    while let Some(item) = calls.next()? {
        let Item::Call(call) = item else { continue };
        if let (Some(read), Some(bytes)) = (call.reads(), call.ended().value())
            && *read.name().path == *path.as_bytes()
        {
            let pid = call.task().tgid();
            let program = String::from_utf8_lossy(call.task().program().unwrap_or(b"?"));
            println!("event {}: {program}, pid {pid}, {bytes} bytes", call.number());
        }
    }
    Ok(())
}
