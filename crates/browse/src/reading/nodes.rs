//! Processes as they are shown.

use sysreel_inspect::calls::End;
use sysreel_inspect::visible::visible_bytes;
use sysreel_views::nodes::Ended;

use crate::index::Node;

/// The most characters of a title.
const TITLE: usize = 400;

/// Returns a node as it is shown.
pub(super) fn shown(node: &sysreel_views::nodes::Node) -> Node {
    let exe = node.program.exe.as_ref().map(|exe| visible_bytes(exe.as_bytes()));
    let exe = exe.unwrap_or_default();
    let base = exe.rsplit('/').next().filter(|base| !base.is_empty()).unwrap_or("?");
    let argv = node.program.argv.iter().flat_map(|argv| argv.as_slice()).skip(1);
    let mut title = base.to_owned();
    if !node.program.is_own {
        title = format!("({title})");
    } else {
        for word in argv {
            if title.len() > TITLE {
                break;
            }
            title.push(' ');
            title.push_str(&visible_bytes(word.as_bytes()));
        }
    }
    let end = match node.end {
        None => String::new(),
        Some((_, Ended::Exec)) => "exec".to_owned(),
        Some((_, Ended::Ended(End::Exited(status)))) => status.to_string(),
        Some((_, Ended::Ended(End::Killed { signal, .. }))) => {
            let name = i32::try_from(signal).ok().and_then(sysreel_inspect::abi::signal_name);
            name.map_or_else(|| format!("signal {signal}"), str::to_owned)
        }
        Some((_, Ended::Ended(_))) => "gone".to_owned(),
    };
    Node { parent: node.parent, pid: node.pid, title, end, calls: 0, failed: 0 }
}
