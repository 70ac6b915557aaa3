//! The pane of a program that is being recorded.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use expect_test::expect_file;
use ratatui::layout::Size;

use super::{DEADLINE, Desk};
use crate::draw::draw;
use crate::program::{Input, Program, Told};

/// A program that does what the test says.
struct Puppet {
    desk: Desk,
    tell: Sender<Told>,
    inputs: Receiver<Input>,
}

impl Puppet {
    fn new((width, height): (u16, u16)) -> Self {
        let mut desk = Desk::new("exec_arch", (width, height));
        let (tell, output) = channel();
        let (send, inputs) = channel();
        let send = Mutex::new(send);
        let input = move |input| _ = send.lock().unwrap().send(input);
        let program = Program { name: "puppet".to_owned(), output, input: Arc::new(input) };
        desk.browser.show(program, (10, 10));
        desk.browser.prepare(Size { width, height });
        Self { desk, tell, inputs }
    }

    fn writes(&self, bytes: &[u8]) {
        self.tell.send(Told::Output(bytes.to_vec())).unwrap();
    }

    /// Waits until the screen shows a text.
    fn shows(&mut self, text: &str) -> String {
        loop {
            let size = self.desk.terminal.size().unwrap();
            self.desk.browser.receive();
            self.desk.browser.prepare(size);
            let screen = self.desk.screen();
            let is_decoded = !screen.contains("(...)");
            if screen.contains(text) && is_decoded {
                return screen;
            }
            assert!(self.desk.browser.wait(DEADLINE), "{text} does not come: {screen}");
        }
    }

    fn key(&mut self, code: KeyCode) {
        self.desk.browser.key(KeyEvent::new(code, KeyModifiers::NONE));
    }

