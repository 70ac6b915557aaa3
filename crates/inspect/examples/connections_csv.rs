//! Prints the connections that processes made, as CSV: `connections_csv LOG`.

use sysreel_inspect::abi::CallKind;
use sysreel_inspect::calls::{Ended, Item};
use sysreel_inspect::{Follow, open};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let log = std::env::args_os().nth(1).ok_or("usage: connections_csv LOG")?;
    let file = open(log.as_ref())?;
    let mut calls = file.calls(Follow::default());
    println!("seconds,pid,program,address,result");
    while let Some(item) = calls.next()? {
        let Item::Call(call) = item else { continue };
        if call.row().is_none_or(|row| row.kind != CallKind::Connect) {
            continue;
        }
        let seconds = file.since_start(call.start()).as_secs_f64();
        let program = String::from_utf8_lossy(call.task().program().unwrap_or_default());
        let address = call.args().get("uservaddr").map_or_else(String::new, |arg| arg.text());
        let result = match call.ended() {
            Ended::Failed(errno, _) => errno.to_string(),
            other => format!("{other:?}"),
        };
        let quoted = [&*program, &*address].map(|text| text.replace('"', "\"\""));
        let [program, address] = quoted;
        println!("{seconds:.6},{},\"{program}\",\"{address}\",{result}", call.task().tgid());
    }
    Ok(())
}
