//! Property tests of the editor on texts of any content and style: only what is set ever changes.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::{Map, Value, json};

use super::document::Document;
use super::{AppProfile, ConfigFile, ConfigHistory, Patch};

/// A value with a unique spelling.
#[derive(Debug, Clone)]
enum CanonicalValue {
    Plain(String),
    Array(Vec<CanonicalValue>),
    Object(Vec<(String, CanonicalValue)>),
}

/// The layout of a text.
#[derive(Debug, Clone)]
struct TextLayout {
    /// `None` for a text on one line.
    lines: Option<(&'static str, &'static str)>,
    colon: &'static str,
    comma: &'static str,
    bom: bool,
    end: &'static str,
}

fn layout() -> impl Strategy<Value = TextLayout> {
    let newline = prop::sample::select(vec!["\n", "\r\n", "\r"]);
    let unit = prop::sample::select(vec!["  ", "    ", "\t", "", " \t"]);
    let lines = prop::option::of((newline, unit));
    let colon = prop::sample::select(vec![":", ": ", " : ", ":\n"]);
    let comma = prop::sample::select(vec!["", " ", "  "]);
    let end = prop::sample::select(vec!["", "\n", "\r\n", "\n\n "]);
    (lines, colon, comma, any::<bool>(), end).prop_map(|(lines, colon, comma, bom, end)| TextLayout {
        lines,
        colon,
        comma,
        bom,
        end,
    })
}

fn plain() -> impl Strategy<Value = CanonicalValue> {
    let spelled = vec![
        "null",
        "true",
        "1.50",
        "1e2",
        "1E+2",
        "-0",
        "0.1000",
        "12345678901234567890",
        "\"\\u00e9\"",
        "\"✨ été\"",
        "\"\\\"}\"",
        "\"\\ud83d\\ude00\"",
        "\"\\/\"",
        "\"performance\"",
        "{}",
        "[ ]",
        "{\t}",
    ];
    prop_oneof![
        prop::sample::select(spelled).prop_map(|text| CanonicalValue::Plain(text.into())),
        any::<String>().prop_map(|text| CanonicalValue::Plain(Value::from(text).to_string())),
    ]
}

fn tree() -> impl Strategy<Value = CanonicalValue> {
    plain().prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(CanonicalValue::Array),
            members(inner).prop_map(CanonicalValue::Object),
        ]
    })
}

/// Members with distinct keys, in any order.
fn members(inner: impl Strategy<Value = CanonicalValue>) -> impl Strategy<Value = Vec<(String, CanonicalValue)>> {
    prop::collection::btree_map("[a-zé✨\"\\\\ ]{0,4}", inner, 0..5)
        .prop_map(|members| members.into_iter().collect::<Vec<_>>())
        .prop_shuffle()
}

/// A configuration: Workly's sections among any others, each with any content.
fn config() -> impl Strategy<Value = CanonicalValue> {
    let profile = prop::option::of(prop::sample::select(vec!["\"performance\"", "\"\\u0062alanced\"", "\"cpu\""]));
    let ai = prop::option::of((members(tree()), profile)).prop_map(|ai| {
        ai.map(|(mut members, profile)| {
            members.extend(profile.map(|profile| ("gpu_profile".to_owned(), CanonicalValue::Plain(profile.into()))));
            ("ai".to_owned(), CanonicalValue::Object(members))
        })
    });
    let performance = prop::option::of(members(tree()))
        .prop_map(|members| members.map(|members| ("performance".to_owned(), CanonicalValue::Object(members))));
    (members(tree()), ai, performance)
        .prop_map(|(mut members, ai, performance)| {
            members.retain(|(key, _)| key != "ai");
            members.extend(ai);
            members.extend(performance);
            members
        })
        .prop_shuffle()
        .prop_map(CanonicalValue::Object)
}

fn text_of(tree: &CanonicalValue, layout: &TextLayout) -> String {
    let mut text = if layout.bom { "\u{feff}".to_owned() } else { String::new() };
    write(tree, layout, 1, &mut text);
    text + layout.end
}

