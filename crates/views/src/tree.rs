//! `tree` and `ps`: who started whom, and what each did.

mod build;
mod env;
mod result;
mod shape;
mod text;

use sysreel_inspect::calls::Item;
use sysreel_inspect::{Error, Findings, LogFile};

use crate::select::{Collect, Looker, Needs, collect};
use build::{Builder, Built};

pub use env::EnvChanges;
pub use result::{End, Node, Options, Order, Ps, Tree};

/// Returns the trees of the processes of a log.
///
/// # Errors
/// When the log cannot be read. Damage is not an error; the [`Findings`] report it.
pub fn tree(file: &LogFile, options: &Options) -> Result<(Tree, Findings), Error> {
    let (built, findings) = collect(file, &options.select, Builder::new(file, options))?;
    Ok((Tree::of(built, options), findings))
}

/// Returns what collects the trees. The part of the log is for the caller to choose.
pub fn collector<'o>(
    file: &LogFile,
    options: &'o Options,
) -> impl Collect<Result = Tree> + use<'o> {
    Trees(Builder::new(file, options), options)
}

struct Trees<'o>(Builder<'o>, &'o Options);

impl Looker for Trees<'_> {
    fn item(&mut self, item: &Item<'_>, selected: bool) {
        self.0.item(item, selected);
    }
}

impl Collect for Trees<'_> {
    type Result = Tree;

    fn needs(&self) -> Needs {
        self.0.needs()
    }

    fn finish(self) -> Tree {
        Tree::of(self.0.finish(), self.1)
    }
}

impl Tree {
    fn of(built: Built, options: &Options) -> Self {
        let (nodes, [too_deep, lines_below]) =
            shape::trees(built.nodes, &built.hits, options.depth);
        let (left_out, uncounted) = (built.left_out, built.uncounted);
        let texts_left_out = built.texts_left_out;
        Self { nodes, too_deep, lines_below, left_out, uncounted, texts_left_out }
    }
}

/// Returns the processes of a log as a list of at most `limit` nodes.
///
/// # Errors
/// When the log cannot be read. Damage is not an error; the [`Findings`] report it.
pub fn ps(
    file: &LogFile,
    options: &Options,
    (order, limit): (Order, usize),
) -> Result<(Ps, Findings), Error> {
    let (built, findings) = collect(file, &options.select, Builder::new(file, options))?;
    let mut nodes = shape::with_depths(built.nodes);
    let mut hits = built.hits.iter();
    nodes.retain(|_| hits.next().copied().unwrap_or(false));
    let too_deep = |node: &Node| options.depth.is_some_and(|depth| node.depth >= depth);
    nodes.retain(|node| !too_deep(node));
    let cpu = |node: &Node| node.utime_ns.unwrap_or(0).saturating_add(node.stime_ns.unwrap_or(0));
    let largest_first = |value: u64| u64::MAX.saturating_sub(value);
    match order {
        Order::Start => {}
        Order::Name => nodes.sort_by(|a, b| a.exe.cmp(&b.exe)),
        order => nodes.sort_by_key(|node| match order {
            Order::Time => largest_first(node.duration_ns.unwrap_or(0)),
            Order::Cpu => largest_first(cpu(node)),
            Order::Calls => largest_first(node.calls),
            Order::Failed => largest_first(node.failed),
            Order::Files => largest_first(node.files_changed),
            _ => u64::from(node.pid),
        }),
    }
    let more_nodes = u64::try_from(nodes.len().saturating_sub(limit)).unwrap_or(u64::MAX);
    nodes.truncate(limit);
    let (left_out, uncounted) = (built.left_out, built.uncounted);
    let texts_left_out = built.texts_left_out;
    Ok((Ps { nodes, more_nodes, left_out, uncounted, texts_left_out }, findings))
}
