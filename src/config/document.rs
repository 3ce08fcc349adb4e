//! A JSON text that is edited in place: only the bytes of the set values change, in the style of the text. Everything
//! else remains byte for byte.

use std::ops::Range;

use serde_json::Value;

use super::scan::{JsonFault, ValueNode, scan};
use super::style::TextStyle;

/// The mark that Windows programs put before UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// A JSON text and the positions of its values.
#[derive(Debug, Clone)]
pub(super) struct Document {
    text: String,
    root: ValueNode,
}

/// A part of a path that is not an object and so cannot have keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NotASection {
    /// The path to there, with dots.
    pub(super) path: String,
    /// The value, as written.
    pub(super) found: String,
}

impl Document {
    /// Reads a text, with or without a byte order mark.
    pub(super) fn parse(text: String) -> Result<Self, JsonFault> {
        let root = scan(&text, start_of(&text))?;
        Ok(Self { text, root })
    }

    /// The current text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether it starts with a byte order mark.
    pub(super) fn has_byte_order_mark(&self) -> bool {
        start_of(&self.text) > 0
    }

    /// The same text without a byte order mark.
    pub(super) fn without_byte_order_mark(self) -> Self {
        let Some(text) = self.text.strip_prefix(BYTE_ORDER_MARK) else { return self };
        Self::parse(text.to_owned()).unwrap_or_else(|_| unreachable!("what follows the mark was read before"))
    }

    /// Whether the top-level value is an object.
    pub(super) fn is_object(&self) -> bool {
        self.root.members.is_some()
    }

    /// The value at `path`, as written.
    pub(super) fn raw(&self, path: &[&str]) -> Option<&str> {
        let node = path.iter().try_fold(&self.root, |node, key| Some(&node.member(key)?.value))?;
        Some(&self.text[node.span.clone()])
    }

    /// The value at `path`. Also `None` for what has no value here: a string with half a surrogate pair, a number out of range.
    pub(super) fn value(&self, path: &[&str]) -> Option<Value> {
        serde_json::from_str(self.raw(path)?).ok()
    }

    /// Sets the value at `path`, which has at least one key; missing objects on the way are created. Returns whether
    /// anything changed: an equal value remains as written, for example `1.0` if 1 is to be set.
    pub(super) fn set(&mut self, path: &[&str], value: &Value) -> Result<bool, NotASection> {
        if self.value(path).is_some_and(|old| is_equal(&old, value)) {
            return Ok(false);
        }
        let (range, piece) = self.edit(path, value)?;
        self.text.replace_range(range, &piece);
        // A value is replaced by a value, and a member is inserted between members: this cannot fail.
        self.root = scan(&self.text, self.root.span.start).unwrap_or_else(|_| unreachable!("an edit keeps JSON valid"));
        Ok(true)
    }

    /// Which bytes to replace, and by what.
    fn edit(&self, path: &[&str], value: &Value) -> Result<(Range<usize>, String), NotASection> {
        let style = TextStyle::of(&self.text, &self.root);
        let (mut node, mut indent) = (&self.root, Some(""));
        for (depth, key) in path.iter().enumerate() {
            let Some(members) = &node.members else {
                let found = self.text[node.span.clone()].to_owned();
                return Err(NotASection { path: path[..depth].join("."), found });
            };
            let Some(member) = members.iter().find(|member| member.is(key)) else {
                let missing = path[depth + 1..].iter().rev().fold(value.clone(), |inner, key| {
                    Value::Object([((*key).to_owned(), inner)].into_iter().collect())
                });
                return Ok(style.insertion(&self.text, node, members, indent, (key, &missing)));
            };
            indent = TextStyle::indent_of(TextStyle::lead(&self.text, member));
            node = &member.value;
        }
        Ok((node.span.clone(), style.rendered(value, indent)))
    }
}

/// Where JSON starts: after the byte order mark, if there is one.
fn start_of(text: &str) -> usize {
    if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 }
}

