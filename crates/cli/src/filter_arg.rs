//! Filters among the arguments, and how their errors are shown.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use sysreel_abi::{Filter, FilterError};
use sysreel_inspect::visible::visible;

/// The most characters of a filter that an error shows.
const SHOWN: usize = 400;

/// Parses a filter. The error shows the place in it.
pub(crate) fn parse(text: &str) -> Result<Filter, String> {
    Filter::parse(text).map_err(|error| explain(&error))
}

/// Parses a list of calls as strace does.
pub(crate) fn parse_strace(text: &str) -> Result<Filter, String> {
    Filter::parse_strace(text).map_err(|error| explain(&error))
}

fn explain(error: &FilterError) -> String {
    let mut text = format!("{error}");
    let source = error.text();
    let is_plain = source.chars().all(|c| !c.is_control()) && source.len() <= SHOWN;
    if is_plain && source.contains(' ') {
        let annotation = AnnotationKind::Primary.span(error.span()).label(error.message());
        let snippet = Snippet::source(source).annotation(annotation);
        let group = Group::with_level(Level::ERROR).element(snippet);
        text.push_str("\n\n");
        text.push_str(&Renderer::plain().render(&[group]));
    }
    text.lines().map(|line| visible(line).to_string()).collect::<Vec<_>>().join("\n")
}
