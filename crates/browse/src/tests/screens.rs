//! Screens of committed logs. `UPDATE_EXPECT=1 cargo test` writes them again.

use expect_test::expect_file;

use super::Desk;
use crate::index::Reading;
use crate::options::Options;

/// The usual size of a terminal, a large one, and a small one.
const USUAL: (u16, u16) = (80, 24);
const LARGE: (u16, u16) = (120, 40);
const SMALL: (u16, u16) = (40, 20);

/// Each screen: its file, the log, the size, and the keys that lead to it.
const SCREENS: &[(&str, &str, (u16, u16), &str)] = &[
    ("usual", "exec_arch", USUAL, ""),
    ("large", "exec_arch", LARGE, "jjj"),
    ("small", "exec_arch", SMALL, "jjj"),
    ("small_tree", "exec_arch", SMALL, "<Tab><Tab>"),
    ("signals", "signal_kinds", USUAL, "G"),
    ("unknown", "synthetic_unknown", USUAL, ""),
    ("help", "exec_arch", USUAL, "?j"),
    ("small_help", "exec_arch", SMALL, "?"),
    ("filter", "exec_arch", USUAL, "ffailed<Enter>"),
    ("filter_wrong", "exec_arch", USUAL, "fcall == opanat and failed<Enter>"),
    ("hidden", "exec_arch", USUAL, "h"),
    ("descriptor", "exec_arch", LARGE, "/^write<Enter>F"),
    ("subtree", "exec_arch", USUAL, "<Tab><Tab>j<Enter>"),
    ("error", "exec_arch", USUAL, "e<Tab>jj"),
    ("sideways", "exec_arch", USUAL, "<Right><Right>"),
    ("not_found", "exec_arch", USUAL, "/no such text<Enter>"),
    ("nothing", "exec_arch", USUAL, "fcall == reboot<Enter>"),
];

#[test]
fn screens_are_as_they_were() {
    for (name, log, size, keys) in SCREENS {
        let screen = Desk::new(log, *size).types(keys).screen();
        expect_file![golden(name)].assert_eq(&screen);
    }
}

#[test]
fn nothing_is_told_by_color_alone() {
    let plain = Options { color: false, ..Options::default() };
    for (name, log, size, keys) in SCREENS {
        let colored = Desk::new(log, *size).types(keys).screen();
        let screen = Desk::with(log, *size, plain).types(keys).screen();
        let text = |screen: &str| screen.split("----\n").next().map(str::to_owned);
        assert_eq!(text(&colored), text(&screen), "{name}");
        let styles = screen.split("----\n").nth(1).unwrap();
        assert!(!styles.contains(['r', 'c', 'g', 'm', 'y']), "{name}: {screen}");
    }
}

/// No size makes it panic, and no text leaves its pane.
#[test]
fn any_size_will_do() {
    for width in [1, 2, 5, 12, 39, 69, 70, 109, 110, 300] {
        for height in [1, 2, 3, 5, 9, 60] {
            let mut desk = Desk::new("exec_arch", (width, height));
            for keys in ["", "G", "<Tab>", "<Tab>", "fx(<Enter>", "<Esc>?"] {
                desk.types(keys).screen();
            }
        }
    }
}

/// What is said has the lines that it needs, and what is wrong with a log leaves its name.
#[test]
fn long_messages_leave_the_first_line() {
    for (size, name) in [((10, 3), " e"), ((40, 12), " exec_arch"), ((80, 24), " exec_arch.reel ")]
    {
        let mut desk = Desk::new("exec_arch", size);
        let long = "something is wrong with this log, and it takes many words to say what that is";
        let index = desk.browser.shared_index();
        index.write().unwrap().reading = Reading::Done(long.to_owned());
        desk.types(":77777777<Enter>");
        let said = desk.browser.said.clone().unwrap();
        assert_eq!(said, "event 77777777 is after the end: the last is 143");
        let screen = desk.screen();
        let lines: Vec<&str> = screen.split("----\n").next().unwrap().lines().collect();
        assert!(lines[0].starts_with(name), "{screen}");
        assert_eq!(lines.len(), usize::from(size.1));
        assert!(size.0 == 10 || screen.contains("last is 143"), "{screen}");
    }
}

fn golden(name: &str) -> String {
    format!("{}/golden/{name}.txt", env!("CARGO_MANIFEST_DIR"))
}
