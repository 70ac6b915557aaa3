//! Strings of which the log has only the beginning.

use super::expressions::{Fact, call};
use crate::filter::{Answer, Filter};

/// Of a string that begins with `one two` the rest may be anything.
#[test]
fn the_beginning_of_a_string_decides_what_no_rest_can_change() {
    use Answer::{No, Unknown, Yes};
    let mut call = call();
    call.values = vec![("data", Fact::Cut("one two"))];
    for (text, wanted) in [
        ("data", Yes),
        ("data contains \"e t\"", Yes),
        ("data contains \"three\"", Unknown),
        ("data == \"one\"", No),
        ("data == \"one two\"", No),
        ("data == \"one two three\"", Unknown),
        ("data == \"two and more\"", No),
        ("data ~ /^one/", Yes),
        ("data ~ /one\\b/", Yes),
        ("data ~ /two\\b/", Unknown),
        ("data ~ /two$/", Unknown),
        ("data ~ /(?m)two$/", Unknown),
        ("data ~ /^[^x]*$/", Unknown),
        ("data ~ /x/", Unknown),
        ("data ~ \"one*\"", Unknown),
        ("len(data) == 7", Unknown),
        ("lower(data) contains \"one\"", Yes),
        ("all data contains \"one\"", Yes),
    ] {
        assert_eq!(Filter::parse(text).unwrap().answer(&call), wanted, "{text}");
        let negated = Filter::parse(&format!("not ({text})")).unwrap();
        let other = match wanted {
            Yes => No,
            No => Yes,
            Unknown => Unknown,
        };
        assert_eq!(negated.answer(&call), other, "not ({text})");
    }
}
