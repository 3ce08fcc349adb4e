//! The output of a change and of the kept versions.

use std::path::Path;

use anstyle::{AnsiColor, Style};

use crate::advise::{ObeyedBy, ProfileChange, Recommendation, Setting, spelled};
use crate::config::{AppProfile, ConfigChange, ConfigFile, ConfigHistory, DiffMark};
use crate::failure::Failure;
use crate::host;
use crate::plan::{DEFAULT_CONFIG, app_profiles};
use crate::text;
use crate::text::quoted;

/// The change line by line, as in `diff -u`, followed by its effects.
pub(super) fn change(change: &ConfigChange, effect: &[String]) -> String {
    let path = change.path().to_string_lossy();
    let name = text::line(&path);
    let mut lines = vec![format!("--- {name}"), format!("+++ {name}, changed")];
    lines.extend(change.diff().into_iter().map(|(mark, text)| {
        let (sign, style) = match mark {
            DiffMark::Removed => ("-", AnsiColor::Red.on_default()),
            DiffMark::Added => ("+", AnsiColor::Green.on_default()),
            DiffMark::Same => (" ", Style::new()),
            DiffMark::Place => ("", AnsiColor::Cyan.on_default()),
        };
        format!("{style}{sign}{}{style:#}", text::lines(text.trim_end_matches('\r')))
    }));
    if !effect.is_empty() {
        lines.push(String::new());
        lines.extend(effect.iter().map(|line| text::lines(line).into_owned()));
    }
    lines.join("\n")
}

/// The effects of the settings once they are written: what the application will run with, what `launch` adds, and
/// what no program reads.
pub(super) fn effect(recommendation: &Recommendation, file: &ConfigFile) -> Vec<String> {
    let choice = recommendation.choice(Setting::GpuProfile).and_then(|choice| choice.value.as_ref()?.as_str());
    // If the application refuses the file, it does not run with the file's values.
    let current = if file.refusal().is_some() { None } else { file.gpu_profile() };
    // The recommendation knows the model's layers, and this machine's CPUs.
    let own = recommendation.application.as_ref().map(|change| &change.to);
    let mut profiles = app_profiles(None, host::topology().logical_cpus.value().copied());
    for profile in &mut profiles {
        profile.layers = profile.layers.or(own.filter(|own| own.name == profile.name).and_then(|own| own.layers));
    }
    let change = ProfileChange::between(&profiles, current.map(AppProfile::word), choice);
    let mut sentences: Vec<String> = change.iter().map(ProfileChange::sentence).collect();
    let listed = |who: ObeyedBy| -> String {
        let chosen = recommendation.choices.iter().filter(|choice| choice.value.is_some());
        let listed = chosen.filter(|choice| choice.setting.obeyed_by() == who).map(|choice| {
            let (key, value) = (choice.setting.key(), choice.value_text());
            match change.as_ref().and_then(|change| change.to.value(choice.setting)) {
                Some(own) if Some(&own) != choice.value.as_ref() => {
                    format!("{key} = {value} (the application uses {})", spelled(&own))
                }
                _ => format!("{key} = {value}"),
            }
        });
        listed.collect::<Vec<_>>().join(", ")
    };
    let launched = listed(ObeyedBy::Launcher);
    if !launched.is_empty() {
        sentences.push(format!("In force only where launch starts the application: {launched}."));
        sentences.push(format!("To start it: {}", launch_line(file.path())));
    }
    let unread = listed(ObeyedBy::Nobody);
    if !unread.is_empty() {
        sentences.push(format!("No program reads these yet, so they have no effect: {unread}."));
    }
    sentences
}

/// The command line that starts the application with the settings of that configuration in force.
fn launch_line(config: &Path) -> String {
    let is_default = config == Path::new(DEFAULT_CONFIG);
    let named = if is_default { String::new() } else { format!(" --config {}", quoted(config)) };
    format!("workly-perf launch{named} -- python main.py")
}

/// The kept versions, newest first: number, when it was replaced, and how much it differs from the current file.
pub(super) fn versions(history: &ConfigHistory) -> Result<String, Failure> {
    if history.versions().is_empty() {
        return Ok("there are no kept versions: nothing was changed, or every change was undone".into());
    }
    let mut lines = Vec::new();
    for (number, version) in (1..).zip(history.versions()) {
        let diff = history.restore(number)?.diff();
        let count = |mark: DiffMark| diff.iter().filter(|(other, _)| *other == mark).count();
        lines.push(format!(
            "{number:>2}  replaced {}  undo would change: lines -{} +{}  {}",
            version.replaced.strftime("%Y-%m-%d %H:%M:%S UTC"),
            count(DiffMark::Removed),
            count(DiffMark::Added),
            text::path(&version.path)
        ));
    }
    Ok(lines.join("\n"))
}