    fn typed(&self) -> Vec<u8> {
        match self.inputs.recv_timeout(DEADLINE).unwrap() {
            Input::Typed(bytes) => bytes,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_program_has_a_screen_and_keys() {
    let mut puppet = Puppet::new((80, 24));
    assert!(matches!(puppet.inputs.recv().unwrap(), Input::Resized((80, 13))));
    puppet.writes("\u{1b}[31mred\u{1b}[0m, \u{1b}[7mreversed\u{1b}[0m, \u{6f22}\r\nend".as_bytes());
    let screen = puppet.shows("end");
    let golden = format!("{}/golden/program.txt", env!("CARGO_MANIFEST_DIR"));
    expect_file![golden].assert_eq(&screen);
    // Keys that mean something to the list go to the program.
    puppet.key(KeyCode::Char('q'));
    assert_eq!(puppet.typed(), b"q");
    puppet.key(KeyCode::Tab);
    assert_eq!(puppet.typed(), b"\t");
    puppet.desk.browser.paste("a\nb");
    assert_eq!(puppet.typed(), b"a\rb");
    puppet.key(KeyCode::F(12));
    puppet.shows("puppet: F12 types into it");
    puppet.key(KeyCode::Char('q'));
    puppet.shows("puppet still runs");
    assert!(!puppet.desk.browser.is_over);
    puppet.key(KeyCode::Char('j'));
    puppet.key(KeyCode::Char('q'));
    assert!(!puppet.desk.browser.is_over, "not asked twice");
    puppet.tell.send(Told::Ended("exited with 3".to_owned())).unwrap();
    puppet.shows("puppet: exited with 3");
    puppet.key(KeyCode::Char('q'));
    assert!(puppet.desk.browser.is_over);
    drop(puppet.desk);
    assert!(puppet.inputs.try_iter().any(|input| matches!(input, Input::HungUp)));
}

/// A program that has asked for the mouse gets what it does in its pane, with places of its own.
#[test]
fn the_mouse_is_passed_on() {
    let mut puppet = Puppet::new((80, 24));
    assert!(matches!(puppet.inputs.recv().unwrap(), Input::Resized(_)));
    puppet.writes(b"\x1b[?1000h\x1b[?1006hready");
    puppet.shows("ready");
    let area = puppet.desk.browser.panes.program;
    let mouse = |kind, (column, row): (u16, u16)| MouseEvent {
        kind,
        column: area.x + column,
        row: area.y + row,
        modifiers: KeyModifiers::NONE,
    };
    puppet.desk.browser.mouse(mouse(MouseEventKind::Down(MouseButton::Left), (4, 3)));
    assert_eq!(puppet.typed(), b"\x1b[<0;5;3M");
    puppet.desk.browser.mouse(mouse(MouseEventKind::ScrollUp, (0, 1)));
    assert_eq!(puppet.typed(), b"\x1b[<64;1;1M");
    // The list has its own.
    puppet.desk.browser.mouse(MouseEvent { row: 2, ..mouse(MouseEventKind::ScrollUp, (0, 0)) });
    puppet.writes(b"\x1b[?1000l\x1b[6n");
    assert_eq!(puppet.typed(), b"\x1b[1;6R");
    puppet.desk.browser.mouse(mouse(MouseEventKind::Down(MouseButton::Left), (4, 3)));
    assert!(puppet.inputs.try_recv().is_err());
}

#[test]
fn questions_to_the_terminal_are_answered() {
    let puppet = Puppet::new((80, 24));
    assert!(matches!(puppet.inputs.recv().unwrap(), Input::Resized(_)));
    puppet.writes(b"abc\x1b[6n\x1b[c\x1b[5n");
    assert_eq!(puppet.typed(), b"\x1b[1;4R");
    assert_eq!(puppet.typed(), b"\x1b[?6c");
    assert_eq!(puppet.typed(), b"\x1b[0n");
}

/// Parts of escape sequences, and text.
const PARTS: &[&[u8]] = &[
    b"\x1b[",
    b"\x1b]0;",
    b"\x1bP",
    b"\x1b#8",
    b"\x1bc",
    b"?1049h",
    b"?6h",
    b";",
    b"0",
    b"9999",
    b"65535",
    b"99999999999",
    b"H",
    b"J",
    b"K",
    b"L",
    b"M",
    b"P",
    b"S",
    b"T",
    b"X",
    b"b",
    b"r",
    b"m",
    b"A",
    b"D",
    b"@",
    b"G",
    b"d",
    b"\r",
    b"\n",
    b"\t",
    b"\x08",
    b"\x07",
    b"abc",
    "\u{6f22}".as_bytes(),
    "e\u{301}".as_bytes(),
    "\u{202e}\u{200d}".as_bytes(),
    b"\xff\xc2",
    "\u{9b}31m".as_bytes(),
    b"\x1b7",
    b"\x1b8",
    b"\x1bM",
    b"\x1b[2;5r",
    b"\x0e",
    b"\x18",
];

/// No output at any size makes it panic, and none reaches the terminal as it is.
#[test]
fn any_output_will_do() {
    let parts = PARTS;
    let mut state = 7_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 11).unwrap() % below
    };
    let mut puppet = Puppet::new((80, 24));
    for round in 0..300 {
        let bytes: Vec<u8> =
            (0..60).flat_map(|_| parts[random(parts.len())].iter().copied()).collect();
        puppet.writes(&bytes);
        puppet.writes(format!("\u{18}\u{1b}\\\u{1b}c{round}!").as_bytes());
        puppet.shows(&format!("{round}!"));
        puppet.writes(&bytes);
        let size =
            (u16::try_from(10 + random(150)).unwrap(), u16::try_from(5 + random(40)).unwrap());
        puppet.desk.terminal.backend_mut().resize(size.0, size.1);
        puppet.desk.terminal.autoresize().unwrap();
        puppet.desk.browser.prepare(Size { width: size.0, height: size.1 });
        puppet.desk.terminal.draw(|frame| draw(frame, &puppet.desk.browser)).unwrap();
        let buffer = puppet.desk.terminal.backend().buffer();
        for cell in &buffer.content {
            let is_plain = cell.symbol().chars().all(sysreel_inspect::visible::is_visible);
            assert!(is_plain, "{:?}", cell.symbol());
        }
    }
}
