//! The macro that rows are written with.

/// Turns prototypes into rows. Everything but the names is a constant expression.
macro_rules! rows {
    ($($name:ident ( $($arg:ident : $spec:expr),* $(,)? ) -> $result:expr, $tail:expr;)*) => {
        &[$({
            const TAIL: $crate::desc::Tail = $tail;
            $crate::desc::Row {
                name: $crate::desc::plain(stringify!($name)),
                args: const { &$crate::desc::resolve(&[$((stringify!($arg), $spec)),*]) },
                result: $crate::desc::result($result),
                class: TAIL.class,
                replay: TAIL.replay,
                makes: $crate::desc::resolve_makes(TAIL.makes, &[$((stringify!($arg), $spec)),*]),
                kind: TAIL.kind,
                fast: TAIL.fast,
            }
        }),*]
    };
}
pub(crate) use rows;
