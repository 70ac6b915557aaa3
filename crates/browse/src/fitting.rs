//! Texts that have to fit into some columns.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Returns as much of a text as fits into some columns, with a mark where it is cut.
pub(crate) fn shortened(text: &str, room: usize) -> String {
    if text.width() <= room {
        return text.to_owned();
    }
    let mut width = 1;
    let fits = |(_, c): &(usize, char)| {
        width += c.width().unwrap_or(0);
        width <= room
    };
    let end = text.char_indices().take_while(fits).last().map_or(0, |(at, c)| at + c.len_utf8());
    let mark = if room == 0 { "" } else { "…" };
    format!("{}{mark}", &text[..end])
}

/// Returns the lines of a text that is broken at spaces, each of some columns at most.
pub(crate) fn broken(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            line.push_str(word);
        } else if line.width() + 1 + word.width() <= room {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{broken, shortened};

    #[test]
    fn texts_fit() {
        for (text, room, short, lines) in [
            ("a bc", 4, "a bc", &["a bc"][..]),
            ("a bc", 3, "a …", &["a", "bc"]),
            ("a bc", 1, "…", &["a", "bc"]),
            ("a bc", 0, "", &["a", "bc"]),
            ("\u{6f22}\u{6f22} x", 4, "\u{6f22}…", &["\u{6f22}\u{6f22}", "x"]),
            ("", 3, "", &[""]),
        ] {
            assert_eq!(shortened(text, room), short, "{text} {room}");
            assert_eq!(broken(text, room), lines, "{text} {room}");
        }
    }
}
