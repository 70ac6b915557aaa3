//! The bytes that a terminal sends for a key, as xterm does.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use vt100::{MouseProtocolEncoding, MouseProtocolMode};

/// Returns the bytes of a key. `application`: whether the program has asked for the other sequences
/// of arrows (DECCKM).
pub(crate) fn bytes(key: KeyEvent, application: bool) -> Option<Vec<u8>> {
    let KeyEvent { code, modifiers, .. } = key;
    let alt = modifiers.contains(KeyModifiers::ALT);
    let plain = match code {
        KeyCode::Char(c) if modifiers.contains(KeyModifiers::CONTROL) => vec![control(c)?],
        KeyCode::Char(c) => c.to_string().into_bytes(),
        KeyCode::Enter => vec![b'\r'],
        KeyCode::Tab => vec![b'\t'],
        KeyCode::BackTab => b"\x1b[Z".to_vec(),
        KeyCode::Backspace => vec![0x7f],
        KeyCode::Esc => vec![0x1b],
        KeyCode::Null => vec![0],
        _ => return sequence(code, modifiers, application),
    };
    Some(if alt { [vec![0x1b], plain].concat() } else { plain })
}

/// Returns what is pasted: between marks if the program has asked for them.
pub(crate) fn pasted(text: &str, marked: bool) -> Vec<u8> {
    // Terminals send lines as Enter ends them. The mark of the end cannot be pasted.
    let text = text.replace("\r\n", "\r").replace('\n', "\r").replace('\u{1b}', "");
    match marked {
        true => format!("\u{1b}[200~{text}\u{1b}[201~").into_bytes(),
        false => text.into_bytes(),
    }
}

