//! Tells random characters from words, by how likely each would be.

/// The pairs of letters that most words of English and names of files consist of.
const PAIRS: &str = "ab ac ad ag ai al am an ap ar as at av ay ba be bi bl bo br bu by ca ce ch ci \
    ck cl co cr ct cu da de di do dr du ea eb ec ed ee ef eg el em en ep er es et ev ew ex ey fa \
    fe ff fi fl fo fr fu ga ge gh gi gl go gr gu ha he hi ho hr hu ib ic id ie if ig il im in io \
    ip ir is it iv iz jo js ju ke ki la ld le li ll lo lp ls lt lu ly ma mb me mi mm mo mp ms mu \
    na nc nd ne nf ng ni nk nn no ns nt nu ob oc od of og ok ol om on oo op or os ot ou ov ow pa \
    pe ph pi pl po pp pr ps pt pu py qu ra rc rd re rg ri rk rl rm rn ro rr rs rt ru rv ry sa sc \
    se sh si sk sl sm sn so sp sq ss st su sw sy ta te th ti tl tm to tp tr ts tt tu tw ty ub uc \
    ud ue ug ui ul um un up ur us ut va ve vi vo wa we wh wi wo wr ws xe xi xp xt ya ye yo ys yt \
    za ze zi zo";

/// The least digits of a number that is made up: shorter ones count something.
const MIN_DIGITS: usize = 8;
/// The least digits that random letters and digits may consist of by chance.
const BY_CHANCE: usize = 6;

/// The least length of a number in hexadecimal digits: shorter words count as letters and digits.
const MIN_HEX: usize = 8;

/// What a text without a doubt counts for.
const CERTAIN: i32 = 100;

/// Evidence in tenths of a bit: the logarithm of how much likelier it is among random letters and
/// digits than in names that people choose.
mod weight {
    /// Two letters that words often have next to each other, and two others.
    pub(super) const COMMON: i32 = -15;
    pub(super) const RARE: i32 = 22;
    /// Letters of one case, in a text that has both, and a change of case. A capital at the
    /// beginning of a word is usual.
    pub(super) const SAME_CASE: i32 = -9;
    pub(super) const OTHER_CASE: i32 = 26;
    /// A digit after a letter, a letter after a digit, and a digit after a digit.
    pub(super) const TO_DIGIT: i32 = 15;
    pub(super) const FROM_DIGIT: i32 = 27;
    pub(super) const DIGITS: i32 = -12;
    /// The same in hexadecimal digits, of which ten of sixteen are decimal ones, and two letters.
    pub(super) const HEX_TO_DIGIT: i32 = 23;
    pub(super) const HEX_FROM_DIGIT: i32 = 35;
    pub(super) const HEX_DIGITS: i32 = 27;
    pub(super) const HEX_LETTERS: i32 = -9;
}

/// Whether a word is a number in hexadecimal digits of one case, with letters and digits.
pub(super) fn is_mixed_hex(word: &str) -> bool {
    let has = |is: fn(u8) -> bool| word.bytes().any(is);
    word.bytes().all(|byte| byte.is_ascii_hexdigit())
        && has(|byte| byte.is_ascii_digit())
        && has(|byte| byte.is_ascii_lowercase()) != has(|byte| byte.is_ascii_uppercase())
}

