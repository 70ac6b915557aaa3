//! How closely runs are compared.

/// How closely two runs are compared. Each level includes those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The set of effects, how processes end, which programs run.
    #[default]
    Effects,
    /// The calls of each process and thread, in order.
    Sequence,
    /// Also the arguments of calls and the bytes they write.
    Fields,
    /// Also how long calls take.
    Timing,
}
