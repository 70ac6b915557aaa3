//! The lines that several formats have in common.

use crate::diff::report::Difference;
use crate::diff::rule::{Rule, Severity};
use crate::diff::verdict::{Unstable, Verdict};
use crate::text::counted;

/// Formats a difference: `+ read $WS/x`, `~ exit: 0 => 1`.
pub(super) fn line(difference: &Difference) -> String {
    let mut line = format!("{} {}", difference.change.sign(), difference.what);
    match (&difference.before, &difference.after) {
        (Some(before), Some(after)) => line += &format!(": {before} => {after}"),
        (None, Some(after)) => line += &format!(" ({after})"),
        _ => {}
    }
    with_spaces(&line)
}

/// Formats a canonical name for people. Canonical names write a space as `\x20` because lines of
/// baselines and sequences of policies are split at spaces; people do not need that.
pub(super) fn with_spaces(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        rest = match escape.strip_prefix("\\x20") {
            Some(after) => {
                out.push(' ');
                after
            }
            None => {
                // Copies the backslash and the next character, which may be an escaped backslash.
                let len = escape.chars().take(2).map(char::len_utf8).sum();
                out.push_str(&escape[..len]);
                &escape[len..]
            }
        };
    }
    out + rest
}

/// Returns at most `room` consequences of a difference, and how many are left out. Those about
/// secrets, the network and privileges come first, so that others cannot hide them, then the
/// gravest; what any program reads comes last.
pub(super) fn top_consequences(difference: &Difference, room: usize) -> (Vec<&Difference>, usize) {
    let sensitive = |rule: Rule| matches!(family(rule), "secret" | "net" | "privilege");
    // What any program reads as it starts.
    let usual = |what: &str| {
        let (_, path) = what.split_once(' ').unwrap_or(("", what));
        ["/usr/lib", "/lib", "/etc/ld.so", "/proc/"].iter().any(|folder| path.starts_with(folder))
    };
    let mut follow: Vec<&Difference> = difference.consequences.iter().collect();
    follow.sort_by_key(|follow| {
        (!sensitive(follow.rule), std::cmp::Reverse(follow.gravest()), usual(&follow.what))
    });
    let more = follow.len().saturating_sub(room);
    follow.truncate(room);
    (follow, more)
}

/// Formats a consequence: `+ read /etc/shadow`, with its rule if it is a warning or an error.
pub(super) fn consequence_line(difference: &Difference) -> String {
    let mut line = line(difference);
    if matches!(difference.rule, Rule::ExitStatus | Rule::ExitSignal) {
        // Mostly of another program than the heading.
        line = line.replacen(' ', &format!(" {}: ", with_spaces(&difference.role)), 1);
    }
    match difference.severity {
        Severity::Warn | Severity::Error => format!("{line} ({})", difference.rule),
        Severity::Info | Severity::Note => line,
    }
}

/// Returns where an unstable difference was seen: `in 2 of 3 runs of A`.
pub(super) fn how_often(unstable: &Unstable) -> String {
    let Unstable { seen, of, .. } = unstable;
    match unstable.side {
        Some(side) => format!("in {seen} of {of} runs of {}", if side == 0 { "A" } else { "B" }),
        None => format!("in {seen} of {of}"),
    }
}

/// Returns the family of a rule: the first word of its id.
pub(super) fn family(rule: Rule) -> &'static str {
    rule.id().split_once('.').map_or(rule.id(), |(family, _)| family)
}

/// Returns the summary line of a folded verdict.
pub(super) fn headline(verdict: &Verdict) -> String {
    if !verdict.report.incomparable.is_empty() {
        return "not comparable".to_owned();
    }
    let failing = verdict.failing().count();
    let gate = verdict.gate;
    let others = verdict.report.differences.len() - failing;
    let unstable = match verdict.unstable.len() {
        0 => String::new(),
        n => format!(", {n} unstable"),
    };
    let below = if others == 0 { String::new() } else { format!(", {others} below") };
    match (failing, verdict.passes()) {
        (0, _) => format!("no difference at or above {gate}{below}{unstable}"),
        (n, passes) => format!(
            "{} at or above {gate}{}{below}{unstable}",
            counted(n, "difference"),
            tolerated(verdict, passes)
        ),
    }
}

fn tolerated(verdict: &Verdict, passes: bool) -> String {
    if passes { format!(" ({} tolerated)", verdict.tolerated) } else { String::new() }
}
