//! Prints which processes read a file: `who_reads LOG PATH`.

use sysreel_inspect::abi::CallKind;
use sysreel_inspect::calls::{Ended, Item};
use sysreel_inspect::{Follow, open};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, log, path] = &args[..] else { return Err("usage: who_reads LOG PATH".into()) };
    let file = open(log.as_ref())?;
    let mut calls = file.calls(Follow { processes: true, ..Follow::default() });
    while let Some(item) = calls.next()? {
        let Item::Call(call) = item else { continue };
        if call.row().is_some_and(|row| row.kind == CallKind::Read)
            && let (Some(fd), Ended::Returned(bytes)) = (call.fd("fd"), call.ended())
            && fd.name().path == path.as_bytes()
        {
            let pid = call.task().tgid();
            let program = String::from_utf8_lossy(call.task().program().unwrap_or(b"?"));
            println!("event {}: {program}, pid {pid}, {bytes} bytes", call.number());
        }
    }
    Ok(())
}
