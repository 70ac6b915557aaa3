//! Secrets in the environment of a program.

use std::borrow::Cow;

use super::table::SCHEMES;
use super::{DIGITS, MASK, is_masked, is_secret_name, mask, masked, space};

/// Returns a variable of an environment, `NAME=VALUE`, with its secrets masked: all of its value if
/// the name says that it is secret, and what follows the scheme of an Authorization header.
#[must_use]
pub fn masked_variable(text: &str) -> Cow<'_, str> {
    let Some((name, value)) = text.split_once('=') else { return masked(text) };
    let scheme = scheme(value);
    if scheme == 0 && (!is_secret_name(name) || value.is_empty()) {
        return masked(text);
    }
    let (scheme, secret) = value.split_at(if is_secret_name(name) { 0 } else { scheme });
    // Masking it again changes nothing.
    let is_mask = secret.len() == MASK.len() + DIGITS && is_masked(secret);
    if is_mask { text.into() } else { format!("{name}={scheme}{}", mask(secret)).into() }
}

/// Returns the length of the scheme at the beginning of a value and of the space after it, if one
/// word follows: `Bearer abc`. Prose has more.
fn scheme(value: &str) -> usize {
    let mut schemes = SCHEMES.iter().filter_map(|scheme| {
        let word = value.get(..scheme.len())?;
        let space = space(&value[scheme.len()..]);
        (word.eq_ignore_ascii_case(scheme) && space > 0).then_some(scheme.len() + space)
    });
    let len = schemes.next().unwrap_or(0);
    let secret = &value[len..];
    if secret.is_empty() || secret.contains(char::is_whitespace) { 0 } else { len }
}
