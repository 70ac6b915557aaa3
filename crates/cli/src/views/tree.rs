//! `sysreel tree` and `sysreel ps`.

use super::{Common, show};
use crate::exit::Exit;
use clap::ValueEnum;
use sysreel_views::tree::{Options, Order, ps, tree};

/// Arguments that both have.
#[derive(Debug, clap::Args)]
struct Nodes {
    #[command(flatten)]
    common: Common,
    /// Show threads too
    ///
    /// Their calls count at their process all the same.
    #[arg(long)]
    threads: bool,
    /// Show at most N processes above each other
    #[arg(long, value_name = "N")]
    depth: Option<usize>,
    /// Show which environment variables were added (+), changed (~) and removed (-) since the line
    /// above
    #[arg(long, value_name = "WHAT", ignore_case = true)]
    env: Option<Env>,
    /// Show passwords and tokens in environments, which are masked otherwise
    #[arg(long, requires = "env")]
    show_secrets: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = crate::exit::help(Some("tree")))]
pub(crate) struct TreeArgs {
    #[command(flatten)]
    nodes: Nodes,
}

#[derive(Debug, clap::Args)]
#[command(after_help = crate::exit::help(Some("ps")))]
pub(crate) struct PsArgs {
    #[command(flatten)]
    nodes: Nodes,
    /// Sort by COLUMN
    #[arg(short = 'S', long, value_name = "COLUMN", default_value = "start")]
    sort: Column,
    /// Show at most N lines
    #[arg(short = 'n', long, value_name = "N")]
    top: Option<usize>,
}

/// What to show of environments.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Env {
    /// What differs from the environment of the program before
    Changed,
}

/// The sort key.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Column {
    /// When it began
    Start,
    /// How long it lasted
    Time,
    /// The CPU time
    Cpu,
    /// The number of calls
    Calls,
    /// The number of failed calls
    Failed,
    /// The number of files that were changed
    Files,
    /// The pid
    Pid,
    /// The path of the program
    Name,
}

impl Nodes {
    fn options(&self) -> Options {
        Options {
            select: self.common.select(),
            threads: self.threads,
            depth: self.depth,
            env: self.env.is_some(),
            show_secrets: self.show_secrets,
        }
    }
}

pub(crate) fn run_tree(args: &TreeArgs) -> Exit {
    show(&args.nodes.common, |log| tree(log, &args.nodes.options()))
}

pub(crate) fn run_ps(args: &PsArgs) -> Exit {
    let order = match args.sort {
        Column::Start => Order::Start,
        Column::Time => Order::Time,
        Column::Cpu => Order::Cpu,
        Column::Calls => Order::Calls,
        Column::Failed => Order::Failed,
        Column::Files => Order::Files,
        Column::Pid => Order::Pid,
        Column::Name => Order::Name,
    };
    let limit = args.top.unwrap_or(usize::MAX);
    show(&args.nodes.common, |log| ps(log, &args.nodes.options(), (order, limit)))
}