/// Returns the evidence that the characters of a word from `start` on are random, negative if they
/// look chosen.
pub(super) fn evidence(word: &str, start: usize) -> i32 {
    // The part of a number in which two differ says nothing: `20260131` is a date.
    let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
    let text = word.get(if is_number { 0 } else { start }..).unwrap_or_default();
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return match text.len() {
            MIN_DIGITS.. if !is_date(text) => CERTAIN,
            len @ BY_CHANCE..MIN_DIGITS => {
                weight::DIGITS * i32::try_from(len - 1).unwrap_or(i32::MAX)
            }
            _ => -CERTAIN,
        };
    }
    let bytes = word.as_bytes();
    let has = |is: fn(&u8) -> bool| text.bytes().any(|byte| is(&byte));
    let both_cases = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    let is_hex = text.len() >= MIN_HEX && is_mixed_hex(&text.replace(['-', '_'], ""));
    let mut all = 0;
    for at in start.max(1)..bytes.len() {
        let (before, byte) = (bytes[at - 1], bytes[at]);
        all += match [before, byte].map(|byte| byte.is_ascii_digit()) {
            _ if matches!(before, b'_' | b'-') || matches!(byte, b'_' | b'-') => 0,
            [true, true] if is_hex => weight::HEX_DIGITS,
            [true, false] if is_hex => weight::HEX_FROM_DIGIT,
            [false, true] if is_hex => weight::HEX_TO_DIGIT,
            [false, false] if is_hex => weight::HEX_LETTERS,
            [true, true] => weight::DIGITS,
            [true, false] => weight::FROM_DIGIT,
            [false, true] => weight::TO_DIGIT,
            [false, false] => {
                let letters = if is_common(before, byte) { weight::COMMON } else { weight::RARE };
                let is_same = before.is_ascii_lowercase() == byte.is_ascii_lowercase();
                let case = match (is_same, both_cases) {
                    (true, false) => 0,
                    (true, true) => weight::SAME_CASE,
                    (false, _) if at == 1 && byte.is_ascii_lowercase() => 0,
                    (false, _) => weight::OTHER_CASE,
                };
                letters + case
            }
        };
    }
    all
}

/// Whether a word has a word of three letters or more that begins with a capital, as `MyClass1`:
/// a mixed-case name that was chosen. Two random ones of six characters rarely both have one.
pub(super) fn has_capitalized_word(word: &str) -> bool {
    const LEAST: usize = 3;
    let bytes = word.as_bytes();
    let starts = (0..bytes.len()).filter(|at| bytes[*at].is_ascii_uppercase());
    starts.into_iter().any(|start| {
        let letters = bytes[start + 1..].iter().take_while(|byte| byte.is_ascii_lowercase());
        let end = start + 1 + letters.count();
        let is_word = bytes[start..end].windows(2).all(|pair| is_common(pair[0], pair[1]));
        end - start >= LEAST && is_word
    })
}

/// Whether two letters are often next to each other in words.
fn is_common(before: u8, after: u8) -> bool {
    let pair = [before, after].map(|byte| byte.to_ascii_lowercase());
    PAIRS.split(' ').any(|known| known.as_bytes() == pair)
}

/// Whether digits are a date, `20261129`, or begin with one before a time of day.
fn is_date(digits: &str) -> bool {
    let number = |range| digits.get(range).and_then(|part: &str| part.parse().ok()).unwrap_or(0);
    let (year, month, day): (u32, u32, u32) = (number(0..4), number(4..6), number(6..8));
    matches!(digits.len(), 8 | 10 | 12 | 14 | 17)
        && (1970..2100).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_from_random_characters() {
        for text in [
            "release",
            "malware",
            "stable",
            "latest",
            "january",
            "october",
            "Makefile",
            "config",
            "output1",
            "20261129",
            "20261129123456",
            "123456",
            "backup",
            "sqlite",
            "kernel",
            "plugin",
            "vendor",
        ] {
            assert!(evidence(text, 0) < -10, "{text}: {}", evidence(text, 0));
        }
        for text in [
            "AbC123",
            "x7Kq2f",
            "441108104",
            "hoj9zmbj0c",
            "0c4e8",
            "xkqzvw",
            "uiXwlD",
            "1tcdtwb",
            "SHWWcq",
            "2021acfa5c80b88",
            "00005567683021b0",
            "27f1c8db-f161-4c2e-9d3b-0a1b2c3d4e5f",
        ] {
            assert!(evidence(text, 0) > 20, "{text}: {}", evidence(text, 0));
        }
    }

    #[test]
    fn capitalized_words_are_found() {
        for text in ["MyClass1", "BadGuy77", "McDonald", "getFile2Net"] {
            assert!(has_capitalized_word(text), "{text}");
        }
        for text in ["AbC123", "uiXwlD", "x7kq2fa", "RELEASE", "release", "Bxqk12"] {
            assert!(!has_capitalized_word(text), "{text}");
        }
    }
}
