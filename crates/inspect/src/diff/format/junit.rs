//! JUnit XML, which every CI system displays: a test case for each family of rules, and one for
//! whether the runs could be compared.
//!
//! Each line goes through [`visible`], so no character is left that XML forbids (XML 1.0, 2.2).

use std::collections::BTreeMap;
use std::io::{self, Write};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::fold::folded;
use super::lines::{family, how_often, line, with_spaces};
use crate::diff::report::Difference;
use crate::diff::rule::Rule;
use crate::diff::verdict::Verdict;
use crate::visible::visible;

/// The differences of one family of rules.
#[derive(Default)]
struct Case {
    /// Those that fail, the gravest first: the rule and its lines.
    failing: Vec<(Rule, String)>,
    /// The lines of the others.
    others: Vec<String>,
}

pub(super) fn junit(verdict: &Verdict, out: &mut dyn Write) -> io::Result<()> {
    let verdict = &*folded(verdict);
    let mut cases: BTreeMap<&str, Case> =
        Rule::ALL.iter().map(|rule| (family(*rule), Case::default())).collect();
    for difference in &verdict.report.differences {
        let case = cases.entry(family(difference.rule)).or_default();
        let mut lines = Vec::new();
        push_lines(difference, 0, &mut lines);
        match difference.gravest() >= verdict.gate && !verdict.passes() {
            true => case.failing.push((difference.rule, lines.join("\n"))),
            false => case.others.push(lines.join("\n")),
        }
    }
    let failures = cases.values().filter(|case| !case.failing.is_empty()).count();
    let errors = errors(verdict);
    let [a, b] = &verdict.report.sides;
    let name = visible(&format!("{} and {}", a.log, b.log)).into_owned();
    let count = |number: usize| number.to_string();
    let (tests, failures, broken) =
        (count(cases.len() + 1), count(failures), count(usize::from(!errors.is_empty())));
    let totals =
        [("name", name.as_str()), ("tests", &tests), ("failures", &failures), ("errors", &broken)];

    let mut writer = Writer::new_with_indent(&mut *out, b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    writer.create_element("testsuites").with_attributes(totals).write_inner_content(|writer| {
        writer.create_element("testsuite").with_attributes(totals).write_inner_content(
            |writer| {
                comparable_case(writer, &errors)?;
                cases.iter().try_for_each(|(family, case)| family_case(writer, family, case))?;
                let text = system_out(verdict);
                if !text.is_empty() {
                    writer
                        .create_element("system-out")
                        .write_text_content(BytesText::new(&text))?;
                }
                Ok(())
            },
        )?;
        Ok(())
    })?;
    writeln!(out)
}

/// Returns why the runs could not be compared, or not completely.
fn errors(verdict: &Verdict) -> Vec<String> {
    let lost = verdict.report.sides.iter().filter(|side| !side.whole);
    let lost = lost.map(|side| format!("{} is not whole", side.log));
    let all = verdict.report.incomparable.iter().cloned().chain(lost);
    all.map(|why| visible(&why).into_owned()).collect()
}

fn comparable_case<W: Write>(writer: &mut Writer<W>, errors: &[String]) -> io::Result<()> {
    let case = writer
        .create_element("testcase")
        .with_attributes([("classname", "sysreel"), ("name", "comparable")]);
    match errors.first() {
        None => case.write_empty()?,
        Some(first) => case.write_inner_content(|writer| {
            let text = errors.join("\n");
            let error = writer.create_element("error").with_attribute(("message", first.as_str()));
            error.write_text_content(BytesText::new(&text))?;
            Ok(())
        })?,
    };
    Ok(())
}

fn family_case<W: Write>(writer: &mut Writer<W>, family: &str, case: &Case) -> io::Result<()> {
    let element = writer
        .create_element("testcase")
        .with_attributes([("classname", "sysreel"), ("name", family)]);
    if case.failing.is_empty() && case.others.is_empty() {
        element.write_empty()?;
        return Ok(());
    }
    element.write_inner_content(|writer| {
        if let Some((rule, first)) = case.failing.first() {
            let more = match case.failing.len() {
                1 => String::new(),
                n => format!(" (and {} more)", n - 1),
            };
            let message = format!("{}{more}", first.lines().next().unwrap_or_default());
            let text: Vec<&str> = case.failing.iter().map(|(_, text)| text.as_str()).collect();
            let failure = writer.create_element("failure");
            failure
                .with_attributes([("type", rule.id()), ("message", message.as_str())])
                .write_text_content(BytesText::new(&text.join("\n")))?;
        }
        if !case.others.is_empty() {
            let text = case.others.join("\n");
            writer.create_element("system-out").write_text_content(BytesText::new(&text))?;
        }
        Ok(())
    })?;
    Ok(())
}

/// Adds a line for a difference and for each of its consequences.
fn push_lines(difference: &Difference, depth: usize, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    let Difference { severity, rule, process, .. } = difference;
    // A difference is as grave as the gravest of its consequences.
    let severity = if depth == 0 { difference.gravest() } else { *severity };
    let text = format!("{severity} {rule} {}: {}", with_spaces(process), line(difference));
    lines.push(format!("{indent}{}", visible(&text)));
    lines.extend(difference.content.iter().map(|line| format!("{indent}    {}", visible(line))));
    difference.consequences.iter().for_each(|next| push_lines(next, depth + 1, lines));
}

/// Returns the lines about what was taken out, is unstable, or concerns the policy.
fn system_out(verdict: &Verdict) -> String {
    let mut lines: Vec<String> = verdict
        .excepted
        .iter()
        .map(|excepted| {
            format!(
                "{} {} at {}: {}",
                excepted.kind, excepted.count, excepted.place, excepted.reason
            )
        })
        .collect();
    let report = &verdict.report;
    lines.extend(report.unseen.iter().map(|what| format!("not compared: {what}")));
    lines.extend(report.made_up.iter().map(|[a, b]| format!("taken as made up: {a} ~ {b}")));
    lines.extend(verdict.noise.iter().map(|noise| format!("learned noise: {noise}")));
    lines.extend(verdict.unstable.iter().map(|unstable| {
        let difference = &unstable.difference;
        format!(
            "unstable, {}: {} {}",
            how_often(unstable),
            with_spaces(&difference.role),
            line(difference)
        )
    }));
    lines.extend(verdict.notices.iter().cloned());
    let lines: Vec<_> = lines.iter().map(|line| visible(line)).collect();
    lines.join("\n")
}
