//! Replaces names of people and machines in text that is to be shared.

/// Words that are never names of people, whoever is logged in.
const NO_NAMES: [&str; 6] = ["root", "user", "admin", "administrator", "default", "public"];

/// Folders whose entries are named after people.
const FOLDERS_OF_USERS: [&str; 2] = ["users", "home"];

/// Names to replace: the home folder by `HOME`, other people's folders and the user's name by `USER`, the machine's
/// name by `COMPUTER`, a file server's by `SERVER`.
#[derive(Debug, Clone, Default)]
pub struct Private {
    homes: Vec<String>,
    users: Vec<String>,
    computers: Vec<String>,
}

impl Private {
    /// Names from the environment; `variable` looks up a variable.
    #[must_use]
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let all = |names: &[&str]| -> Vec<String> {
            let values = names.iter().filter_map(|name| variable(name));
            let mut values: Vec<String> = values.map(|value| value.trim_end_matches(is_separator).to_owned()).collect();
            // Longest first, because one may contain another.
            values.sort_by_key(|value| std::cmp::Reverse(value.len()));
            values.dedup();
            values
        };
        let is_name = |name: &String| name.chars().count() > 1 && !NO_NAMES.contains(&name.to_lowercase().as_str());
        let mut homes = all(&["HOME", "USERPROFILE"]);
        // The root folder identifies nobody.
        homes.retain(|home| home.chars().filter(|c| is_separator(*c)).count() > 0 && home.len() > 3);
        let mut users = all(&["USER", "USERNAME", "LOGNAME"]);
        users.retain(is_name);
        let mut computers = all(&["COMPUTERNAME", "HOSTNAME", "HOST"]);
        computers.retain(is_name);
        Self { homes, users, computers }
    }

    /// The text without these names. Letter case and the two path separators are treated as equal.
    #[must_use]
    pub fn hide(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for home in &self.homes {
            text = replaced(&text, home, "HOME");
        }
        text = folders_hidden(&text);
        for (names, instead) in [(&self.users, "USER"), (&self.computers, "COMPUTER")] {
            for name in names {
                text = replaced(&text, name, instead);
            }
        }
        text
    }
}

fn is_separator(c: char) -> bool {
    matches!(c, '/' | '\\')
}

/// Characters that end a path, besides separators.
fn ends_component(c: char) -> bool {
    is_separator(c) || matches!(c, '\'' | '"' | '`' | ',' | ';' | ':' | '|' | ')' | '\n')
}

fn is_same(a: char, b: char) -> bool {
    a == b || is_separator(a) && is_separator(b) || a.to_lowercase().eq(b.to_lowercase())
}

/// The text with `instead` for each `what` that is not part of a longer word.
fn replaced(text: &str, what: &str, instead: &str) -> String {
    let (text, what): (Vec<char>, Vec<char>) = (text.chars().collect(), what.chars().collect());
    let is_inside = |at: Option<&char>| at.is_some_and(|c| c.is_alphanumeric() || *c == '_');
    let mut result = String::new();
    let mut at = 0;
    while at < text.len() {
        let end = at + what.len();
        let is_there = text.get(at..end).is_some_and(|found| found.iter().zip(&what).all(|(a, b)| is_same(*a, *b)));
        let before = at.checked_sub(1).and_then(|before| text.get(before));
        let stands_alone = !is_inside(text.get(end)) && (is_separator(what[0]) || !is_inside(before));
        if is_there && stands_alone {
            result.push_str(instead);
            at = end;
        } else {
            result.push(text[at]);
            at += 1;
        }
    }
    result
}

