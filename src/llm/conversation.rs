//! A conversation as the application holds it: a system prompt, and a history that rolls.

use std::collections::VecDeque;

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The one who sets the scene.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
}

impl Role {
    /// The word that chat templates have for it.
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
    /// Who says it.
    pub role: Role,
    /// What is said.
    pub text: String,
}

/// What the application sends its model: the system prompt, always, and the last messages of both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    system: String,
    history: VecDeque<ChatMessage>,
    context_limit: usize,
}

impl Conversation {
    /// The application's own number of messages that it remembers, both sides counted.
    pub const CONTEXT_LIMIT: usize = 10;

    /// A conversation in which nothing has been said. Beyond `context_limit` messages (at least 1), the oldest is forgotten.
    #[must_use]
    pub fn new(system: impl Into<String>, context_limit: usize) -> Self {
        Self { system: system.into(), history: VecDeque::new(), context_limit: context_limit.max(1) }
    }

    /// The person says something.
    pub fn ask(&mut self, text: impl Into<String>) {
        self.push(Role::User, text.into());
    }

    /// The model has answered.
    pub fn answer(&mut self, text: impl Into<String>) {
        self.push(Role::Assistant, text.into());
    }

    /// Forgets the oldest message, as the application does when a context overflows; false where only one is left.
    pub fn forget_oldest(&mut self) -> bool {
        self.history.len() > 1 && self.history.pop_front().is_some()
    }

    fn push(&mut self, role: Role, text: String) {
        self.history.push_back(ChatMessage { role, text });
        while self.history.len() > self.context_limit {
            self.history.pop_front();
        }
    }

    /// All that the model is sent, in order.
    #[must_use]
    pub fn messages(&self) -> Vec<ChatMessage> {
        let system = (!self.system.is_empty()).then(|| ChatMessage { role: Role::System, text: self.system.clone() });
        system.into_iter().chain(self.history.iter().cloned()).collect()
    }
}

/// The messages as Zephyr wants them, ready for its answer: for models whose file brings no template. The application's
/// default model is a Zephyr. Source: its model card.
#[must_use]
pub fn zephyr_prompt(messages: &[ChatMessage]) -> String {
    let said = messages.iter().flat_map(|message| ["<|", message.role.word(), "|>\n", &message.text, "</s>\n"]);
    said.chain(["<|assistant|>\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(conversation: &Conversation) -> Vec<String> {
        conversation.messages().into_iter().map(|message| message.text).collect()
    }

    #[test]
    fn the_oldest_messages_are_forgotten_and_the_system_prompt_never() {
        let mut conversation = Conversation::new("Tu es Kira.", 3);
        for turn in 1..=3 {
            conversation.ask(format!("question {turn}"));
            conversation.answer(format!("answer {turn}"));
        }
        assert_eq!(texts(&conversation), ["Tu es Kira.", "answer 2", "question 3", "answer 3"]);
        assert_eq!(texts(&Conversation::new("", 0)), [""; 0]);
    }

    #[test]
    fn zephyr_is_asked_in_its_own_form() {
        let mut conversation = Conversation::new("Tu es Kira.", 10);
        conversation.ask("Bonjour !");
        assert_eq!(
            zephyr_prompt(&conversation.messages()),
            "<|system|>\nTu es Kira.</s>\n<|user|>\nBonjour !</s>\n<|assistant|>\n"
        );
    }
}
