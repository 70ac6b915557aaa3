//! Arranges nodes as trees.

use super::Node;

/// Returns the nodes with their depths, in the order of their numbers. A node comes after the one
/// above it.
pub(super) fn with_depths(mut nodes: Vec<Node>) -> Vec<Node> {
    for at in 0..nodes.len() {
        let Some(node) = nodes.get(at) else { break };
        let is_same_process = node.origin == "exec" || node.tid.is_some();
        let above = node.parent.and_then(|parent| nodes.get(usize::try_from(parent).ok()?));
        let depth =
            above.map_or(0, |above| above.depth.saturating_add(usize::from(!is_same_process)));
        if let Some(node) = nodes.get_mut(at) {
            node.depth = depth;
        }
    }
    nodes
}

/// Returns the nodes that were hit and those above them, each followed by those below it, and how
/// many of them are too deep, also without those that have no line of their own.
pub(super) fn trees(
    nodes: Vec<Node>,
    hits: &[bool],
    depth: Option<usize>,
) -> (Vec<Node>, [u64; 2]) {
    let mut nodes = with_depths(nodes);
    let parent = |node: &Node| node.parent.and_then(|parent| usize::try_from(parent).ok());
    let mut wanted = hits.to_vec();
    wanted.resize(nodes.len(), false);
    // A node comes after the one above it.
    for (at, node) in nodes.iter().enumerate().rev() {
        if wanted[at]
            && let Some(above) = parent(node).and_then(|parent| wanted.get_mut(parent))
        {
            *above = true;
        }
    }
    let mut below = vec![Vec::new(); nodes.len()];
    let mut tops = Vec::new();
    for (at, node) in nodes.iter().enumerate().filter(|(at, _)| wanted[*at]) {
        match parent(node).and_then(|parent| below.get_mut(parent)) {
            Some(below) => below.push(at),
            None => tops.push(at),
        }
    }
    let (mut rank, mut seen) = (vec![None; nodes.len()], 0_usize);
    let (mut too_deep, mut lines) = (0_u64, 0_u64);
    let mut next: Vec<usize> = tops.into_iter().rev().collect();
    while let Some(at) = next.pop() {
        if depth.is_some_and(|depth| nodes[at].depth >= depth) {
            too_deep = too_deep.saturating_add(1);
            lines = lines.saturating_add(u64::from(!folds(&nodes, at, &below[at])));
        } else {
            rank[at] = Some(seen);
            seen = seen.saturating_add(1);
        }
        next.extend(std::mem::take(&mut below[at]).into_iter().rev());
    }
    let rank = |node: &Node| rank.get(usize::try_from(node.node).ok()?).copied().flatten();
    // In place: there may be many.
    nodes.retain(|node| rank(node).is_some());
    nodes.sort_unstable_by_key(rank);
    (nodes, [too_deep, lines])
}

/// Whether a node has no line of its own, because the only one below it goes on from it: what a
/// process does between its beginning and its first execve(2).
fn folds(nodes: &[Node], at: usize, below: &[usize]) -> bool {
    let next = if let [next] = below { nodes.get(*next) } else { None };
    let goes_on = next.is_some_and(|next| next.origin == "exec");
    goes_on && nodes.get(at).is_some_and(|node| node.exec == 0 && !node.executed)
}
