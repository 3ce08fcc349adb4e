//! `apply` and `--undo` on configurations as found on Linux, macOS and Windows: one table, with the same bytes on each
//! system.

use std::path::Path;
#[cfg(windows)]
use std::process::Command;

use super::apply::place;

/// Line endings and indentation.
const LAYOUTS: [(&str, &str); 5] = [("\n", "  "), ("\n", "\t"), ("\r\n", "    "), ("\r\n", "\t"), ("\r", "  ")];

/// Content of the configuration besides the changed settings.
const CONTENTS: [&str; 5] = [
    r#""model_path": "C:\\Users\\Zoë\\OneDrive\\Modèles\\zephyr.gguf""#,
    r#""model_path": "\\\\nas\\share\\zephyr.gguf""#,
    r#""model_path": "C:/Workly/models/zephyr.gguf", "temperature": 0.70"#,
    r#""system_prompt": "Tu es Kira ✨, v\u00eatue d'été 🌸\r\n""#,
    r#""odd": [1e3, -0.0, null, "a\\", ""]"#,
];

/// A configuration with a profile and the content after its section, line by line; and whether it ends with a newline.
fn config((newline, indent): (&str, &str), content: &str, profile: &str, more: &str, ends: bool) -> String {
    let last = if ends { newline } else { "" };
    format!(
        "{{{newline}{indent}\"ai\": {{{newline}{indent}{indent}{content},{newline}{indent}{indent}\"gpu_profile\": \
         \"{profile}\"{newline}{indent}}}{more}{newline}}}{last}"
    )
}

/// The section that `apply` adds, in this layout.
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
fn apply_and_undo_preserve_every_layout() {
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
fn byte_order_mark_is_removed_on_request_and_restored_by_undo() {
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

/// A folder under another name, as `OneDrive` and other programs redirect folders: a junction on Windows, a symbolic link elsewhere.
fn redirect(name: &Path, to: &Path) {
    #[cfg(unix)]
    std::os::unix::fs::symlink(to, name).unwrap();
    #[cfg(windows)]
    {
        let made = Command::new("cmd").args(["/c", "mklink", "/J"]).arg(name).arg(to).output().unwrap();
        assert!(is_redirected(name), "{}", String::from_utf8_lossy(&made.stderr));
    }
}

fn is_redirected(name: &Path) -> bool {
    std::fs::symlink_metadata(name).is_ok_and(|folder| folder.is_symlink())
}

#[test]
fn configuration_in_a_redirected_folder_is_changed_where_it_is() {
    let layout = LAYOUTS[2];
    let before = config(layout, CONTENTS[0], "performance", "", true);
    let place = place("");
    std::fs::remove_dir_all(place.path("data")).unwrap();
    place.write("OneDrive/Données/config.json", &before);
    redirect(&place.path("data"), &place.path("OneDrive/Données"));
    let file = place.path("OneDrive/Données/config.json");
    assert_eq!(place.run("apply r.json --yes --quiet").code, Some(0));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), config(layout, CONTENTS[0], "balanced", &added(layout), true));
    assert!(is_redirected(&place.path("data")));
    assert_eq!(place.run("apply --undo --yes --quiet").code, Some(0));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
}