/// Returns the bytes of something that the mouse did at a place, for a program that has asked for
/// it; `None` if it has not asked for that.
pub(crate) fn clicked(
    mouse: MouseEvent,
    (column, line): (u16, u16),
    (mode, encoding): (MouseProtocolMode, MouseProtocolEncoding),
) -> Option<Vec<u8>> {
    use MouseProtocolMode::{AnyMotion, ButtonMotion, None, Press};
    let of = |button| match button {
        MouseButton::Left => 0_u8,
        MouseButton::Middle => 1,
        MouseButton::Right => 2,
    };
    let is_release = matches!(mouse.kind, MouseEventKind::Up(_));
    let button = match mouse.kind {
        MouseEventKind::Down(button) => of(button),
        MouseEventKind::Up(button) if mode != Press => of(button),
        MouseEventKind::Drag(button) if matches!(mode, ButtonMotion | AnyMotion) => of(button) + 32,
        MouseEventKind::Moved if mode == AnyMotion => 3 + 32,
        MouseEventKind::ScrollUp => 64,
        MouseEventKind::ScrollDown => 65,
        MouseEventKind::ScrollLeft => 66,
        MouseEventKind::ScrollRight => 67,
        _ => return Option::None,
    };
    let with = |modifier, value| if mouse.modifiers.contains(modifier) { value } else { 0 };
    let modifiers = match mode {
        None | Press => 0,
        _ => {
            with(KeyModifiers::SHIFT, 4)
                + with(KeyModifiers::ALT, 8)
                + with(KeyModifiers::CONTROL, 16)
        }
    };
    let (column, line) = (column.saturating_add(1), line.saturating_add(1));
    if encoding == MouseProtocolEncoding::Sgr {
        let end = if is_release { 'm' } else { 'M' };
        let code = button + modifiers;
        return Some(format!("\u{1b}[<{code};{column};{line}{end}").into_bytes());
    }
    // Without that encoding a release does not say of which button.
    let code = if is_release { 3 } else { button } + modifiers;
    let mut out = b"\x1b[M".to_vec();
    for value in [code.into(), column, line] {
        let value = value.saturating_add(32);
        match encoding {
            MouseProtocolEncoding::Utf8 => {
                let c = char::from_u32(value.into())?;
                out.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
            // What is too far to the right has no encoding.
            _ => out.push(u8::try_from(value).ok()?),
        }
    }
    Some(out)
}

/// Returns the control character of a key. Those that have no letter come as digits.
fn control(c: char) -> Option<u8> {
    let byte = u8::try_from(c).ok()?;
    match byte {
        b' ' | b'2' => Some(0),
        b'3'..=b'7' => Some(byte - b'3' + 0x1b),
        b'8' | b'?' => Some(0x7f),
        b'a'..=b'z' | b'@'..=b'_' => Some(byte & 0x1f),
        _ => None,
    }
}

fn sequence(code: KeyCode, modifiers: KeyModifiers, application: bool) -> Option<Vec<u8>> {
    let with = |modifier, value| if modifiers.contains(modifier) { value } else { 0 };
    let modifier = 1
        + with(KeyModifiers::SHIFT, 1)
        + with(KeyModifiers::ALT, 2)
        + with(KeyModifiers::CONTROL, 4);
    let letter = |letter: char, application: bool| match (modifier, application) {
        (1, true) => format!("\u{1b}O{letter}"),
        (1, false) => format!("\u{1b}[{letter}"),
        _ => format!("\u{1b}[1;{modifier}{letter}"),
    };
    let number = |number: u8| match modifier {
        1 => format!("\u{1b}[{number}~"),
        _ => format!("\u{1b}[{number};{modifier}~"),
    };
    let text = match code {
        KeyCode::Up => letter('A', application),
        KeyCode::Down => letter('B', application),
        KeyCode::Right => letter('C', application),
        KeyCode::Left => letter('D', application),
        KeyCode::Home => letter('H', application),
        KeyCode::End => letter('F', application),
        KeyCode::Insert => number(2),
        KeyCode::Delete => number(3),
        KeyCode::PageUp => number(5),
        KeyCode::PageDown => number(6),
        KeyCode::F(key @ 1..=4) => letter(char::from(b'O' + key), true),
        KeyCode::F(5) => number(15),
        KeyCode::F(key @ 6..=10) => number(key + 11),
        KeyCode::F(key @ 11..=12) => number(key + 12),
        _ => return None,
    };
    Some(text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    const NONE: KeyModifiers = KeyModifiers::NONE;
    const CONTROL: KeyModifiers = KeyModifiers::CONTROL;

    #[test]
    fn keys_are_bytes() {
        for (code, modifiers, application, expected) in [
            (KeyCode::Char('ö'), NONE, false, "ö"),
            (KeyCode::Char('c'), CONTROL, false, "\u{3}"),
            (KeyCode::Char('4'), CONTROL, false, "\u{1c}"),
            (KeyCode::Char(' '), CONTROL, false, "\0"),
            (KeyCode::Char('x'), KeyModifiers::ALT, false, "\u{1b}x"),
            (KeyCode::Enter, NONE, false, "\r"),
            (KeyCode::Backspace, NONE, false, "\u{7f}"),
            (KeyCode::Up, NONE, false, "\u{1b}[A"),
            (KeyCode::Up, NONE, true, "\u{1b}OA"),
            (KeyCode::Left, CONTROL, true, "\u{1b}[1;5D"),
            (KeyCode::Delete, NONE, false, "\u{1b}[3~"),
            (KeyCode::F(4), NONE, false, "\u{1b}OS"),
        ] {
            let sent = bytes(KeyEvent::new(code, modifiers), application);
            assert_eq!(sent.as_deref(), Some(expected.as_bytes()), "{code:?} {modifiers:?}");
        }
    }

    /// As xterm's control sequences have it (ctlseqs, "Mouse Tracking").
    #[test]
    fn clicks_are_bytes() {
        use MouseProtocolEncoding::{Default, Sgr, Utf8};
        use MouseProtocolMode::{AnyMotion, ButtonMotion, Press, PressRelease};
        let left = MouseButton::Left;
        for (kind, modifiers, place, mode, expected) in [
            (MouseEventKind::Down(left), NONE, (0, 0), (PressRelease, Sgr), "\u{1b}[<0;1;1M"),
            (MouseEventKind::Up(left), NONE, (9, 1), (PressRelease, Sgr), "\u{1b}[<0;10;2m"),
            (MouseEventKind::ScrollDown, CONTROL, (2, 3), (Press, Sgr), "\u{1b}[<65;3;4M"),
            (MouseEventKind::ScrollUp, CONTROL, (2, 3), (AnyMotion, Sgr), "\u{1b}[<80;3;4M"),
            (MouseEventKind::Drag(left), NONE, (0, 0), (ButtonMotion, Sgr), "\u{1b}[<32;1;1M"),
            (MouseEventKind::Drag(left), NONE, (0, 0), (PressRelease, Sgr), ""),
            (MouseEventKind::Moved, NONE, (0, 0), (ButtonMotion, Sgr), ""),
            (MouseEventKind::Moved, NONE, (0, 0), (AnyMotion, Sgr), "\u{1b}[<35;1;1M"),
            (MouseEventKind::Up(left), NONE, (0, 0), (Press, Sgr), ""),
            (
                MouseEventKind::Down(MouseButton::Right),
                NONE,
                (0, 1),
                (Press, Default),
                "\u{1b}[M\"!\"",
            ),
            (MouseEventKind::Up(left), NONE, (0, 0), (PressRelease, Default), "\u{1b}[M#!!"),
            (MouseEventKind::Down(left), NONE, (300, 0), (PressRelease, Default), ""),
            (MouseEventKind::Down(left), NONE, (199, 0), (PressRelease, Utf8), "\u{1b}[M \u{e8}!"),
        ] {
            let mouse = MouseEvent { kind, column: 0, row: 0, modifiers };
            let sent = clicked(mouse, place, mode).unwrap_or_default();
            assert_eq!(sent, expected.as_bytes(), "{kind:?} {mode:?}");
        }
    }

    /// The description of the terminal that programs are told they have knows the same sequences.
    #[test]
    fn terminfo_agrees() {
        let described = Command::new("infocmp").args(["-1", "-x", "xterm-256color"]).output();
        let Ok(described) = described.map(|out| String::from_utf8(out.stdout).unwrap()) else {
            return;
        };
        for (name, code) in [
            ("kcuu1", KeyCode::Up),
            ("kcuf1", KeyCode::Right),
            ("khome", KeyCode::Home),
            ("kend", KeyCode::End),
            ("kich1", KeyCode::Insert),
            ("kdch1", KeyCode::Delete),
            ("kpp", KeyCode::PageUp),
            ("knp", KeyCode::PageDown),
            ("kf1", KeyCode::F(1)),
            ("kf4", KeyCode::F(4)),
            ("kf5", KeyCode::F(5)),
            ("kf6", KeyCode::F(6)),
            ("kf10", KeyCode::F(10)),
            ("kf11", KeyCode::F(11)),
            ("kf12", KeyCode::F(12)),
            ("kcbt", KeyCode::BackTab),
        ] {
            let prefix = format!("{name}=");
            let line = described.lines().find_map(|line| line.trim().strip_prefix(&prefix));
            let expected = line.unwrap().trim_end_matches(',').replace("\\E", "\u{1b}");
            let sent = bytes(KeyEvent::new(code, NONE), true).unwrap();
            assert_eq!(String::from_utf8(sent).unwrap(), expected, "{name}");
        }
    }

    #[test]
    fn what_is_pasted_cannot_end_the_paste() {
        assert_eq!(pasted("a\nb\r\nc\u{1b}[201~d", true), b"\x1b[200~a\rb\rc[201~d\x1b[201~");
        assert_eq!(pasted("a\n", false), b"a\r");
    }
}
