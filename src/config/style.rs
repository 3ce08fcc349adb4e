//! The style of a JSON text, so that new members look like the existing ones.

use std::ops::Range;

use serde_json::Value;

use super::scan::{Member, ValueNode};

/// The style of a text, taken from its top-level object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TextStyle {
    newline: &'static str,
    unit: String,
    colon: String,
}

impl TextStyle {
    /// The style of this text; that of Workly's own file if it shows none.
    pub(super) fn of(text: &str, root: &ValueNode) -> Self {
        let first = root.members.as_ref().and_then(|members| members.first());
        let lead = first.map_or("", |member| Self::lead(text, member));
        let sample = if first.is_some() { lead } else { text };
        let newline = match (sample.contains("\r\n"), sample.contains('\n'), sample.contains('\r')) {
            (true, ..) => "\r\n",
            (_, false, true) => "\r",
            _ => "\n",
        };
        let colon = first.map(|member| &text[member.key_span.end..member.value.span.start]);
        Self {
            newline,
            unit: Self::indent_of(lead).unwrap_or("    ").to_owned(),
            colon: colon.filter(|colon| !colon.contains(['\n', '\r'])).unwrap_or(": ").to_owned(),
        }
    }

    /// The space before a member.
    pub(super) fn lead<'a>(text: &'a str, member: &Member) -> &'a str {
        let before = &text[..member.key_span.start];
        &before[before.trim_end_matches([' ', '\t', '\n', '\r']).len()..]
    }

    /// The text before a member on its line; `None` if it shares the line.
    pub(super) fn indent_of(lead: &str) -> Option<&str> {
        lead.rfind(['\n', '\r']).map(|end| &lead[end + 1..])
    }

    /// Where and how a member is inserted into an object whose own line is indented by `indent`.
    pub(super) fn insertion(
        &self,
        text: &str,
        object: &ValueNode,
        members: &[Member],
        indent: Option<&str>,
        (key, value): (&str, &Value),
    ) -> (Range<usize>, String) {
        let Some(last) = members.last() else {
            let inside = object.span.start + 1..object.span.end - 1;
            let whole = self.rendered(&Value::Object([(key.to_owned(), value.clone())].into_iter().collect()), indent);
            return (inside, whole[1..whole.len() - 1].to_owned());
        };
        let end = last.value.span.end;
        let own = Self::lead(text, last);
        let lead = match Self::indent_of(own) {
            None if members.len() == 1 => self.space(),
            _ => own,
        };
        let member = self.member(key, value, Self::indent_of(lead));
        (end..end, format!(",{lead}{member}"))
    }

    /// A value in this style: on lines of its own if its line is, else within the line.
    pub(super) fn rendered(&self, value: &Value, indent: Option<&str>) -> String {
        match (value, indent) {
            (Value::Object(members), _) if members.is_empty() => "{}".into(),
            (Value::Object(members), Some(indent)) => {
                let deeper = format!("{indent}{}", self.unit);
                let separator = format!(",{}{deeper}", self.newline);
                let inside: Vec<String> =
                    members.iter().map(|(key, value)| self.member(key, value, Some(&deeper))).collect();
                let (newline, inside) = (self.newline, inside.join(&separator));
                format!("{{{newline}{deeper}{inside}{newline}{indent}}}")
            }
            (Value::Object(members), None) => {
                let inside: Vec<String> = members.iter().map(|(key, value)| self.member(key, value, None)).collect();
                format!("{{{}}}", inside.join(&format!(",{}", self.space())))
            }
            (Value::Array(items), _) => {
                let inside: Vec<String> = items.iter().map(|item| self.rendered(item, None)).collect();
                format!("[{}]", inside.join(&format!(",{}", self.space())))
            }
            (other, _) => other.to_string(),
        }
    }

    fn member(&self, key: &str, value: &Value, indent: Option<&str>) -> String {
        format!("{}{}{}", Value::from(key), self.colon, self.rendered(value, indent))
    }

    /// Between members on one line: a space if there is one after a colon.
    fn space(&self) -> &'static str {
        if self.colon.ends_with(' ') { " " } else { "" }
    }
}