fn write(tree: &CanonicalValue, layout: &TextLayout, depth: usize, text: &mut String) {
    let (open, close, count) = match tree {
        CanonicalValue::Plain(plain) => return text.push_str(plain),
        CanonicalValue::Array(items) => ('[', ']', items.len()),
        CanonicalValue::Object(members) => ('{', '}', members.len()),
    };
    let lead = |depth: usize| layout.lines.map(|(newline, unit)| newline.to_owned() + &unit.repeat(depth));
    text.push(open);
    for at in 0..count {
        if at > 0 {
            text.push(',');
            text.push_str(layout.comma);
        }
        text.push_str(&lead(depth).unwrap_or_default());
        match tree {
            CanonicalValue::Object(members) => {
                text.push_str(&Value::from(members[at].0.as_str()).to_string());
                text.push_str(layout.colon);
                write(&members[at].1, layout, depth + 1, text);
            }
            CanonicalValue::Array(items) => write(&items[at], layout, depth + 1, text),
            CanonicalValue::Plain(_) => {}
        }
    }
    if count > 0 {
        text.push_str(&lead(depth - 1).unwrap_or_default());
    }
    text.push(close);
}

/// The effect of the settings on a value, independent of its text.
fn expected(text: &str, sets: &[(&[&str], Value)]) -> Value {
    let mut root: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap();
    for (path, value) in sets {
        let section = root.as_object_mut().unwrap().entry(path[0]).or_insert_with(|| Value::Object(Map::new()));
        section.as_object_mut().unwrap().insert(path[1].into(), value.clone());
    }
    root
}

/// The bytes that two texts share at their start and, after that, at their end.
fn shared(a: &[u8], b: &[u8]) -> usize {
    let front = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let back = a[front..].iter().rev().zip(b[front..].iter().rev()).take_while(|(a, b)| a == b).count();
    front + back
}

fn is_empty(object: &str) -> bool {
    object.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).is_some_and(|inside| inside.trim().is_empty())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, rng_seed: RngSeed::Fixed(6), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_set_values_differ_and_all_else_keeps_its_bytes(tree in config(), layout in layout()) {
        let text = text_of(&tree, &layout);
        let provenance = json!({"tool": "workly-perf 1.0", "basis": {"n_threads": "measured"}});
        let sets: [(&[&str], Value); 3] = [
            (&["ai", "gpu_profile"], json!("balanced")),
            (&["performance", "n_threads"], json!(6)),
            (&["performance", "provenance"], provenance),
        ];
        let mut document = Document::parse(text.clone()).unwrap();
        for (path, value) in &sets {
            let before = document.text().to_owned();
            let replaced = document.raw(path).map_or(0, str::len);
            // The space inside an empty section may be removed.
            let room = document.raw(&path[..1]).or_else(|| document.raw(&[])).filter(|raw| is_empty(raw)).map_or(0, str::len);
            let changed = document.set(path, value).unwrap();
            prop_assert_eq!(changed, before != document.text());
            let kept = shared(before.as_bytes(), document.text().as_bytes());
            prop_assert!(kept + replaced + room >= before.len(), "{before:?}\n{:?}", document.text());
            prop_assert!(!document.set(path, value).unwrap(), "setting it again changes nothing");
        }
        let after: Value = serde_json::from_str(document.text().trim_start_matches('\u{feff}')).unwrap();
        let wanted = expected(&text, &sets);
        prop_assert_eq!(serde_json::to_string(&after).unwrap(), serde_json::to_string(&wanted).unwrap(), "order included");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn apply_then_undo_restores_every_byte(tree in config(), layout in layout()) {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("config.json");
        let text = text_of(&tree, &layout);
        std::fs::write(&path, &text).unwrap();
        let patch = Patch::default()
            .gpu_profile(AppProfile::CpuFallback)
            .performance("n_threads", json!(3))
            .strip_byte_order_mark(true);
        // What Workly itself could not read is refused and unchanged.
        if let Ok(change) = ConfigFile::open(&path).unwrap().change(&patch) {
            prop_assert!(!change.is_none());
            change.write().unwrap();
            prop_assert!(std::fs::read_to_string(&path).unwrap() != text);
            prop_assert!(ConfigFile::open(&path).unwrap().change(&patch).unwrap().is_none());
            ConfigHistory::open(&path).unwrap().restore(1).unwrap().write().unwrap();
        }
        prop_assert_eq!(std::fs::read(&path).unwrap(), text.as_bytes());
    }
}
