//! Writes command lines so that a reader can run them again and sees what differs.

/// The words around a difference that are shown.
const CONTEXT: usize = 2;
/// Command lines with fewer words are shown whole.
const SHORT: usize = 10;

/// Quotes a canonical word as a shell wants it. Names of roots stay as they are: `$WS/a`.
fn quote(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_@%+=:,./<>$-~^".contains(c);
    match word {
        "" => "''".to_owned(),
        word if word.chars().all(is_plain) => word.to_owned(),
        word => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

/// Returns a command line.
pub(super) fn quoted(argv: &[String]) -> String {
    argv.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
}

/// Returns two command lines. Of long ones only the words that differ are left, with those around
/// them and the first.
pub(super) fn change(one: &[String], other: &[String]) -> [String; 2] {
    let same = one.iter().zip(other).take_while(|(x, y)| x == y).count();
    let least = one.len().min(other.len());
    let from_end = one.iter().rev().zip(other.iter().rev());
    let same_end = from_end.take(least - same).take_while(|(x, y)| x == y).count();
    [one, other].map(|argv| {
        if one.len().max(other.len()) <= SHORT {
            return quoted(argv);
        }
        let start = same.saturating_sub(CONTEXT);
        let end = (argv.len() - same_end + CONTEXT).min(argv.len());
        let mut words = Vec::new();
        match start {
            // Leaving out one word saves nothing.
            0..=2 => words.extend(argv[..start].iter().map(|word| quote(word))),
            _ => words.extend([quote(&argv[0]), "...".to_owned()]),
        }
        words.extend(argv[start..end].iter().map(|word| quote(word)));
        if end < argv.len() {
            words.push("...".to_owned());
        }
        words.join(" ")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        let argv = ["sh", "-c", "echo\\x20a;", "", "it's", "$WS/x", "a*b"].map(str::to_owned);
        assert_eq!(quoted(&argv), r"sh -c 'echo\x20a;' '' 'it'\''s' $WS/x 'a*b'");
    }

    #[test]
    fn only_what_differs_is_shown_of_long_command_lines() {
        let one = words("cc -a -b -c -d -e -f -g old -h -i -j -k");
        let other = words("cc -a -b -c -d -e -f -g new1 new2 -h -i -j -k");
        assert_eq!(
            change(&one, &other),
            ["cc ... -f -g old -h -i ...", "cc ... -f -g new1 new2 -h -i ..."]
        );
        let shorter = words("cc -a -b -c -d -e -f -g -h -i -j -k");
        assert_eq!(change(&one, &shorter)[1], "cc ... -f -g -h -i ...");
        assert_eq!(change(&words("a b"), &words("a c")), ["a b", "a c"]);
        let repeated = words("x x x x x x x x x x x");
        assert_eq!(change(&repeated, &repeated[..10])[1], "x ... x x");
    }
}
