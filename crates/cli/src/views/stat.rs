//! `sysreel stat`.

use super::{Common, show};
use crate::exit::Exit;
use clap::ValueEnum;
use sysreel_abi::filter::FieldRef;
use sysreel_views::stat::{Options, Order, stat};

#[derive(Debug, clap::Args)]
#[command(after_help = crate::exit::help(Some("stat")))]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
    /// Group calls by these fields of the filter language: --by exe,errno
    ///
    /// A call with several values of a field counts in the group of each, one without a value in a
    /// group without a name. docs/filter.md lists the fields.
    #[arg(long, value_name = "FIELD", value_delimiter = ',', default_value = "call")]
    by: Vec<FieldRef>,
    /// Sort by COLUMN
    #[arg(short = 'S', long, value_name = "COLUMN", default_value = "time")]
    sort: Column,
    /// Show at most N groups
    #[arg(short = 'n', long, value_name = "N")]
    top: Option<usize>,
    /// Show the N slowest calls too
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true,
        value_parser = parse_slowest)]
    slowest: usize,
    /// Show how the times of each group are distributed
    #[arg(long)]
    hist: bool,
}

/// The sort key.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Column {
    /// The total time
    Time,
    /// The number of calls
    Calls,
    /// The number of failed calls
    Errors,
    /// The mean time
    Mean,
    /// The longest call
    Max,
    /// The bytes that calls read and wrote
    Bytes,
    /// The values of the fields
    Name,
}

/// The slowest calls are kept in memory.
fn parse_slowest(text: &str) -> Result<usize, String> {
    const MOST: usize = 100_000;
    let number = text.parse().map_err(|_| "expected a number".to_owned())?;
    if number > MOST { Err(format!("at most {MOST}")) } else { Ok(number) }
}

pub(crate) fn run(args: &Args) -> Exit {
    let options = Options {
        select: args.common.select(),
        by: args.by.clone(),
        order: match args.sort {
            Column::Time => Order::Time,
            Column::Calls => Order::Calls,
            Column::Errors => Order::Errors,
            Column::Mean => Order::Average,
            Column::Max => Order::Longest,
            Column::Bytes => Order::Bytes,
            Column::Name => Order::Name,
        },
        limit: args.top.unwrap_or(usize::MAX),
        slowest: args.slowest,
        histogram: args.hist,
    };
    show(&args.common, |log| stat(log, &options))
}
