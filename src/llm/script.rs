//! The user's messages to a model.

use std::str::FromStr;

use serde::Serialize;

/// The five messages of Workly's own performance tests.
const MESSAGES: [&str; 5] =
    ["Bonjour !", "Comment vas-tu ?", "Parle-moi de toi", "Quelle est ta fonction ?", "Merci pour tes réponses"];

/// A system prompt similar to the application's.
const SYSTEM: &str = "Tu es un compagnon de bureau aimable et attentif. Tu réponds en français, en quelques phrases.";

/// Prefix of the system prompt in a file.
const SYSTEM_LINE: &str = "system:";

/// The user's messages in order, and the system prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Script {
    /// The system prompt.
    pub system: String,
    /// The user's messages; at least one.
    pub messages: Vec<String>,
}

/// Why a text is not a script.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// It contains no message.
    #[error("it contains no message; write one per line")]
    Empty,
    /// It contains a zero byte, which no prompt may contain.
    #[error("line {line} contains a NUL byte")]
    ZeroByte {
        /// The line, from 1.
        line: usize,
    },
}

impl Script {
    /// The messages of Workly's own tests.
    #[must_use]
    pub fn of_the_app() -> Self {
        Self { system: SYSTEM.into(), messages: MESSAGES.map(String::from).to_vec() }
    }
}

impl FromStr for Script {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, ScriptError> {
        if let Some((line, _)) = text.lines().enumerate().find(|(_, line)| line.contains('\0')) {
            return Err(ScriptError::ZeroByte { line: line + 1 });
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).peekable();
        let system = lines.peek().and_then(|line| line.strip_prefix(SYSTEM_LINE)).map(|text| text.trim().to_owned());
        if system.is_some() {
            lines.next();
        }
        let messages: Vec<String> = lines.map(String::from).collect();
        if messages.is_empty() {
            return Err(ScriptError::Empty);
        }
        Ok(Self { system: system.unwrap_or_else(|| SYSTEM.into()), messages })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn script_has_one_message_per_line() {
        let script: Script = "\u{feff}system: Sois bref.\n\n  Bonjour !\r\nÇa va ?\n".parse().unwrap();
        assert_eq!(
            script,
            Script { system: "Sois bref.".into(), messages: vec!["Bonjour !".into(), "Ça va ?".into()] }
        );
        let plain: Script = "Salut".parse().unwrap();
        assert_eq!(plain.system, SYSTEM);
        assert_eq!("system: rien\n".parse::<Script>(), Err(ScriptError::Empty));
        assert_eq!("a\n\0".parse::<Script>(), Err(ScriptError::ZeroByte { line: 2 }));
    }
}
