//! The order in which processes are shown: each below the one that made it.

use crate::index::Index;

/// A line of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Branch {
    pub(crate) node: u32,
    pub(crate) depth: usize,
}

/// The lines of the tree, and which of them is selected.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) branches: Vec<Branch>,
    pub(crate) at: usize,
    pub(crate) top: usize,
    /// The number of nodes in the index when the lines were made.
    known: usize,
}

impl Tree {
    /// Takes over the nodes of the index.
    pub(crate) fn update(&mut self, index: &Index) {
        if self.known == index.nodes.len() {
            return;
        }
        self.known = index.nodes.len();
        let selected = self.branches.get(self.at).map(|branch| branch.node);
        let mut children: Vec<Vec<u32>> = vec![Vec::new(); self.known];
        let mut next: Vec<(u32, usize)> = Vec::new();
        for (number, node) in (0_u32..).zip(&index.nodes) {
            let parent = node.parent.filter(|parent| *parent < number);
            match parent.and_then(|parent| children.get_mut(usize::try_from(parent).ok()?)) {
                Some(children) => children.push(number),
                None => next.push((number, 0)),
            }
        }
        next.reverse();
        self.branches.clear();
        while let Some((node, depth)) = next.pop() {
            self.branches.push(Branch { node, depth });
            let below = usize::try_from(node).ok().and_then(|node| children.get(node));
            let below = below.into_iter().flatten().rev();
            next.extend(below.map(|child| (*child, depth.saturating_add(1))));
        }
        if let Some(selected) = selected {
            self.select(selected);
        }
    }

    /// Selects a node.
    pub(crate) fn select(&mut self, node: u32) {
        if let Some(at) = self.branches.iter().position(|branch| branch.node == node) {
            self.at = at;
        }
    }

    pub(crate) fn selected(&self) -> Option<u32> {
        self.branches.get(self.at).map(|branch| branch.node)
    }

    pub(crate) fn go(&mut self, at: usize) {
        self.at = at.min(self.branches.len().saturating_sub(1));
    }
}
