//! Chooses the expression for a reply by its words, as companions without a second model do.

/// The choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenExpression {
    /// The expression, by its name in the dialect.
    pub expression: String,
    /// Whether a word of the reply decided. Otherwise the turn's number did, so that synthetic models, whose text has
    /// no meaning, also change the expression.
    pub by_word: bool,
}

/// Word prefixes, French and English, and the expression they indicate. Lower case.
const WORDS: [(&str, &[&str]); 5] = [
    ("joy", &["content", "heureu", "merci", "super", "génial", "bravo", "happy", "glad", "great", "thank"]),
    ("fun", &["rire", "drôle", "haha", "amus", "blague", "funny", "joke", "laugh"]),
    ("sorrow", &["désolé", "triste", "hélas", "dommage", "sorry", "sad", "unfortunately"]),
    ("angry", &["colère", "fâché", "énerv", "angry", "annoy"]),
    ("surprised", &["surpris", "étonn", "incroyable", "vraiment", "wow", "surpris", "really"]),
];

/// The expression for `text`, the answer number `turn`, among those that the avatar knows. `None` if it knows none of
/// ours.
#[must_use]
pub fn choose(text: &str, turn: usize, known: &[String]) -> Option<ChosenExpression> {
    let name = |wanted: &str| known.iter().find(|known| known.eq_ignore_ascii_case(wanted)).cloned();
    let lower = text.to_lowercase();
    let speaks = |beginnings: &[&str]| {
        let words = lower.split(|c: char| !c.is_alphabetic());
        words.filter(|word| beginnings.iter().any(|beginning| word.starts_with(beginning))).count()
    };
    // The expression indicated by most words; the first in case of a tie.
    let counted = WORDS.iter().filter_map(|(expression, words)| Some((name(expression)?, speaks(words))));
    let most = counted.reduce(|best, other| if other.1 > best.1 { other } else { best });
    if let Some((expression, 1..)) = most {
        return Some(ChosenExpression { expression, by_word: true });
    }
    let ours: Vec<String> = WORDS.iter().filter_map(|(expression, _)| name(expression)).collect();
    let expression = ours.get(turn.checked_rem(ours.len())?)?.clone();
    Some(ChosenExpression { expression, by_word: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn most_frequent_emotion_words_decide() {
        let known = known(&["neutral", "joy", "angry", "sorrow", "fun", "surprised"]);
        let expression = |text| choose(text, 0, &known).map(|chosen| (chosen.expression, chosen.by_word));
        assert_eq!(expression("Merci, je suis heureuse !"), Some(("joy".into(), true)));
        assert_eq!(expression("Désolée, c'est triste, merci."), Some(("sorrow".into(), true)));
        assert_eq!(expression("INCROYABLE"), Some(("surprised".into(), true)));
    }

    #[test]
    fn text_without_emotion_words_uses_the_turn_number() {
        let known = known(&["Neutral", "Joy", "Fun"]);
        let chosen: Vec<_> = (0..3).map(|turn| choose("xqz ▁▁", turn, &known).unwrap()).collect();
        assert_eq!(chosen.iter().map(|chosen| chosen.expression.as_str()).collect::<Vec<_>>(), ["Joy", "Fun", "Joy"]);
        assert!(chosen.iter().all(|chosen| !chosen.by_word));
        assert_eq!(choose("merci", 0, &[]), None);
    }
}
