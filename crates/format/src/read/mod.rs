//! Reading logs. Damage never panics and never invents events: what cannot be read is reported as
//! missing.

#![deny(clippy::arithmetic_side_effects)]

mod ahead;
mod blob_count;
mod blobs;
mod blocks;
mod directory;
mod events;
mod item;
mod log;
mod outline;
mod rows;
mod source;
mod store;
mod tail;
mod threads;
mod walk;

pub use blocks::{BlockItem, Blocks};
pub use events::Events;
pub use item::{Ending, Item, Missing, Why};
pub use log::Log;
pub use outline::{Outline, OutlineItem, Outlines, What};
pub use source::{ReadAt, SeekReader};
pub use tail::tail_generations;
