//! The encoding of a configuration: UTF-8, or the name of another one.

use std::path::Path;

use super::error::ConfigError;

/// The bytes as text. Any other encoding than UTF-8 is refused by name, if it can be detected.
pub(super) fn decoded(path: &Path, bytes: Vec<u8>) -> Result<String, ConfigError> {
    let wrong = |found: String| ConfigError::NotUtf8 { path: path.to_owned(), found };
    if let Some(name) = wide(&bytes) {
        return Err(wrong(format!("is {name}")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let byte = error.as_bytes().get(at).copied().unwrap_or_default();
        wrong(format!("is not UTF-8 from byte {at} on (0x{byte:02X}), perhaps in a Windows code page such as 1252"))
    })
}

/// The name of an encoding with several bytes per character, detected by its mark or by the zeros next to the first
/// brace.
fn wide(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Some("UTF-32"),
        [0xff, 0xfe, ..] | [1..=u8::MAX, 0, ..] => Some("UTF-16 (little-endian)"),
        [0xfe, 0xff, ..] | [0, 1..=u8::MAX, ..] => Some("UTF-16 (big-endian)"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf_16_and_code_pages_are_named() {
        let little = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let big = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
        for (bytes, named) in [
            (little("\u{feff}{}"), "UTF-16 (little-endian)"),
            (little("{}"), "UTF-16 (little-endian)"),
            (big("\u{feff}{}"), "UTF-16 (big-endian)"),
            (big("{}"), "UTF-16 (big-endian)"),
            (vec![0xff, 0xfe, 0, 0, b'{', 0, 0, 0], "UTF-32"),
            (b"{\"a\": \"\xe9\"}".to_vec(), "not UTF-8 from byte 7 on (0xE9), perhaps in a Windows code page"),
        ] {
            let error = decoded(Path::new("c.json"), bytes).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
        assert_eq!(decoded(Path::new("c.json"), "\u{feff}{\"é\": 1}".into()).unwrap(), "\u{feff}{\"é\": 1}");
    }
}
