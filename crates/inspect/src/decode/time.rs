//! Points in time and durations.

use std::fmt::Write as _;

use sysreel_abi::ArgKind;
use sysreel_abi::consts::uapi;

use super::fields::Fields;
use super::out::member;
use super::value;
use super::view::View;
use crate::style::Constants;
use crate::text;

/// Writes `{tv_sec=1, tv_nsec=5}`.
pub(crate) fn timespec(seconds: i64, nanoseconds: u64, out: &mut String) {
    out.push_str("{tv_sec=");
    text::sdec(out, seconds);
    out.push_str(", tv_nsec=");
    // The kernel compares nanoseconds unsigned (include/linux/time64.h): no value of them is
    // negative.
    text::dec(out, nanoseconds);
    out.push('}');
}

pub(crate) fn timeval(seconds: i64, micros: u64, out: &mut String) {
    out.push_str("{tv_sec=");
    text::sdec(out, seconds);
    out.push_str(", tv_usec=");
    text::dec(out, micros);
    out.push('}');
}

/// Writes the `i`-th timespec of kernel longs.
pub(crate) fn timespec_at(fields: Fields<'_>, i: usize, out: &mut String) {
    timespec(fields.klong(2 * i), fields.kulong(2 * i + 1), out);
}

/// Writes the `i`-th timespec of 64-bit members.
pub(crate) fn timespec64_at(fields: Fields<'_>, i: usize, out: &mut String) {
    timespec(fields.i64(16 * i), fields.u64(16 * i + 8), out);
}

/// Writes the `i`-th timeval of kernel longs.
pub(crate) fn timeval_at(fields: Fields<'_>, i: usize, out: &mut String) {
    timeval(fields.klong(2 * i), fields.kulong(2 * i + 1), out);
}

/// Writes an element of utimensat's array. `UTIME_NOW` and `UTIME_OMIT` are values of the
/// nanoseconds (include/linux/stat.h).
pub(crate) fn file_time(
    view: &View<'_>,
    fields: Fields<'_>,
    i: usize,
    wide: bool,
    out: &mut String,
) {
    let (seconds, ns) = if wide {
        (fields.i64(16 * i), fields.u64(16 * i + 8))
    } else {
        (fields.klong(2 * i), fields.kulong(2 * i + 1))
    };
    let number = |out: &mut String| timespec(seconds, ns, out);
    match ns {
        0x3fff_ffff => value::named(view, &number, "UTIME_NOW", out),
        0x3fff_fffe => value::named(view, &number, "UTIME_OMIT", out),
        _ => {
            number(out);
            if ns < 1_000_000_000 {
                date_comment(seconds, ns.cast_signed(), out);
            }
        }
    }
}

/// Writes an element of utimes' array.
pub(crate) fn old_file_time(fields: Fields<'_>, out: &mut String) {
    timeval_at(fields, 0, out);
    let (seconds, micros) = (fields.klong(0), fields.kulong(1));
    if micros < 1_000_000 && (seconds, micros) != (0, 0) {
        let start = out.len();
        date_comment(seconds, micros.cast_signed() * 1000, out);
        // Microseconds have six digits.
        if micros != 0
            && let Some(at) = out[start..].rfind("000+")
        {
            out.replace_range(start + at..start + at + 3, "");
        }
    }
}

/// Writes ` /* 2026-11-23T21:04:46.591526000+0000 */`.
pub(crate) fn date_comment(seconds: i64, ns: i64, out: &mut String) {
    /// What a year of C's `struct tm` can hold.
    const MOST: i64 = i32::MAX as i64 * 31_556_952;
    if seconds == 0 && ns == 0 || seconds.unsigned_abs() > MOST.unsigned_abs() {
        return;
    }
    out.push_str(" /* ");
    text::date(out, seconds);
    if ns != 0 {
        out.push('.');
        text::fraction(out, ns.unsigned_abs(), 9);
    }
    out.push_str("+0000 */");
}

/// Writes interval and value of a timer.
pub(crate) fn timer(one: fn(Fields<'_>, usize, &mut String), fields: Fields<'_>, out: &mut String) {
    out.push('{');
    member(out, "it_interval");
    one(fields, 0, out);
    member(out, "it_value");
    one(fields, 1, out);
    out.push('}');
}

/// Writes a `struct utimbuf`: access and modification time in seconds.
pub(crate) fn utimbuf(fields: Fields<'_>, out: &mut String) {
    out.push('{');
    for (i, name) in ["actime", "modtime"].into_iter().enumerate() {
        member(out, name);
        text::sdec(out, fields.klong(i));
        date_comment(fields.klong(i), 0, out);
    }
    out.push('}');
}

/// Writes a `struct timezone`: two ints.
pub(crate) fn timezone(fields: Fields<'_>, out: &mut String) {
    out.push('{');
    for (i, name) in ["tz_minuteswest", "tz_dsttime"].into_iter().enumerate() {
        member(out, name);
        text::sdec(out, fields.i32(i * 4));
    }
    out.push('}');
}

/// Writes a `struct timex`.
pub(crate) fn timex(view: &View<'_>, fields: Fields<'_>, out: &mut String) {
    // The 64-bit structure has longs from offset 8 on, i386's old one from offset 4 on; ints are
    // as wide as longs.
    let wide = fields.bytes.len() >= 208;
    let long = |i: usize| if wide { fields.i64(8 + 8 * i) } else { fields.i32(4 + 4 * i) };
    let number = |out: &mut String, name: &str, value: i64| {
        member(out, name);
        text::sdec(out, value);
    };
    out.push('{');
    member(out, "modes");
    value::constant(view, ArgKind::Flags(&uapi::ADJ), fields.u32(0), out);
    for (i, name) in ["offset", "freq", "maxerror", "esterror"].into_iter().enumerate() {
        number(out, name, long(i));
    }
    member(out, "status");
    let status = if wide { fields.u32(40) } else { fields.u32(20) };
    value::constant(view, ArgKind::Flags(&uapi::STA), status, out);
    for (i, name) in [(5, "constant"), (6, "precision"), (7, "tolerance")] {
        number(out, name, long(i));
    }
    out.push_str(", time={tv_sec=");
    text::sdec(out, long(8));
    out.push_str(", tv_usec=");
    text::sdec(out, long(9));
    out.push('}');
    for (i, name) in [(10, "tick"), (11, "ppsfreq"), (12, "jitter")] {
        number(out, name, long(i));
    }
    number(out, "shift", fields.i32(if wide { 112 } else { 56 }));
    for (i, name) in
        [(14, "stabil"), (15, "jitcnt"), (16, "calcnt"), (17, "errcnt"), (18, "stbcnt")]
    {
        number(out, name, long(i));
    }
    number(out, "tai", fields.i32(if wide { 160 } else { 80 }));
    out.push('}');
}

/// Writes a `struct tms`: four times in clock ticks.
pub(crate) fn tms(view: &View<'_>, fields: Fields<'_>, out: &mut String) {
    /// Ticks of a second, USER_HZ (include/asm-generic/param.h).
    const TICKS: i64 = 100;
    out.push('{');
    for (i, name) in ["tms_utime", "tms_stime", "tms_cutime", "tms_cstime"].into_iter().enumerate()
    {
        member(out, name);
        let ticks = fields.klong(i);
        text::sdec(out, ticks);
        if ticks != 0 && view.options.constants != Constants::Raw {
            _ = write!(out, " /* {}.{:02} s */", ticks / TICKS, ticks.unsigned_abs() % 100);
        }
    }
    out.push('}');
}
