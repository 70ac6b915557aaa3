//! Addresses of amateur radio, AX.25: callsigns.

use super::fields::Fields;
use super::out::member;
use super::view::View;
use crate::style::HexStrings;
use crate::text;

/// The bytes of a callsign: six characters, shifted by one bit, and a station.
const LEN: usize = 7;

/// struct sockaddr_ax25 or struct full_sockaddr_ax25 (linux/ax25.h).
pub(super) fn address(_: &View<'_>, f: Fields<'_>, out: &mut String) {
    /// Where the repeaters begin, and how many there are at most.
    const REPEATERS: (usize, usize) = (16, 8);
    let count = f.u32(12);
    let is_full = count != 0 || f.bytes.len() > REPEATERS.0;
    out.push_str(if is_full { ", fsa_ax25={" } else { ", " });
    out.push_str("sax25_call=");
    callsign(f.slice(2, LEN), out);
    member(out, "sax25_ndigis");
    text::sdec(out, f.i32(12));
    if !is_full {
        return;
    }
    out.push_str("}, fsa_digipeater=[");
    let rest = f.slice(REPEATERS.0, usize::MAX);
    let wanted = usize::try_from(count).unwrap_or(usize::MAX).min(REPEATERS.1);
    let shown = wanted.min(rest.len() / LEN);
    for one in rest.chunks_exact(LEN).take(shown) {
        out.push_str(if out.ends_with('[') { "" } else { ", " });
        callsign(one, out);
    }
    if shown < wanted {
        out.push_str(if shown == 0 { "..." } else { ", ..." });
    }
    out.push(']');
    let is_longer = rest.len() > REPEATERS.1 * LEN || !rest.len().is_multiple_of(LEN);
    out.push_str(if is_longer { ", ..." } else { "" });
}

/// Writes a callsign as people do, `CALL-1`, if that says all of it, otherwise its bytes.
fn callsign(bytes: &[u8], out: &mut String) {
    let Some((station, shifted)) = bytes.split_last() else { return };
    let name: String = shifted.iter().map(|byte| char::from(byte >> 1)).collect();
    let name = name.trim_end_matches(' ');
    let is_proper = shifted.iter().all(|byte| byte & 1 == 0)
        && name.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
        && station & !0x1e == 0;
    if is_proper && name.is_empty() && *station == 0 {
        return out.push('*');
    }
    let text = format!("{name}-{}", (station >> 1) & 0xf);
    if is_proper && !name.is_empty() {
        return out.push_str(&text);
    }
    out.push_str("{ax25_call=");
    text::quoted(out, bytes, HexStrings::Always);
    out.push('}');
    // The text must neither control a terminal nor end the comment.
    if name.bytes().all(|c| (b' '..0x7f).contains(&c)) && !name.contains("*/") {
        out.push_str(&format!(" /* {text} */"));
    }
}

#[cfg(test)]
mod tests {
    fn shown(bytes: &[u8]) -> String {
        let mut out = String::new();
        super::callsign(bytes, &mut out);
        out
    }

    /// Returns the bytes of a callsign.
    fn shifted(name: &[u8; 6], station: u8) -> Vec<u8> {
        name.iter().map(|c| c << 1).chain([station << 1]).collect()
    }

    #[test]
    fn callsigns_look_as_on_the_air_unless_that_hides_something() {
        assert_eq!(shown(&shifted(b"DL1ABC", 7)), "DL1ABC-7");
        assert_eq!(shown(&shifted(b"AB1   ", 0)), "AB1-0");
        assert_eq!(shown(&shifted(b"      ", 0)), "*");
        let hidden = shown(&shifted(b"ab1   ", 15));
        assert_eq!(hidden, r#"{ax25_call="\xc2\xc4\x62\x40\x40\x40\x1e"} /* ab1-15 */"#);
        assert!(!shown(&shifted(b"A*/B  ", 0)).contains("/*"));
        assert!(!shown(&shifted(b"A\x1bB   ", 0)).contains("/*"));
    }
}
