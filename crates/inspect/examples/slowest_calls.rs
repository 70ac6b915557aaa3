//! Prints the calls that took longest: `slowest_calls LOG COUNT`.

use std::ops::ControlFlow;

use sysreel_inspect::calls::Item;
use sysreel_inspect::{Follow, open};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, log, count] = &args[..] else { return Err("usage: slowest_calls LOG COUNT".into()) };
    let (file, count) = (open(log.as_ref())?, count.parse()?);
    let mut slowest = Vec::new();
    file.calls(Follow::default()).for_each(|item| {
        if let Item::Call(call) = item
            && let Some(took) = call.duration()
        {
            slowest.push((took, call.number(), call.task().tid(), call.name()));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    slowest.sort_by_key(|(took, ..)| std::cmp::Reverse(*took));
    for (took, number, tid, name) in slowest.iter().take(count) {
        println!("{took:?} {name} of task {tid}, event {number}");
    }
    Ok(())
}
