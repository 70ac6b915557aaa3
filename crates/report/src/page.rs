//! The page: its template with style, script and data.
//!
//! Nothing of a log is markup or script: the data is base64 in elements that a browser does not
//! run, and the script writes it as text. The page's policy allows this style and this script
//! alone, by their hashes, and no network.

use std::io::{self, Write};

use data_encoding::BASE64;
use serde::Serialize;
use sha2::{Digest, Sha256};

use miniz_oxide::deflate::compress_to_vec_zlib;

const TEMPLATE: &str = include_str!("../assets/page.html");
/// What is for paper and for narrow windows comes last.
const STYLE: &str =
    concat!(include_str!("../assets/tables.css"), include_str!("../assets/style.css"));
/// The parts of the script, in the order in which they need each other.
const SCRIPT: &str = concat!(
    include_str!("../assets/data.js"),
    include_str!("../assets/text.js"),
    include_str!("../assets/grid.js"),
    include_str!("../assets/strip.js"),
    include_str!("../assets/answers.js"),
    include_str!("../assets/log.js"),
    include_str!("../assets/diff.js"),
    include_str!("../assets/main.js"),
);
/// How hard to compress what is not in a table.
const LEVEL: u8 = 9;

/// How many bytes of data fit into a page of `size` bytes: base64 has four for three.
pub(crate) fn room(size: usize) -> usize {
    let fixed = TEMPLATE.len().saturating_add(STYLE.len()).saturating_add(SCRIPT.len());
    // Some for the tags of the blocks.
    size.saturating_sub(fixed).saturating_sub(4096) / 4 * 3
}

/// A block of data of a page.
#[derive(Debug)]
pub(crate) struct Block {
    name: &'static str,
    bytes: Vec<u8>,
}

impl Block {
    /// Makes a block of compressed bytes.
    pub(crate) fn new(name: &'static str, bytes: Vec<u8>) -> Self {
        Self { name, bytes }
    }

    /// Makes a block of a JSON document.
    ///
    /// # Errors
    /// When the value cannot be serialized.
    pub(crate) fn json(name: &'static str, value: &impl Serialize) -> io::Result<Self> {
        Ok(Self { name, bytes: compress_to_vec_zlib(&serde_json::to_vec(value)?, LEVEL) })
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// Writes a page.
///
/// # Errors
/// When `out` cannot be written.
pub(crate) fn write(blocks: &[Block], out: &mut dyn Write) -> io::Result<()> {
    let mut rest = TEMPLATE;
    while let Some((before, after)) = rest.split_once("{{") {
        out.write_all(before.as_bytes())?;
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        rest = after;
        match name {
            "policy" => out.write_all(policy().as_bytes())?,
            "style" => out.write_all(STYLE.as_bytes())?,
            "script" => out.write_all(SCRIPT.as_bytes())?,
            _ => write_blocks(blocks, out)?,
        }
    }
    out.write_all(rest.as_bytes())
}

fn write_blocks(blocks: &[Block], out: &mut dyn Write) -> io::Result<()> {
    for Block { name, bytes } in blocks {
        let data = BASE64.encode(bytes);
        writeln!(
            out,
            r#"<script type="application/octet-stream" id="data-{name}">{data}</script>"#
        )?;
    }
    Ok(())
}

/// Returns the Content-Security-Policy of the page.
fn policy() -> String {
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; \
         form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        hash(SCRIPT),
        hash(STYLE)
    )
}

fn hash(text: &str) -> String {
    BASE64.encode(&Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::{Block, SCRIPT, STYLE, TEMPLATE, write};

    #[test]
    fn data_is_base64_and_nothing_else() {
        let block = Block::json("meta", &"</script><script>run()</script>").unwrap();
        let mut out = Vec::new();
        write(&[block], &mut out).unwrap();
        let page = String::from_utf8(out).unwrap();
        assert!(!page.contains("run()"), "{page}");
        let (_, data) = page.split_once(r#"id="data-meta">"#).unwrap();
        let (data, _) = data.split_once("</script>").unwrap();
        let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
        assert!(!data.is_empty() && data.chars().all(is_base64), "{data}");
        for part in [STYLE, SCRIPT] {
            assert!(page.contains(part));
        }
    }

    /// What would make text of a log markup, or reach the network.
    #[test]
    fn the_script_writes_text_alone() {
        for word in [
            "innerHTML",
            "outerHTML",
            "insertAdjacent",
            "document.write",
            "eval(",
            "Function(",
            "fetch(",
            "XMLHttpRequest",
            "import(",
            "setAttribute(\"style",
            ".src =",
            "http:",
            "https:",
            "</script",
            "<!--",
        ] {
            assert!(!SCRIPT.contains(word), "{word}");
        }
        for word in ["url(", "@import", "</style"] {
            assert!(!STYLE.contains(word), "{word}");
        }
        for word in ["src=", "href=\"http", "onclick", "onload", "style="] {
            assert!(!TEMPLATE.contains(word), "{word}");
        }
    }
}
