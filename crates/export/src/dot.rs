//! `dot`: the tree of processes in the language of Graphviz.

use std::io::{self, Write};

use sysreel_inspect::{Error, Findings, LogFile};
use sysreel_views::shell::command_line;
use sysreel_views::tree::{self, Node, Tree};

use crate::options::Options;

/// The most nodes. Graphviz takes very long for more, and the picture is unreadable.
const MAX_NODES: usize = 2000;
/// The most characters of a command line.
const MAX_LABEL: usize = 80;

/// Writes the tree of a log.
///
/// # Errors
/// When the log cannot be read or the output cannot be written.
pub(crate) fn write(
    file: &mut LogFile,
    options: &Options,
    out: &mut dyn Write,
) -> Result<(Findings, Vec<String>), Error> {
    let of_tree = tree::Options { select: options.select.clone(), ..tree::Options::default() };
    let (tree, findings) = tree::tree(file, &of_tree)?;
    draw(&tree, out).map_err(Error::Write)?;
    let drawn = tree.nodes.len().min(MAX_NODES);
    let missing = u64::try_from(tree.nodes.len() - drawn).unwrap_or(u64::MAX);
    let missing = missing.saturating_add(tree.left_out);
    let remark = (missing > 0)
        .then(|| format!("{missing} processes are left out: there is room for {MAX_NODES}"));
    Ok((findings, remark.into_iter().collect()))
}

fn draw(tree: &Tree, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "digraph processes {{")?;
    writeln!(out, "  node [shape=box, fontname=\"monospace\"];")?;
    // Those below a node come after it, so what is left out is not needed.
    for node in tree.nodes.iter().take(MAX_NODES) {
        let failed = node
            .end
            .as_ref()
            .is_some_and(|end| end.how == "killed" || end.status.is_some_and(|status| status != 0));
        let color = if failed { ", color=red" } else { "" };
        writeln!(out, "  n{} [label=\"{}\"{color}];", node.node, escape(&label(node)))?;
        if let Some(parent) = node.parent {
            let style = if node.origin == "exec" { " [style=dashed, label=exec]" } else { "" };
            writeln!(out, "  n{parent} -> n{}{style};", node.node)?;
        }
    }
    writeln!(out, "}}")
}

/// Returns the lines of a node: command line, process, end.
fn label(node: &Node) -> String {
    let argv = node.argv.as_ref().map_or(&[][..], |argv| argv.as_slice());
    let command = match (argv, &node.exe) {
        // Before its first execve(2), a process that the recorder started runs the recorder.
        ([], None) if node.origin == "spawned" => "(sysreel)".to_owned(),
        ([], None) => "?".to_owned(),
        ([], Some(exe)) => command_line([exe]),
        (argv, _) => command_line(argv),
    };
    let mut label: String = command.chars().take(MAX_LABEL).collect();
    if label.len() < command.len() {
        label.push('…');
    }
    label += &format!("\npid {}", node.pid);
    if let Some(end) = &node.end {
        match (end.status, &end.signal) {
            (Some(status), _) => label += &format!(", exit {status}"),
            (None, Some(signal)) => label += &format!(", {signal}"),
            (None, None) => label += &format!(", {}", end.how),
        }
    }
    label
}

/// Escapes a label: quotation marks and backslashes, because `\N` and the like are replaced, and
/// ampersands, because entities are. A line ends in `\n`.
fn escape(label: &str) -> String {
    let mut out = String::with_capacity(label.len() + 16);
    for c in label.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '&' => out.push_str("&amp;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn labels_are_escaped() {
        assert_eq!(escape("a\"b\\N &lt;\n"), "a\\\"b\\\\N &amp;lt;\\n");
    }
}
