//! The vocabulary of the table: what an argument is, which memory it points to, how long that
//! memory is, and on which results the kernel writes it.

mod build;
mod class;
mod direction;
mod kind;
mod mem;
mod pointer_fields;
mod prototype;
mod row;
mod siblings;

pub use class::{CallKind, Classes, Makes, Replay};
pub use direction::{Dir, Sibling, When};
pub use kind::{ArgKind, Constants, Field, Override};
pub use mem::{Fault, Len, Mem, Seeded, Special, Total};
pub use pointer_fields::{Condition, Count, PointeeLen, PointerField};
pub use row::{Arg, Row};

pub(crate) use build::*;
pub(crate) use siblings::{plain, resolve, resolve_makes, str_eq};
