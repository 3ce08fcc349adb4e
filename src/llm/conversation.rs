//! A conversation as in the application: a system prompt and a rolling history.

use std::collections::VecDeque;

/// Author of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChatRole {
    /// The system prompt.
    System,
    /// The user.
    User,
    /// The model.
    Assistant,
}

impl ChatRole {
    /// Name in chat templates.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatMessage {
    /// Its author.
    pub role: ChatRole,
    /// Its text.
    pub text: String,
}

/// What the application sends to its model: always the system prompt, and the last messages of both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    system: String,
    history: VecDeque<ChatMessage>,
    /// Exchanges that are kept.
    context_limit: usize,
}

impl Conversation {
    /// The application's own `context_limit`, in exchanges.
    pub const CONTEXT_LIMIT: usize = 10;

    /// An empty conversation. It keeps `context_limit` exchanges (at least 1) besides the current question; beyond
    /// that, the oldest message is dropped.
    #[must_use]
    pub fn new(system: impl Into<String>, context_limit: usize) -> Self {
        Self { system: system.into(), history: VecDeque::new(), context_limit: context_limit.max(1) }
    }

    /// Adds a message of the user.
    pub fn ask(&mut self, text: impl Into<String>) {
        self.push(ChatRole::User, text.into());
    }

    /// Adds an answer of the model.
    pub fn answer(&mut self, text: impl Into<String>) {
        self.push(ChatRole::Assistant, text.into());
    }

    /// Drops the oldest message, so that a conversation can continue when its prompt no longer fits the context; false
    /// if only one is left. The application fails in that case and stores nothing.
    pub fn forget_oldest(&mut self) -> bool {
        self.history.len() > 1 && self.history.pop_front().is_some()
    }

    fn push(&mut self, role: ChatRole, text: String) {
        let question = usize::from(role == ChatRole::User);
        self.history.push_back(ChatMessage { role, text });
        while self.history.len() > 2 * self.context_limit + question {
            self.history.pop_front();
        }
    }

    /// All messages to send, in order.
    #[must_use]
    pub fn messages(&self) -> Vec<ChatMessage> {
        let system =
            (!self.system.is_empty()).then(|| ChatMessage { role: ChatRole::System, text: self.system.clone() });
        system.into_iter().chain(self.history.iter().cloned()).collect()
    }
}

/// The messages in Zephyr's format, ready for its answer: for model files without a chat template. The application's
/// default model is a Zephyr. Source: its model card.
#[must_use]
pub fn zephyr_prompt(messages: &[ChatMessage]) -> String {
    let said = messages.iter().flat_map(|message| ["<|", message.role.word(), "|>\n", &message.text, "</s>\n"]);
    said.chain(["<|assistant|>\n"]).collect()
}

/// The messages in the application's own format, ready for an answer. It is not the template of any model: its tags are
/// plain text to the model.
#[must_use]
pub fn app_prompt(messages: &[ChatMessage]) -> String {
    let tagged = |message: &ChatMessage| {
        let role = message.role.word();
        format!("<|{role}|>\n{}\n</|{role}|>\n", message.text)
    };
    messages.iter().map(tagged).chain(["<|assistant|>\n".to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(conversation: &Conversation) -> Vec<String> {
        conversation.messages().into_iter().map(|message| message.text).collect()
    }

    #[test]
    fn oldest_messages_are_dropped_but_never_the_system_prompt() {
        let mut conversation = Conversation::new("Tu es Kira.", 1);
        for turn in 1..=3 {
            conversation.ask(format!("question {turn}"));
            conversation.answer(format!("answer {turn}"));
        }
        assert_eq!(texts(&conversation), ["Tu es Kira.", "question 3", "answer 3"]);
        assert_eq!(texts(&Conversation::new("", 0)), [""; 0]);
    }

    #[test]
    fn context_limit_counts_exchanges_besides_the_question() {
        let mut conversation = Conversation::new("Tu es Kira.", 10);
        for turn in 1..=12 {
            conversation.ask(format!("question {turn}"));
            let messages = conversation.messages();
            // The system prompt, up to ten exchanges, and the question.
            assert_eq!(messages.len(), 1 + 2 * (turn - 1).min(10) + 1, "turn {turn}");
            assert_eq!(messages[1].role, ChatRole::User, "no answer without its question");
            conversation.answer(format!("answer {turn}"));
        }
        assert_eq!(conversation.messages().len(), 1 + 20);
    }

    #[test]
    fn application_prompt_has_its_own_format() {
        let mut conversation = Conversation::new("Tu es Kira.", 10);
        conversation.ask("Bonjour !");
        let prompt = app_prompt(&conversation.messages());
        assert!(prompt.contains("<|user|>\nBonjour !\n</|user|>") && prompt.ends_with("<|assistant|>\n"), "{prompt}");
        assert!(!prompt.contains("</s>"), "{prompt}");
    }

    #[test]
    fn zephyr_prompt_has_zephyrs_format() {
        let mut conversation = Conversation::new("Tu es Kira.", 10);
        conversation.ask("Bonjour !");
        assert_eq!(
            zephyr_prompt(&conversation.messages()),
            "<|system|>\nTu es Kira.</s>\n<|user|>\nBonjour !</s>\n<|assistant|>\n"
        );
    }
}
