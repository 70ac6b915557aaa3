//! Points in time and durations.

use super::fields::Fields;
use super::out::member;
use super::view::View;
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

fn timeval(seconds: i64, micros: u64, out: &mut String) {
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
pub(crate) fn file_time(fields: Fields<'_>, i: usize, wide: bool, out: &mut String) {
    let (seconds, ns) = if wide {
        (fields.i64(16 * i), fields.u64(16 * i + 8))
    } else {
        (fields.klong(2 * i), fields.kulong(2 * i + 1))
    };
    match ns {
        0x3fff_ffff => out.push_str("UTIME_NOW"),
        0x3fff_fffe => out.push_str("UTIME_OMIT"),
        _ => {
            timespec(seconds, ns, out);
            date_comment(seconds, ns.cast_signed(), out);
        }
    }
}

/// Writes ` /* 2026-11-23T21:04:46.591526000+0000 */`.
pub(crate) fn date_comment(seconds: i64, ns: i64, out: &mut String) {
    if seconds == 0 && ns == 0 {
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

/// Writes the first members of a `struct timex`: modes, offset, frequency, status.
pub(crate) fn timex(view: &View<'_>, fields: Fields<'_>, out: &mut String) {
    // The 64-bit structure has longs from offset 8 on, i386's old one from offset 4 on.
    let wide = fields.bytes.len() >= 208;
    let long = |i: usize| if wide { fields.i64(8 + 8 * i) } else { fields.i32(4 + 4 * i) };
    out.push('{');
    member(out, "modes");
    text::hex(out, fields.u32(0));
    for (i, name) in ["offset", "freq", "maxerror", "esterror"].into_iter().enumerate() {
        member(out, name);
        text::sdec(out, long(i));
    }
    member(out, "status");
    text::hex(out, if wide { fields.u32(40) } else { fields.u32(20) });
    if view.options.verbose {
        for (i, name) in [(5, "constant"), (6, "precision"), (7, "tolerance")] {
            member(out, name);
            text::sdec(out, long(i));
        }
    }
    out.push_str(", ...}");
}

/// Writes a `struct tms`: four times in clock ticks.
pub(crate) fn tms(fields: Fields<'_>, out: &mut String) {
    out.push('{');
    for (i, name) in ["tms_utime", "tms_stime", "tms_cutime", "tms_cstime"].into_iter().enumerate()
    {
        member(out, name);
        text::sdec(out, fields.klong(i));
    }
    out.push('}');
}