/// The text without the names in `…\Users\NAME`, `/home/NAME`, `\\SERVER\…` and `OneDrive - COMPANY`.
fn folders_hidden(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut result = String::new();
    let mut previous = String::new();
    let mut at = 0;
    while at < chars.len() {
        if is_separator(chars[at]) {
            // Two separators at the start of a path: a file server, unless a device (`\\?\`, `\\.\`) or an address
            // (`http://`).
            let starts = at
                .checked_sub(1)
                .is_none_or(|before| !ends_component(chars[before]) && !chars[before].is_alphanumeric())
                || at.checked_sub(1).is_some_and(|before| matches!(chars[before], '\'' | '"' | '`'));
            let doubled = chars[at] == '\\' && chars.get(at + 1) == Some(&'\\');
            let names = chars.get(at + 2).is_some_and(|c| c.is_alphanumeric());
            if starts && doubled && names {
                result.push_str("\\\\SERVER");
                at += 2 + component(&chars[at + 2..]).len();
                previous = "SERVER".into();
                continue;
            }
            result.push(chars[at]);
            at += 1;
            continue;
        }
        let name = component(&chars[at..]);
        if name.is_empty() {
            result.push(chars[at]);
            at += 1;
            previous.clear();
            continue;
        }
        let is_below = at.checked_sub(1).is_some_and(|before| is_separator(chars[before]));
        at += name.len();
        let name: String = name.iter().collect();
        // `HOME` stands for a folder that has been replaced.
        let is_of_user = is_below && previous != "HOME" && FOLDERS_OF_USERS.contains(&previous.to_lowercase().as_str());
        if is_of_user && !NO_NAMES.contains(&name.to_lowercase().as_str()) {
            result.push_str("USER");
            // The sentence may continue after the last component.
            if let Some((_, rest)) = name.split_once(' ')
                && !chars.get(at).is_some_and(|c| is_separator(*c))
            {
                result.push(' ');
                result.push_str(rest);
            }
        } else if let (Some(_), true) = (name.strip_prefix("OneDrive - "), is_below) {
            result.push_str("OneDrive");
        } else {
            result.push_str(&name);
        }
        // The text before the first separator may be the end of a sentence.
        name.rsplit(' ').next().unwrap_or_default().clone_into(&mut previous);
    }
    result
}

/// The start of a text, up to the next separator or the end of the path.
fn component(chars: &[char]) -> &[char] {
    &chars[..chars.iter().position(|c| ends_component(*c)).unwrap_or(chars.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn private(variables: &[(&str, &str)]) -> Private {
        Private::of(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn names_of_people_and_machines_are_replaced_everywhere() {
        let zoe = private(&[("USERPROFILE", r"C:\Users\Zoë"), ("USERNAME", "Zoë"), ("COMPUTERNAME", "ZOES-PC")]);
        for (given, shown) in [
            (r"no file C:\Users\Zoë\models\a.gguf", r"no file HOME\models\a.gguf"),
            (r"'c:/users/zoë/models/a.gguf': missing", r"'HOME/models/a.gguf': missing"),
            (r"C:\Users\zoë2\a", r"C:\Users\USER\a"),
            (r"C:\Users\Ada Lovelace\a.gguf is gone", r"C:\Users\USER\a.gguf is gone"),
            (r"/home/ada/a and /home/ada", r"/home/USER/a and /home/USER"),
            (r"/home/ada is full", r"/home/USER is full"),
            (r"C:\Users\Public\a", r"C:\Users\Public\a"),
            (r"C:\Users\Zoë\OneDrive - Contoso Ltd\a", r"HOME\OneDrive\a"),
            (r"'\\nas-of-ada\models\a'", r"'\\SERVER\models\a'"),
            (r"\\?\C:\Users\ZOË\a", r"\\?\HOME\a"),
            ("process of zoë on zoes-pc", "process of USER on COMPUTER"),
            ("Zoës model; Zoë's model", "Zoës model; USER's model"),
            ("http://127.0.0.1:5555/ at 3.5 GHz", "http://127.0.0.1:5555/ at 3.5 GHz"),
            (
                "8 cores, 16 logical CPUs; governor or power plan balanced",
                "8 cores, 16 logical CPUs; governor or power plan balanced",
            ),
            ("", ""),
        ] {
            assert_eq!(zoe.hide(given), shown, "{given}");
        }
    }

    #[test]
    fn text_without_names_is_unchanged() {
        let root = private(&[("HOME", "/root"), ("USER", "root"), ("HOSTNAME", "x")]);
        assert_eq!(root.hide("/root/models: owned by root, x 2"), "HOME/models: owned by root, x 2");
        let none = private(&[("HOME", "/"), ("USER", "")]);
        assert_eq!(none.hide("/a/b of nobody"), "/a/b of nobody");
    }
}
