//! Generated Markdown, wrapped as what is written by hand is.

const WIDTH: usize = 100;

/// Fills paragraphs and items of lists that have a line of more than 100 characters. Tables,
/// headings and code stay as they are, and so does what fits: a page changes where its text does.
pub(crate) fn wrap(page: &str) -> String {
    let mut wrapped = String::with_capacity(page.len());
    let mut text: Vec<&str> = Vec::new();
    let mut in_code = false;
    for line in page.lines() {
        let fence = line.starts_with("```");
        let is_text = !in_code && !fence && !line.is_empty() && !line.starts_with(['|', '#', '<']);
        if !is_text || line.starts_with("- ") {
            fill(&mut text, &mut wrapped);
        }
        in_code ^= fence;
        if is_text {
            text.push(line);
        } else {
            wrapped.push_str(line);
            wrapped.push('\n');
        }
    }
    fill(&mut text, &mut wrapped);
    wrapped
}

/// Writes one paragraph or item. What follows the first line of an item is indented.
fn fill(lines: &mut Vec<&str>, wrapped: &mut String) {
    let indent = if lines.first().is_some_and(|line| line.starts_with("- ")) { "  " } else { "" };
    if lines.iter().all(|line| line.chars().count() <= WIDTH) {
        lines.drain(..).for_each(|line| wrapped.extend([line, "\n"]));
        return;
    }
    let mut width = 0;
    for word in lines.drain(..).flat_map(str::split_whitespace) {
        let len = word.chars().count();
        if width != 0 && width + 1 + len > WIDTH {
            wrapped.extend(["\n", indent]);
            width = indent.len();
        } else if width != 0 {
            wrapped.push(' ');
            width += 1;
        }
        wrapped.push_str(word);
        width += len;
    }
    wrapped.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_with_long_lines_are_filled() {
        let x = "x".repeat(60);
        let page = format!("a {x} {x}\nb\n- {x} {x}\n  c\n| {x} {x}\n```\n{x} {x}\n```\nd\ne\n");
        let expected =
            format!("a {x}\n{x} b\n- {x}\n  {x} c\n| {x} {x}\n```\n{x} {x}\n```\nd\ne\n");
        assert_eq!(wrap(&page), expected);
        assert_eq!(wrap(&expected), expected);
    }
}
