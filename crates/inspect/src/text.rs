//! Writes numbers and strings as strace does. The output is always printable ASCII: a log may hold
//! any bytes, and they must not control the terminal.

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use jiff::tz::Offset;

use crate::style::HexStrings;
use crate::visible::begins;

/// Formats a number of things: `1 process`, `2 processes`.
#[must_use]
pub fn counted(count: impl TryInto<u64>, thing: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    let plural = match thing {
        _ if count == 1 => "",
        thing if thing.ends_with('s') => "es",
        _ => "s",
    };
    format!("{count} {thing}{plural}")
}

/// Writes a decimal number.
pub(crate) fn dec(out: &mut String, mut value: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(value % 10).unwrap_or(0);
        value /= 10;
        if value == 0 {
            break;
        }
    }
    ascii(out, &digits[at..]);
}

/// Appends ASCII characters.
fn ascii(out: &mut String, digits: &[u8]) {
    out.push_str(std::str::from_utf8(digits).unwrap_or_default());
}

/// Writes a signed decimal number.
pub(crate) fn sdec(out: &mut String, value: i64) {
    if value < 0 {
        out.push('-');
    }
    dec(out, value.unsigned_abs());
}

/// Writes a hexadecimal number as C's `%#x` does: zero is `0`.
pub(crate) fn hex(out: &mut String, value: u64) {
    if value == 0 {
        out.push('0');
    } else {
        out.push_str("0x");
        digits(out, value);
    }
}

/// Writes a pointer: `NULL` or a hexadecimal number.
pub(crate) fn pointer(out: &mut String, value: u64) {
    if value == 0 { out.push_str("NULL") } else { hex(out, value) }
}

/// Writes hexadecimal digits, at least one.
pub(crate) fn digits(out: &mut String, value: u64) {
    digits_of::<4>(out, value, 1);
}

/// Writes digits of `BITS` bits each, at least `least` of them.
fn digits_of<const BITS: usize>(out: &mut String, mut value: u64, least: u32) {
    let mut digits = [b'0'; 22];
    let mut at = digits.len();
    while value != 0 && at > 0 {
        at -= 1;
        digits[at] = DIGITS[usize::try_from(value & ((1 << BITS) - 1)).unwrap_or(0)];
        value >>= BITS;
    }
    let least = usize::try_from(least).unwrap_or(0).min(digits.len());
    ascii(out, &digits[at.min(digits.len() - least)..]);
}

/// Writes two hexadecimal digits for each byte.
pub(crate) fn bytes(out: &mut String, bytes: &[u8]) {
    HEXLOWER.encode_append(bytes, out);
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Writes permission bits as C's `%#03o` does.
pub(crate) fn mode(out: &mut String, value: u64) {
    if value == 0 {
        out.push_str("000");
        return;
    }
    out.push('0');
    octal(out, value, if value < 8 { 2 } else { 1 });
}

/// Writes octal digits, at least `least` of them.
pub(crate) fn octal(out: &mut String, value: u64, least: u32) {
    digits_of::<3>(out, value, least);
}

/// Writes the first `places` digits of a fraction of a second.
pub(crate) fn fraction(out: &mut String, ns: u64, places: u32) {
    let mut digits = [b'0'; 9];
    let mut left = ns;
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[usize::try_from(left % 10).unwrap_or(0)];
        left /= 10;
    }
    ascii(out, &digits[..usize::try_from(places).unwrap_or(0).min(9)]);
}

/// Writes a string in quotes.
pub(crate) fn quoted(out: &mut String, bytes: &[u8], style: HexStrings) {
    out.push('"');
    escaped(out, bytes, style, b'"');
    out.push('"');
}

/// Writes a string with escapes. `delimiter` encloses it and is escaped too: `"`, or `>` for angle
/// brackets.
pub(crate) fn escaped(out: &mut String, bytes: &[u8], style: HexStrings, also: u8) {
    let all_hex = match style {
        HexStrings::Never | HexStrings::NonAsciiBytes => false,
        HexStrings::Always => true,
        HexStrings::NonAscii => bytes.iter().any(|b| !matches!(b, b' '..=b'~' | b'\t'..=b'\r')),
    };
    if all_hex {
        for byte in bytes {
            out.push_str("\\x");
            self::bytes(out, std::slice::from_ref(byte));
        }
        return;
    }
    let plain = |byte: u8| {
        matches!(byte, b' '..=b'~')
            && byte != b'\\'
            && byte != also
            && !(also == b'>' && matches!(byte, b'<' | b'"'))
    };
    let mut done = 0;
    while let Some(&byte) = bytes.get(done) {
        let run = begins(&bytes[done..], plain);
        if run > 0 {
            ascii(out, &bytes[done..done + run]);
            done += run;
            continue;
        }
        let i = done;
        done += 1;
        match byte {
            b'<' | b'>' if also == b'>' => {
                let digit_follows =
                    bytes.get(i + 1).is_some_and(|next| matches!(next, b'0'..=b'7'));
                out.push('\\');
                octal(out, byte.into(), if digit_follows { 3 } else { 1 });
            }
            b'"' | b'\\' if byte == also || byte == b'\\' || also == b'>' => {
                out.push('\\');
                out.push(char::from(byte));
            }
            b' '..=b'~' => out.push(char::from(byte)),
            b'\n' => out.push_str("\\n"),
            b'\t' => out.push_str("\\t"),
            b'\r' => out.push_str("\\r"),
            0x0b => out.push_str("\\v"),
            0x0c => out.push_str("\\f"),
            _ if style == HexStrings::NonAsciiBytes => {
                out.push_str("\\x");
                self::bytes(out, &[byte]);
            }
            _ => {
                // An octal digit that follows the escape must not become part of it: write all
                // three digits.
                let digit_follows =
                    bytes.get(i + 1).is_some_and(|next| matches!(next, b'0'..=b'7'));
                out.push('\\');
                octal(out, byte.into(), if digit_follows { 3 } else { 1 });
            }
        }
    }
}