/// Whether two values are equal to a JSON reader, which has one type of number: 1.0 is 1.
fn is_equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            // Whole numbers are compared as such: beyond 2^53 a float would lose digits.
            let whole = a.as_i128().zip(b.as_i128());
            a == b || whole.is_none() && a.as_f64().zip(b.as_f64()).is_some_and(|(a, b)| a.total_cmp(&b).is_eq())
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| is_equal(a, b)))
        }
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(text: &str, path: &[&str], value: &Value) -> String {
        let mut document = Document::parse(text.into()).unwrap();
        assert!(document.set(path, value).unwrap());
        assert!(!document.set(path, value).unwrap(), "setting it again changes nothing");
        document.text
    }

    #[test]
    fn only_the_value_changes() {
        let text = "\u{feff}{\r\n\t\"ai\" : { \"été ✨\":1.50, \"gpu_profile\" :\"performance\" , \"x\": 1e2 }\r\n}";
        let expected = text.replace("\"performance\"", "\"balanced\"");
        assert_eq!(set(text, &["ai", "gpu_profile"], &json!("balanced")), expected);
    }

    #[test]
    fn equal_value_keeps_its_spelling() {
        let mut document = Document::parse(r#"{"a": "\u0062", "n": 1E2}"#.into()).unwrap();
        assert_eq!(document.set(&["a"], &json!("b")), Ok(false));
        assert_eq!(document.set(&["n"], &json!(100.0)), Ok(false));
        assert_eq!(document.set(&["n"], &json!(100)), Ok(false));
        assert_eq!(document.text(), r#"{"a": "\u0062", "n": 1E2}"#);
    }

    #[test]
    fn one_point_zero_keeps_its_spelling_for_one() {
        let text = r#"{"performance": {"n_threads": 1.0, "provenance": {"n": [2.0]}}}"#;
        let mut document = Document::parse(text.into()).unwrap();
        assert_eq!(document.set(&["performance", "n_threads"], &json!(1)), Ok(false));
        assert_eq!(document.set(&["performance", "provenance"], &json!({"n": [2]})), Ok(false));
        assert_eq!(document.text(), text);
        assert_eq!(document.set(&["performance", "n_threads"], &json!(2)), Ok(true));
        let mut large = Document::parse(r#"{"n": 9007199254740993}"#.into()).unwrap();
        assert_eq!(large.set(&["n"], &json!(9_007_199_254_740_992_u64)), Ok(true), "two whole numbers");
    }

    #[test]
    fn number_out_of_range_is_kept_and_can_be_replaced() {
        // Python reads it as infinity.
        let text = r#"{"ai": {"gpu_profile": 1e999, "other": -2e999}}"#;
        let document = Document::parse(text.into()).unwrap();
        assert_eq!(document.value(&["ai", "gpu_profile"]), None);
        let expected = text.replace("1e999", "\"balanced\"");
        assert_eq!(set(text, &["ai", "gpu_profile"], &json!("balanced")), expected);
    }

    #[test]
    fn new_section_follows_the_files_style() {
        let value = json!({"n_threads": 2, "provenance": {"tool": "é"}});
        for (text, expected) in [
            (
                "{\n    \"ai\": {}\n}\n",
                "{\n    \"ai\": {},\n    \"performance\": {\n        \"n_threads\": 2,\n        \"provenance\": {\n            \"tool\": \"é\"\n        }\n    }\n}\n",
            ),
            (
                "{\r\n\t\"ai\": 1\r\n}",
                "{\r\n\t\"ai\": 1,\r\n\t\"performance\": {\r\n\t\t\"n_threads\": 2,\r\n\t\t\"provenance\": {\r\n\t\t\t\"tool\": \"é\"\r\n\t\t}\r\n\t}\r\n}",
            ),
            ("{\"a\":1}", "{\"a\":1,\"performance\":{\"n_threads\":2,\"provenance\":{\"tool\":\"é\"}}}"),
            (
                "{\"a\": 1, \"b\": 2}",
                "{\"a\": 1, \"b\": 2, \"performance\": {\"n_threads\": 2, \"provenance\": {\"tool\": \"é\"}}}",
            ),
            (
                "{ }\n",
                "{\n    \"performance\": {\n        \"n_threads\": 2,\n        \"provenance\": {\n            \"tool\": \"é\"\n        }\n    }\n}\n",
            ),
        ] {
            assert_eq!(set(text, &["performance"], &value), expected);
        }
    }

    #[test]
    fn new_key_is_added_to_its_section() {
        let text = "{\n  \"ai\": {\n    \"a\": 1\n  },\n  \"performance\": {},\n  \"one\": {\"x\": 1}\n}";
        assert_eq!(
            set(text, &["ai", "gpu_profile"], &json!("balanced")),
            text.replace("\"a\": 1", "\"a\": 1,\n    \"gpu_profile\": \"balanced\"")
        );
        assert_eq!(
            set(text, &["performance", "n"], &json!(1)),
            text.replace("\"performance\": {}", "\"performance\": {\n    \"n\": 1\n  }")
        );
        assert_eq!(set(text, &["one", "y"], &json!({"z": 2})), text.replace("1}", "1, \"y\": {\"z\": 2}}"));
        let deep = set(text, &["new", "deeper"], &json!(true));
        assert!(deep.ends_with(",\n  \"new\": {\n    \"deeper\": true\n  }\n}"), "{deep}");
    }

    #[test]
    fn non_section_value_is_never_replaced_by_a_section() {
        let mut document = Document::parse(r#"{"performance": [1]}"#.into()).unwrap();
        let fault = document.set(&["performance", "n"], &json!(1)).unwrap_err();
        assert_eq!(fault, NotASection { path: "performance".into(), found: "[1]".into() });
        assert_eq!(document.text(), r#"{"performance": [1]}"#);
    }
}
