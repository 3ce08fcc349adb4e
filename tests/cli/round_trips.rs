//! `apply` and `--undo` on configurations as they lie about on Linux, macOS and Windows: one table, whose bytes are the same on each.

use super::apply::place;

/// Line ends, and what a line is indented by.
const LAYOUTS: [(&str, &str); 5] = [("\n", "  "), ("\n", "\t"), ("\r\n", "    "), ("\r\n", "\t"), ("\r", "  ")];

/// What stands in the configuration beside the settings that change.
const CONTENTS: [&str; 5] = [
    r#""model_path": "C:\\Users\\Zoë\\OneDrive\\Modèles\\zephyr.gguf""#,
    r#""model_path": "\\\\nas\\share\\zephyr.gguf""#,
    r#""model_path": "C:/Workly/models/zephyr.gguf", "temperature": 0.70"#,
    r#""system_prompt": "Tu es Kira ✨, v\u00eatue d'été 🌸\r\n""#,
    r#""odd": [1e3, -0.0, null, "a\\", ""]"#,
];

/// A configuration with a profile and whatever follows its section, in lines; and whether a line ends it.
fn config((newline, indent): (&str, &str), content: &str, profile: &str, more: &str, ends: bool) -> String {
    let last = if ends { newline } else { "" };
    format!(
        "{{{newline}{indent}\"ai\": {{{newline}{indent}{indent}{content},{newline}{indent}{indent}\"gpu_profile\": \
         \"{profile}\"{newline}{indent}}}{more}{newline}}}{last}"
    )
}

/// What `apply` adds of its own, in that layout.
fn added((newline, indent): (&str, &str)) -> String {
    let line = |depth: usize, text: &str| format!("{newline}{}{text}", indent.repeat(depth));
    [
        ",".to_owned(),
        line(1, "\"performance\": {"),
        line(2, "\"n_threads\": 3,"),
        line(2, "\"provenance\": {"),
        line(3, "\"tool\": \"workly-perf 0.1.0\","),
        line(3, "\"run\": \"20260102T030405Z-recommend-0001\","),
        line(3, "\"time\": \"2026-01-02T03:04:05Z\","),
        line(3, "\"objective\": \"responsive\","),
        line(3, "\"simulated\": false,"),
        line(3, "\"basis\": {"),
        line(4, "\"gpu_profile\": \"projected\","),
        line(4, "\"n_threads\": \"measured\""),
        line(3, "}"),
        line(2, "}"),
        line(1, "}"),
    ]
    .concat()
}

#[test]
fn each_layout_and_content_comes_out_the_same_on_each_system_and_undo_is_the_identity() {
    for (number, layout) in LAYOUTS.iter().enumerate() {
        for content in CONTENTS {
            let ends = number % 2 == 0;
            let before = config(*layout, content, "performance", "", ends);
            let after = config(*layout, content, "balanced", &added(*layout), ends);
            let place = place(&before);
            let file = place.path("data/config.json");
            let applied = place.run("apply r.json --yes --quiet");
            assert_eq!(applied.code, Some(0), "{before:?}: {}", applied.stderr);
            assert_eq!(std::fs::read_to_string(&file).unwrap(), after);
            assert_eq!(place.run("apply --undo --yes --quiet").code, Some(0));
            assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
        }
    }
}

#[test]
fn a_byte_order_mark_goes_only_if_that_is_asked_for_and_comes_back_with_undo() {
    for layout in LAYOUTS {
        let plain = config(layout, CONTENTS[0], "performance", "", true);
        let marked = format!("\u{feff}{plain}");
        let place = place(&marked);
        let file = place.path("data/config.json");
        assert_eq!(place.run("apply r.json --yes --quiet").code, Some(5));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), marked);
        assert_eq!(place.run("apply r.json --strip-bom --yes --quiet").code, Some(0));
        let after = config(layout, CONTENTS[0], "balanced", &added(layout), true);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), after);
        assert_eq!(place.run("apply --undo --yes --quiet").code, Some(0));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), marked);
    }
}
