//! Links to files in terminals that show them (OSC 8).

use std::fmt::Write as _;
use std::path::Path;

use crate::text;

/// A link to a file or folder of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    address: String,
}

impl Link {
    /// A link to an existing file or folder.
    pub(super) fn to(path: &Path) -> Option<Self> {
        let path = path.canonicalize().ok()?;
        let text = text::path(&path);
        Some(Self { address: address(&if cfg!(windows) { text.replace('\\', "/") } else { text }) })
    }

    /// The text as a link.
    pub(super) fn around(&self, text: &str) -> String {
        format!("\u{1b}]8;;{}\u{1b}\\{text}\u{1b}]8;;\u{1b}\\", self.address)
    }
}

/// Whether standard error is a terminal that shows links.
pub(super) fn is_linked() -> bool {
    supports_hyperlinks::on(supports_hyperlinks::Stream::Stderr)
}

/// The `file` address of an absolute path (RFC 8089); everything but unreserved characters and slashes is escaped.
fn address(path: &str) -> String {
    // A Windows share names its host.
    let scheme = if path.starts_with("//") { "file:" } else { "file://" };
    let mut address = scheme.to_owned() + if path.starts_with('/') { "" } else { "/" };
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/:".contains(&byte) {
            address.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(address, "%{byte:02X}");
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_escape_what_a_terminal_could_act_on() {
        assert_eq!(address("/a b/é/\u{1b}]x;%"), "file:///a%20b/%C3%A9/%1B%5Dx%3B%25");
        assert_eq!(address("C:/Users/x"), "file:///C:/Users/x");
        assert_eq!(address("//nas/share"), "file://nas/share");
        let link = Link::to(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap().around("text");
        assert!(link.starts_with("\u{1b}]8;;file:///") && link.ends_with("\u{1b}\\text\u{1b}]8;;\u{1b}\\"), "{link:?}");
        assert_eq!(Link::to(Path::new("no such folder")), None);
    }
}
