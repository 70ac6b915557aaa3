//! Why a replay ends before its log does.

use crate::divergence::Divergence;
use crate::error::Error;

/// Why a replay ends before its log does.
#[derive(Debug)]
pub(crate) enum Halt {
    Diverged(Box<Divergence>),
    Failed(Error),
}

/// The result of replaying something.
pub(crate) type Replayed<T = ()> = Result<T, Halt>;

impl From<Error> for Halt {
    fn from(error: Error) -> Halt {
        Halt::Failed(error)
    }
}

impl From<sysreel_format::Error> for Halt {
    fn from(error: sysreel_format::Error) -> Halt {
        Halt::Failed(error.into())
    }
}
