//! Hexdumps.

use std::fmt::Write;

/// The bytes of a line.
const WIDTH: usize = 16;

/// Appends a hexdump: offset, bytes and printable ASCII, as `hexdump -C` writes them.
pub(crate) fn hexdump(out: &mut String, bytes: &[u8]) {
    for (at, line) in (0..).step_by(WIDTH).zip(bytes.chunks(WIDTH)) {
        let at: usize = at;
        _ = write!(out, "{at:08x} ");
        for place in 0..WIDTH {
            if place == WIDTH / 2 {
                out.push(' ');
            }
            match line.get(place) {
                Some(byte) => _ = write!(out, " {byte:02x}"),
                None => out.push_str("   "),
            }
        }
        out.push_str("  |");
        let is_text = |byte: &u8| matches!(byte, b' '..=b'~');
        out.extend(line.iter().map(|byte| if is_text(byte) { char::from(*byte) } else { '.' }));
        out.push_str("|\n");
    }
}

#[cfg(test)]
mod tests {
    use super::hexdump;

    /// The expected text is that of `printf '...' | hexdump -C`.
    #[test]
    fn it_looks_like_hexdump() {
        let mut out = String::new();
        hexdump(&mut out, b"GET / HTTP/1.1\r\n\x00\xff|");
        let expected = "\
            00000000  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 31 0d 0a  |GET / HTTP/1.1..|\n\
            00000010  00 ff 7c                                          |..||\n";
        assert_eq!(out, expected);
    }
}
