//! What a browser makes of the pages of `sysreel report`.

use std::fs::{self, File};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::reporting::{SCRIPT, data_of, page};
use crate::stage::{Stage, installed};
use crate::views::{all, record};

const BROWSER: &str = include_str!("reporting/browser.py");

/// Lets a browser take steps, and returns the answers of those that ask.
#[track_caller]
fn browse(stage: &Stage, steps: &Value) -> Vec<Value> {
    stage.write("steps", steps.to_string());
    let mut command = stage.command("python3");
    command.args(["-c", BROWSER]).env("PYTHONUTF8", "1");
    let ran = stage.run(command.stdin(Stdio::from(File::open(stage.path("steps")).unwrap())));
    serde_json::from_slice(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

/// A page of a small program, and its data. `None` if what the test needs is not installed.
fn small(test: &str) -> Option<(Stage, Value)> {
    if !installed(test, &["python3", "chromium"]) {
        return None;
    }
    let stage = record(SCRIPT);
    page(&stage);
    let data = data_of(&stage, "r.html");
    Some((stage, data))
}

fn event(call: &Value) -> u64 {
    call["event"].as_u64().unwrap()
}

#[test]
fn a_page_is_searched_filtered_and_sorted() {
    let Some((stage, data)) = small("a_page_is_searched_filtered_and_sorted") else { return };
    let calls = all(&data, "calls");
    let counted = json!(["ask", "document.querySelector('#calls .counted').textContent"]);
    let steps = json!([
        ["open", "r.html"],
        counted,
        ["click", "#calls input"],
        ["type", "name:read"],
        counted,
        ["key", "Escape"],
        ["click", "#calls .chip:nth-of-type(2)"],
        counted,
        ["click", "#time th:first-child button"],
        ["ask", "document.querySelector('#time [aria-sort=ascending]').textContent"],
        ["ask", "document.querySelector('#time tbody [data-at]').textContent"],
        ["key", "/"],
        ["ask", "document.activeElement.type"],
        ["key", "Escape"],
        ["key", "?"],
        ["ask", "document.querySelector('dialog').open"],
        ["messages"],
    ]);
    let answers = browse(&stage, &steps);
    let [whole, searched, chosen, heading, row, field, dialog, messages] = &answers[..] else {
        panic!("{answers:?}");
    };
    let of = |passes: fn(&Value) -> bool| calls.iter().filter(|call| passes(call)).count();
    let some = |count: usize| format!("{count} of {} rows", calls.len());
    let ungrouped = |value: &Value| value.as_str().unwrap().replace(',', "");
    assert_eq!(ungrouped(whole), format!("{} rows", calls.len()));
    assert_eq!(ungrouped(searched), some(of(|call| call["name"] == "read")));
    assert_eq!(ungrouped(chosen), some(of(|call| call["errno"] != "")));
    assert_eq!(heading, "call");
    let names = all(&data, "by-call").iter().filter_map(|row| row["call"].as_str());
    assert!(row.as_str().unwrap().starts_with(names.min().unwrap()), "{row}");
    assert_eq!((field, dialog, messages), (&json!("search"), &json!(true), &json!([])));
}

#[test]
fn links_lead_to_calls_and_keys_from_one_to_the_next() {
    let test = "links_lead_to_calls_and_keys_from_one_to_the_next";
    let Some((stage, data)) = small(test) else { return };
    let calls = all(&data, "calls");
    let at = calls.len() / 2;
    let selected = json!(["ask", "document.querySelector('#calls [aria-selected=true] a').hash"]);
    let steps = json!([
        ["open", "r.html", format!("#event={}", event(&calls[at]))],
        selected,
        ["ask", "document.activeElement.id"],
        ["key", "ArrowDown"],
        selected,
        ["key", "Home"],
        ["key", "Enter"],
        ["ask", "location.hash"],
        // An event that begins no call.
        ["js", "location.hash = 'event=1'"],
        ["ask", "document.getElementById('status').textContent"],
        ["messages"],
    ]);
    let answers = browse(&stage, &steps);
    let [linked, focus, next, first, status, messages] = &answers[..] else {
        panic!("{answers:?}");
    };
    assert_eq!(
        (linked, focus),
        (&json!(format!("#event={}", event(&calls[at]))), &json!("grid-calls"))
    );
    assert_eq!(next, &format!("#event={}", event(&calls[at + 1])));
    assert_eq!(first, &format!("#event={}", event(&calls[0])));
    assert!(status.as_str().unwrap().contains("sysreel show LOG 1"), "{status}");
    assert_eq!(messages, &json!([]));
}

#[test]
fn processes_zoom_by_mouse_and_keys() {
    let Some((stage, data)) = small("processes_zoom_by_mouse_and_keys") else { return };
    let range = json!(["ask", "document.querySelector('.strip-frame .counted').textContent"]);
    let steps = json!([
        ["open", "r.html"],
        ["drag", "#strip canvas", 0.25, 0.75, 40],
        range,
        ["js", "document.getElementById('strip').focus()"],
        ["key", "+"],
        range,
        ["key", "0"],
        range,
        // A process, and its calls.
        ["key", "ArrowDown"],
        ["key", "Enter"],
        ["ask", "document.querySelector('#calls input').value"],
        ["messages"],
    ]);
    let answers = browse(&stage, &steps);
    let whole = data["meta"]["duration"].as_f64().unwrap() / 1e9;
    for (answer, (from, to)) in answers.iter().zip([(0.25, 0.75), (0.375, 0.625), (0.0, 1.0)]) {
        let words = answer.as_str().unwrap().split([' ', ',']);
        let times: Vec<f64> = words.filter_map(|word| word.parse().ok()).collect();
        for (time, part) in times.iter().zip([from, to]) {
            assert!((time - part * whole).abs() < 0.02 * whole, "{answer}: {part} of {whole}");
        }
    }
    let first = all(&data, "processes")[0]["pid"].as_u64().unwrap();
    assert_eq!(answers[3..], [json!(format!("pid:{first}")), json!([])]);
}

/// What a browser would run if it took text for markup, and what changes how text is shown.
const HOSTILE: &[&[u8]] = &[
    b"</script><script>window.ran = 1</script>",
    b"<img src=x onerror='window.ran = 2'>",
    b"\"><svg onload=window.ran=3>",
    b"javascript:window.ran=4",
    b"--><style>*{display:none}</style><!--",
    b"{{script}}",
    b"esc\x1b[2J\x07\n\tend",
    b"invalid\xff\xfe",
    "bidi\u{202e}fdp.exe\u{2066}".as_bytes(),
    "zero\u{200b}width".as_bytes(),
];

/// The page of a program that uses these names. `None` if what the test needs is not installed.
fn hostile(test: &str) -> Option<(Stage, String)> {
    if !installed(test, &["python3", "perl", "chromium"]) {
        return None;
    }
    let stage = Stage::new();
    fs::write(stage.path("names"), HOSTILE.join(&0)).unwrap();
    let script = r#"local $/ = "\0"; open F, "names"; chomp(my @n = <F>);
        for (@n) { -e "/nowhere/$_"; system("true", $_) }"#;
    let ran = stage.sysreel(&["record", "-q", "-o", "r.reel", "--", "perl", "-e", script]);
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    let page = page(&stage);
    Some((stage, page))
}

#[test]
fn nothing_of_a_log_runs() {
    let Some((stage, page)) = hostile("nothing_of_a_log_runs") else { return };
    assert!(!page.contains("window.ran") && !page.contains("nowhere"), "text of the log");
    let steps = json!([
        ["open", "r.html"],
        ["click", "#calls input"],
        ["type", "/nowhere/ window.ran"],
        ["ask", "[...document.querySelectorAll('#calls td.call')].map(cell => cell.textContent)"],
        ["ask", "document.scripts.length"],
        ["ask", "document.querySelectorAll('img, svg, style ~ style').length"],
        [
            "ask",
            r"/[\0-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufffd]/u
                .test(document.getElementById('main').textContent)"
        ],
        ["ask", "window.ran ?? null"],
        ["messages"],
    ]);
    let answers = browse(&stage, &steps);
    let cells = answers[0].to_string();
    for name in ["</script><script>window.ran = 1</script>", "javascript:window.ran=4"] {
        assert!(cells.contains(name), "{name}: {cells}");
    }
    // One script, no element of the log, no control character, nothing ran, nothing was refused.
    assert_eq!(answers[1..], [json!(1), json!(0), json!(false), json!(null), json!([])]);
}

/// Somebody who gets markup into the page all the same gets no further.
#[test]
fn the_policy_refuses_what_is_injected() {
    let Some((stage, page)) = hostile("the_policy_refuses_what_is_injected") else { return };
    let injected = "<script>window.ran = 5</script><img src='x' onerror='window.ran = 6'>\
        <a id='link' href='javascript:window.ran=7'>link</a><p id='red' style='color: red'></p>\
        <noscript>";
    stage.write("injected.html", page.replace("<noscript>", injected));
    let start = page.find("<meta http-equiv").unwrap();
    let end = start + page[start..].find('\n').unwrap();
    let free = [&page[..start], &page[end..]].concat();
    stage.write("free.html", free.replace("<noscript>", injected));
    let steps = json!([
        ["open", "injected.html"],
        ["click", "#link"],
        ["ask", "window.ran ?? null"],
        ["ask", "getComputedStyle(document.getElementById('red')).color"],
        ["ask", "document.querySelectorAll('#calls td.call').length > 5"],
        ["messages"],
        // The same without the policy, to know that it is the policy that refuses.
        ["open", "free.html"],
        ["ask", "window.ran ?? null"],
    ]);
    let answers = browse(&stage, &steps);
    let [ran, color, works, refused, free] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!((ran, works), (&json!(null), &json!(true)));
    assert_ne!(color, "rgb(255, 0, 0)");
    let count = |word: &str| {
        let texts = refused.as_array().unwrap().iter().filter_map(Value::as_str);
        texts.filter(|text| text.contains("Content Security Policy") && text.contains(word)).count()
    };
    assert!(count("script-src") >= 3, "script, handler and link: {refused}");
    assert!(count("style-src") >= 1 && count("default-src") >= 1, "{refused}");
    assert_ne!(free, &json!(null), "the injected script runs without the policy");
}

#[test]
fn a_page_is_printed_read_aloud_and_dark() {
    let name = "a_page_is_printed_read_aloud_and_dark";
    if !installed(name, &["python3", "chromium"]) {
        return;
    }
    let stage = record(SCRIPT);
    page(&stage);
    let spacers = "[...document.querySelectorAll('.spacer')].filter(\
        spacer => getComputedStyle(spacer).display !== 'none').length";
    let back = "getComputedStyle(document.body).backgroundColor";
    let results = browse(
        &stage,
        &json!([
            ["open", "r.html"],
            ["ask", spacers],
            ["roles"],
            ["media", "print"],
            ["ask", spacers],
            ["pages"],
            ["media", "screen", "dark"],
            ["ask", back],
            ["media", "screen", "light"],
            ["ask", back],
            // Nothing is wider than a narrow window.
            ["window", 360, 700],
            ["ask", "document.documentElement.scrollWidth"],
            ["messages"],
        ]),
    );
    let [scrolled, roles, printed, pages, dark, light, width, messages] = &results[..] else {
        panic!("{results:?}");
    };
    assert!(scrolled.as_u64() > Some(0), "the long lists have spacers: {scrolled}");
    assert_eq!(printed, 0);
    // The log has more than a thousand calls: at most 50 rows of a table are printed.
    assert!((2..30).contains(&pages.as_u64().unwrap()), "{pages}");
    assert_eq!((dark, light), (&json!("rgb(21, 24, 28)"), &json!("rgb(255, 255, 255)")));
    // Less by a scroll bar.
    assert!(width.as_u64() <= Some(360), "{width}");
    assert_eq!(messages, &json!([]));
    for role in ["grid", "columnheader", "searchbox", "heading", "navigation", "button", "region"] {
        let [count, named] = [0, 1].map(|at| roles[role][at].as_u64().unwrap_or(0));
        assert!(count > 0 && count == named, "{role}: {count}, {named} with a name");
    }
    assert!(roles["gridcell"][0].as_u64() > Some(50), "{roles}");
}

/// Checks that the call of each event that a finding names is marked.
fn check_marked(here: &Value, lines: &[&str]) {
    let cells = here.as_array().unwrap().iter().filter_map(Value::as_str);
    let marked: Vec<&str> = cells.filter_map(|cell| cell.strip_prefix("▶ ")).collect();
    let named: Vec<u64> = lines
        .iter()
        .filter_map(|line| line.split("  [").nth(1)?.strip_suffix(']'))
        .flat_map(|events| events.split(' ').map(|event| event[2..].parse().unwrap()))
        .collect();
    assert_eq!(marked.len(), named.len(), "{here} {lines:?}");
    for (line, event) in marked.iter().zip(named) {
        // A line has the number of the event at which its call began.
        let number: u64 = line.split(' ').next().unwrap().parse().unwrap();
        assert!(number <= event && event - number < 20, "{number} {event}: {here}");
    }
}

/// How many calls are shown of each side that has none of the difference itself.
const WITHOUT_CALLS: &str = "[...document.querySelectorAll('.beside')].flatMap(one => \
    [0, 1].filter(side => one.querySelector('.here').cells[side].textContent === '') \
    .map(side => [...one.rows].slice(1).filter(row => row.cells[side].textContent !== '').length))";

#[test]
fn a_comparison_has_the_findings_of_diff_with_their_calls() {
    let name = "a_comparison_has_the_findings_of_diff_with_their_calls";
    if !installed(name, &["python3", "chromium"]) {
        return;
    }
    let stage = Stage::new();
    stage.write("in", "a\n");
    let scripts = [
        ("a.reel", "cat in; mkdir old; rmdir old; exec cat /etc/hostname"),
        ("b.reel", "cat in; echo '<b>new</b>' >'new <i>'; cat /etc/passwd; rm 'new <i>'; exit 3"),
    ];
    for (log, script) in scripts {
        stage.sysreel(&["record", "-q", "-o", log, "--", "sh", "-c", script]);
    }
    let text = stage.sysreel(&["diff", "--color", "never", "a.reel", "b.reel"]);
    assert_eq!(text.status.code(), Some(1), "{text:?}");
    let ran = stage.sysreel(&["report", "--diff", "a.reel", "b.reel", "-o", "d.html"]);
    assert_eq!((ran.status.code(), &*ran.stderr), (Some(0), ""), "{ran:?}");
    let findings = "[...document.querySelectorAll('.finding')].map(one => \
        one.querySelector('.sign').textContent + ' ' + one.querySelector('code').textContent \
        + ': ' + one.querySelector('.what').textContent)";
    let results = browse(
        &stage,
        &json!([
            ["open", "d.html", "#finding=2"],
            ["ask", "document.activeElement.id"],
            ["ask", findings],
            ["ask", "document.querySelector('pre.text').textContent"],
            ["ask", "document.querySelector('.verdict').textContent"],
            ["ask", "[...document.querySelectorAll('.here td')].map(cell => cell.textContent)"],
            ["ask", "[...document.querySelectorAll('.beside')].map(one => one.rows.length)"],
            ["ask", WITHOUT_CALLS],
            ["click", "#differences input"],
            ["type", "rm <i>"],
            ["ask", "[...document.querySelectorAll('.finding')].filter(one => !one.hidden).length"],
            ["messages"],
        ]),
    );
    let [focus, listed, shown, verdict, here, rows, without, found, messages] = &results[..] else {
        panic!("{results:?}");
    };
    assert_eq!(focus, "finding-2");
    assert_eq!(shown, &text.text());
    let text = text.text();
    let lines = text.lines().filter_map(|line| line.strip_prefix("    "));
    let lines: Vec<&str> = lines.filter(|line| line.starts_with(['+', '-', '~'])).collect();
    let without_events = |line: &&str| line.split("  [").next().unwrap().to_owned();
    let expected: Vec<String> = lines.iter().map(without_events).collect();
    assert!(expected.len() > 3, "{text}");
    assert_eq!(listed, &json!(expected));
    assert!(verdict.as_str().unwrap().ends_with(text.lines().last().unwrap()), "{verdict}");
    check_marked(here, &lines);
    assert!(rows.as_array().unwrap().iter().all(|rows| rows.as_u64() > Some(3)), "{rows}");
    // A side that does not do it shows where it would be, after calls that both logs have.
    assert!(without.as_array().unwrap().iter().any(|calls| calls.as_u64() > Some(5)), "{without}");
    assert!(found.as_u64() > Some(0) && found.as_u64() < Some(expected.len() as u64), "{found}");
    assert_eq!(messages, &json!([]));
}
