use super::*;
use crate::diff::policy::Kind;
use crate::diff::report::{Change, Difference, Report, Side};
use crate::diff::rule::{Rule, Severity};
use crate::diff::run::Environment;
use crate::diff::verdict::{Excepted, Unstable};

fn verdict(differences: Vec<Difference>) -> Verdict {
    let side = |log: &str| Side {
        log: log.into(),
        logs: Vec::new(),
        environment: Environment::default(),
        completeness: Vec::new(),
        whole: true,
        events: 1,
        processes: 1,
        findings: crate::Findings::default(),
    };
    let report = Report {
        schema: Report::SCHEMA,
        sides: [side("a.reel"), side("b.reel")],
        incomparable: Vec::new(),
        unseen: Vec::new(),
        differences,
        made_up: Vec::new(),
        counted_only: Vec::new(),
        accounts: Default::default(),
        times: Vec::new(),
    };
    Verdict::new(report, Severity::Error)
}

fn difference(rule: Rule, what: &str) -> Difference {
    Difference::new(rule, Change::Added, what.to_owned())
}

fn written(format: Format, verdict: &Verdict) -> String {
    let mut out = Vec::new();
    format.write(verdict, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn names_parse_back() {
    for format in Format::ALL {
        assert_eq!(format.to_string().parse(), Ok(format));
    }
    assert!("html".parse::<Format>().unwrap_err().contains("junit"));
}

#[test]
fn every_format_has_every_part() {
    let mut verdict = verdict(vec![
        Difference {
            consequences: vec![difference(Rule::FsReadNew, "read $WS/follows")],
            ..difference(Rule::FsWriteNew, "write $WS/fails")
        },
        difference(Rule::FsReadNew, "read $WS/below"),
    ]);
    verdict.excepted.push(Excepted {
        kind: Kind::Ignore,
        place: "p.toml:3".into(),
        reason: "because".into(),
        count: 7,
    });
    verdict.unstable.push(Unstable {
        difference: difference(Rule::FsReadNew, "read $WS/flaky"),
        seen: 1,
        of: 3,
        side: None,
        runs: [0, 0],
        around: None,
    });
    verdict.noise.push("~ 5/5 a write x<alnum:6> ok".into());
    verdict.report.made_up.push(["tmpAb3xQ9".into(), "tmpK2wwPz".into()]);
    verdict.report.unseen.push("both used rings".into());
    verdict.notices.push("p.toml:9: of no use".into());
    let text = written(Format::Text, &verdict);
    assert!(!text.contains("x<alnum:6>"), "{text}");
    assert!(text.contains("muted by what the baseline has learned: 1 (-v lists them)"), "{text}");
    verdict.verbose = true;
    for format in [Format::Json, Format::Junit, Format::Markdown, Format::Text, Format::Github] {
        let text = written(format, &verdict);
        let noise = match format {
            Format::Junit => "x&lt;alnum:6&gt;",
            _ => "x<alnum:6>",
        };
        for part in
            ["$WS/fails", "$WS/follows", "p.toml:3", "because", "$WS/flaky", noise, "p.toml:9"]
                .into_iter()
                .chain(["tmpAb3xQ9", "both used rings"])
        {
            assert!(text.contains(part), "{format} lacks {part}:\n{text}");
        }
    }
    assert!(
        written(Format::Github, &verdict)
            .ends_with("::error title=sysreel%3A fs.write.new::-: + write $WS/fails\n")
    );
}

#[test]
fn a_summary_stays_within_its_limit() {
    let long = "x".repeat(1000);
    let many =
        (0..3000).map(|i| difference(Rule::FsWriteNew, &format!("write {long}{i}"))).collect();
    let verdict = verdict(many);
    for limit in [300, 1000, 10_000, SUMMARY_LIMIT] {
        let text = markdown(&verdict, limit);
        assert!(text.len() <= limit, "{} > {limit}", text.len());
        assert!(text.contains("had no room here"), "{limit}");
        assert_eq!(text.matches("<details").count(), text.matches("</details>").count());
    }
    assert!(written(Format::Markdown, &verdict).len() > SUMMARY_LIMIT - 2000);
}

#[test]
fn at_most_ten_annotations_are_written() {
    for (count, lines) in [(0, 0), (1, 1), (10, 10), (11, 10), (500, 10)] {
        let verdict = verdict(
            (0..count).map(|i| difference(Rule::ExecNew, &format!("exec {i}%\n::x"))).collect(),
        );
        let text = annotations(&verdict);
        assert_eq!(text.lines().count(), lines);
        assert!(text.lines().all(|line| line.starts_with("::error title=sysreel")));
        assert!(count <= 10 || text.contains(&format!("{} of them not shown", count - 9)));
        assert!(count == 0 || text.contains("exec 0%25\\n::x"));
    }
}

#[test]
fn special_characters_are_escaped() {
    let verdict = verdict(vec![difference(Rule::ExecNew, "exec <a>&\"'`` \u{1} \u{fffe} ]]>")]);
    let xml = written(Format::Junit, &verdict);
    assert!(
        xml.contains("&lt;a&gt;&amp;") && !xml.contains('\u{1}') && !xml.contains("]]>"),
        "{xml}"
    );
    assert!(
        written(Format::Markdown, &verdict)
            .contains("``` + exec <a>&\"'`` \\u{1} \\u{fffe} ]]> ```")
    );
}

/// Some consequences of many are left out, but never a secret.
#[test]
fn nothing_hides_a_secret() {
    let many = (0..100).map(|i| difference(Rule::FsWriteNew, &format!("write $WS/{i}")));
    let secret = difference(Rule::SecretRead, "read /etc/shadow");
    let verdict = verdict(vec![Difference {
        consequences: many.chain([secret]).collect(),
        ..difference(Rule::ExecNew, "exec /bin/cat")
    }]);
    for format in [Format::Text, Format::Markdown, Format::Github] {
        let text = written(format, &verdict);
        assert!(text.contains("+ read /etc/shadow (secret.read)"), "{format}: {text}");
        assert!(text.contains("more that follow"), "{format}: {text}");
    }
}

#[test]
fn text_fits_the_terminal() {
    let long = (0..40).map(|n| format!("word{n}")).collect::<Vec<_>>().join(" ");
    let mut verdict =
        verdict(vec![difference(Rule::ExecNew, &format!("exec {long}{}", "x".repeat(300)))]);
    let whole = written(Format::Text, &verdict);
    for width in [0, 40, 80, 1000] {
        verdict.width = Some(width);
        let text = written(Format::Text, &verdict);
        assert!(text.lines().all(|line| line.chars().count() <= width.max(40)), "{width}: {text}");
        // Nothing is lost.
        let letters = |text: &str| text.replace([' ', '\n'], "");
        assert_eq!(letters(&text), letters(&whole), "{width}");
    }
    assert_eq!(written(Format::Text, &verdict), whole);
}

/// JUnit shows how grave a difference is with its consequences.
#[test]
fn a_heading_is_as_grave_as_what_follows() {
    let verdict = verdict(vec![Difference {
        consequences: vec![difference(Rule::SecretRead, "read /etc/shadow")],
        ..difference(Rule::FsReadNew, "read $WS/x")
    }]);
    let text = written(Format::Junit, &verdict);
    assert!(text.contains("error fs.read.new -: + read $WS/x"), "{text}");
}

#[test]
fn equal_changes_are_one_line_and_json_has_each() {
    let same = |process: &str| Difference {
        process: process.to_owned(),
        ..difference(Rule::ExitStatus, "exit")
    };
    let mut verdict = verdict((0..10).map(|n| same(&format!("make>cc{n}"))).collect());
    for format in [Format::Text, Format::Markdown, Format::Junit, Format::Github] {
        let text = written(format, &verdict);
        assert!(text.contains("exit (in 10 processes)"), "{format}: {text}");
        assert!(!text.contains("cc5"), "{format}: {text}");
    }
    assert!(written(Format::Text, &verdict).contains("1 difference at or above error"));
    assert!(written(Format::Json, &verdict).contains("make>cc5"));
    // Folding makes nothing pass.
    verdict.tolerated = 1;
    assert!(written(Format::Text, &verdict).ends_with("1 difference at or above error\n"));
    verdict.all = true;
    assert!(written(Format::Text, &verdict).contains("make>cc5"));
}

/// A report of runs that cannot be compared does not look like one that passes.
#[test]
fn what_cannot_be_compared_passes_in_no_format() {
    let mut verdict = verdict(Vec::new());
    let passing = written(Format::Markdown, &verdict);
    assert!(passing.starts_with("### ✅ sysreel: no difference"), "{passing}");
    verdict.report.incomparable.push("both used rings".into());
    let page = written(Format::Markdown, &verdict);
    assert!(page.starts_with("### ❌ sysreel: not comparable\n"), "{page}");
    assert!(!written(Format::Text, &verdict).contains("no difference"));
    assert!(written(Format::Junit, &verdict).contains("errors=\"1\""));
}
