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
    /// Exchanges that are remembered, each a question with its answer.
    context_limit: usize,
}

impl Conversation {
    /// The application's own `context_limit`, in exchanges.
    pub const CONTEXT_LIMIT: usize = 10;

    /// A conversation in which nothing has been said. It remembers `context_limit` exchanges (at least 1), each a question with its
    /// answer, beside the question that is asked; beyond them, the oldest message is forgotten.
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

    /// Forgets the oldest message, so that a conversation goes on whose prompt does not fit the context; false where only one is left. The
    /// application itself fails there, and stores nothing.
    pub fn forget_oldest(&mut self) -> bool {
        self.history.len() > 1 && self.history.pop_front().is_some()
    }

    fn push(&mut self, role: Role, text: String) {
        let question = usize::from(role == Role::User);
        self.history.push_back(ChatMessage { role, text });
        while self.history.len() > 2 * self.context_limit + question {
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

/// The messages in the application's hand-made form, ready for an answer. It is no model's template: its tags are text to the model.
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
    fn the_oldest_messages_are_forgotten_and_the_system_prompt_never() {
        let mut conversation = Conversation::new("Tu es Kira.", 1);
        for turn in 1..=3 {
            conversation.ask(format!("question {turn}"));
            conversation.answer(format!("answer {turn}"));
        }
        assert_eq!(texts(&conversation), ["Tu es Kira.", "question 3", "answer 3"]);
        assert_eq!(texts(&Conversation::new("", 0)), [""; 0]);
    }

    #[test]
    fn the_application_remembers_exchanges_beside_the_question() {
        let mut conversation = Conversation::new("Tu es Kira.", 10);
        for turn in 1..=12 {
            conversation.ask(format!("question {turn}"));
            let messages = conversation.messages();
            // The system prompt, up to ten questions with their answers, and the question.
            assert_eq!(messages.len(), 1 + 2 * (turn - 1).min(10) + 1, "turn {turn}");
            assert_eq!(messages[1].role, Role::User, "no answer stands without its question");
            conversation.answer(format!("answer {turn}"));
        }
        assert_eq!(conversation.messages().len(), 1 + 20);
    }

    #[test]
    fn the_application_asks_in_a_form_of_its_own() {
        let mut conversation = Conversation::new("Tu es Kira.", 10);
        conversation.ask("Bonjour !");
        let prompt = app_prompt(&conversation.messages());
        assert!(prompt.contains("<|user|>\nBonjour !\n</|user|>") && prompt.ends_with("<|assistant|>\n"), "{prompt}");
        assert!(!prompt.contains("</s>"), "{prompt}");
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