/// Returns the bytes before the first NUL.
pub(crate) fn until_nul(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    bytes.get(..end).unwrap_or(bytes)
}

/// Writes date and time of day in UTC, from seconds since 1970: `2026-11-23T21:04:46`.
pub(crate) fn date(out: &mut String, seconds: i64) {
    /// The Gregorian calendar repeats every 400 years. jiff knows the years -9999 to 9999, but a
    /// log may hold any number of seconds.
    const CYCLE: i64 = 146_097 * 86_400;
    let (cycles, second) = (seconds.div_euclid(CYCLE), seconds.rem_euclid(CYCLE));
    let date = Offset::UTC.to_datetime(Timestamp::from_second(second).unwrap_or_default());
    sdec(out, i64::from(date.year()) + 400 * cycles);
    for value in [date.month(), date.day()] {
        out.push('-');
        two_digits(out, value.unsigned_abs().into());
    }
    out.push('T');
    time_of_day(out, seconds);
}

/// Writes the time of day in UTC, from seconds since 1970: `21:04:46`.
pub(crate) fn time_of_day(out: &mut String, seconds: i64) {
    let of_day = seconds.rem_euclid(86400).unsigned_abs();
    two_digits(out, of_day / 3600);
    out.push(':');
    two_digits(out, of_day / 60 % 60);
    out.push(':');
    two_digits(out, of_day % 60);
}

fn two_digits(out: &mut String, value: u64) {
    if value < 10 {
        out.push('0');
    }
    dec(out, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(f: impl Fn(&mut String)) -> String {
        let mut out = String::new();
        f(&mut out);
        out
    }

    #[test]
    fn numbers_look_like_those_of_printf() {
        assert_eq!(made(|o| dec(o, 0)), "0");
        assert_eq!(made(|o| dec(o, u64::MAX)), u64::MAX.to_string());
        assert_eq!(made(|o| sdec(o, i64::MIN)), i64::MIN.to_string());
        assert_eq!(made(|o| hex(o, 0)), "0");
        assert_eq!(made(|o| hex(o, u64::MAX)), "0xffffffffffffffff");
        assert_eq!(
            [0, 2, 0o22, 0o644, 0o1777].map(|m| made(|o| mode(o, m))),
            ["000", "002", "022", "0644", "01777"]
        );
        assert_eq!(made(|o| fraction(o, 12_345_678, 6)), "012345");
    }

    #[test]
    fn strings_never_control_a_terminal() {
        let all: Vec<u8> = (0..=255).collect();
        for style in [HexStrings::Never, HexStrings::NonAscii, HexStrings::Always] {
            assert!(made(|o| quoted(o, &all, style)).bytes().all(|b| (b' '..=b'~').contains(&b)));
        }
        assert_eq!(
            made(|o| quoted(o, b"a\x1b\n\x01z\xff\x001\0\"\\", HexStrings::Never)),
            r#""a\33\n\1z\377\0001\0\"\\""#
        );
        assert_eq!(made(|o| quoted(o, b"ab", HexStrings::NonAscii)), r#""ab""#);
        assert_eq!(made(|o| quoted(o, b"\xff1", HexStrings::NonAscii)), r#""\xff\x31""#);
    }

    #[test]
    fn dates_follow_the_gregorian_calendar() {
        assert_eq!(made(|o| date(o, 1_795_467_886)), "2026-11-23T21:04:46");
        assert_eq!(made(|o| date(o, 0)), "1970-01-01T00:00:00");
        assert_eq!(made(|o| date(o, 951_782_400)), "2000-02-29T00:00:00");
        assert_eq!(made(|o| date(o, -1)), "1969-12-31T23:59:59");
        // Years that jiff does not know.
        assert_eq!(made(|o| date(o, i64::MIN)), "-292277022657-01-27T08:29:52");
        assert_eq!(made(|o| date(o, i64::MAX)), "292277026596-12-04T15:30:07");
        assert_eq!(made(|o| date(o, 253_402_300_800)), "10000-01-01T00:00:00");
        assert_eq!(made(|o| date(o, -99_999_999_999)), "-1199-02-15T14:13:21");
    }
}
