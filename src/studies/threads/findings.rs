//! Findings of the sweep: which settings to use, how certain that is, and what the documented rules would cost.

use super::super::study::StopReason;
use super::cases::varied;
use super::choice::{ChosenThreads, against_chosen, choose};
use super::data::{SettingGroup, SweepResult, complete_rounds};
use crate::advise::Certainty;
use crate::measure::{EngineSettings, TokenTest};
use crate::plan::{CompetingLoad, ThreadRule, ThreadsPlan};
use crate::plural::counted;
use crate::stats::PairedRatio;

/// The findings that lead the report. On a disturbed machine nothing is *sure*.
pub(super) fn findings(plan: &ThreadsPlan, result: &SweepResult, is_disturbed: bool, end: StopReason) -> Vec<String> {
    let mut findings = Vec::new();
    let mut depths = plan.depths.clone();
    // The longest conversation decides; the others are for comparison.
    depths.sort_unstable_by(|a, b| b.cmp(a));
    for &load in plan.loads.iter().rev() {
        for &depth in &depths {
            let group = |test| SettingGroup { load, test, depth };
            let (generation, prompt) = (group(TokenTest::Generation), group(TokenTest::Prompt));
            let (Some(tg), Some(pp)) = (choose(plan, result, generation), choose(plan, result, prompt)) else {
                continue;
            };
            let is_first = findings.is_empty();
            let place = place(plan, load, depth);
            let advice = if is_first { "use" } else { "it would be" };
            findings.push(format!(
                "{place}, {advice} n_threads = {}{} ({}) and n_threads_batch = {}{} ({}).",
                tg.settings.threads,
                with_settings(plan, tg.settings),
                sureness(plan, &tg, is_disturbed),
                pp.settings.threads,
                with_settings(plan, pp.settings),
                sureness(plan, &pp, is_disturbed)
            ));
            if load == CompetingLoad::Render {
                findings.extend(frames(plan, result, (generation, &tg)));
            }
            if is_first {
                let rules = plan.rules.iter();
                findings.extend(rules.map(|rule| compared(plan, result, (generation, &tg), rule)));
            }
        }
    }
    findings.extend(result.flash_attention.iter().map(|line| format!("llama.cpp says: {}.", line.trim())));
    findings.push(ending(plan, result, end));
    findings
}

fn place(plan: &ThreadsPlan, load: CompetingLoad, depth: u32) -> String {
    let place = match load {
        CompetingLoad::Render => format!("Beside a scene that takes {}", plan.render),
        CompetingLoad::Idle => "Without a load beside it".into(),
    };
    if depth == 0 { place } else { format!("{place}, with {depth} tokens in the context") }
}

/// Settings other than threads that the plan varies: ` with fa=off, prio=low`.
fn with_settings(plan: &ThreadsPlan, settings: EngineSettings) -> String {
    let parts: Vec<String> =
        varied(plan, settings).into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    if parts.is_empty() { String::new() } else { format!(" with {}", parts.join(", ")) }
}

fn sureness(plan: &ThreadsPlan, choice: &ChosenThreads, is_disturbed: bool) -> String {
    let of_those = choice.fastest_of.words();
    let tie = match &choice.share {
        Some(share) if choice.settings != choice.fastest => {
            let fastest = format!("{}{}", choice.fastest.threads, with_settings(plan, choice.fastest));
            format!("ties with the fastest{of_those}, {fastest}: {}", in_percent(share))
        }
        _ => format!("the fastest{of_those}"),
    };
    let other = if of_those.is_empty() { "other" } else { "other of these" };
    let likely = if is_disturbed { ", likely: the machine was disturbed" } else { "" };
    match choice.certainty {
        _ if choice.is_decided => {
            format!("{tie}: no {other} is more than 3 % faster, {}{likely}", counted(choice.rounds, "round"))
        }
        Certainty::Clear => format!("{tie}{likely}"),
        Certainty::Likely => format!("{tie}, likely: another may be faster, by a tenth at most"),
        Certainty::Noisy => {
            format!("{tie}; but the machine was too noisy to tell: another may be faster by more than a tenth")
        }
        Certainty::TooFewRounds => format!("{tie}; too few rounds for an interval"),
    }
}

/// The effect of the choice on the scene's frames.
fn frames(plan: &ThreadsPlan, result: &SweepResult, (group, chosen): (SettingGroup, &ChosenThreads)) -> Option<String> {
    let (_, case) = result.of(group).find(|(settings, _)| *settings == chosen.settings)?;
    let limit = 100.0 * plan.late_limit.beside(result.alone.late_share());
    let of_it = format!(
        "{:.1} % of the scene's frames (n {}) are late, {:.1} % without the model (n {}); the limit is {limit:.1} %",
        100.0 * case.frames.late_share(),
        case.frames.total,
        100.0 * result.alone.late_share(),
        result.alone.total
    );
    Some(if chosen.keeps_limit == Some(true) {
        let is_above = 100.0 * case.frames.late_share() > limit;
        format!("With it {of_it}{}.", if is_above { ", and the difference may be chance" } else { "" })
    } else {
        format!("No setting keeps the frames: with it {of_it}. Measure lower priorities: --priority normal,low,idle.")
    })
}

fn compared(
    plan: &ThreadsPlan,
    result: &SweepResult,
    (group, chosen): (SettingGroup, &ChosenThreads),
    rule: &ThreadRule,
) -> String {
    // The rules only concern threads: the other settings are those nearest to the application's.
    let nearest = plan.settings().into_iter().min_by_key(|settings| settings.changes());
    let settings = nearest.map(|nearest| nearest.with_threads(rule.threads));
    let share = settings.and_then(|settings| against_chosen(result, group, chosen, settings));
    let verdict = match share {
        _ if settings == Some(chosen.settings) => "the same".into(),
        Some(share) => format!("generates at {} of that speed", in_percent(&share)),
        None if settings.is_some_and(|settings| plan.settings().contains(&settings)) => {
            "no round measured both to the end".into()
        }
        None => "not measured; add it to --sweep".into(),
    };
    format!("{}, {}: {verdict}.", rule.name, rule.threads)
}

/// `97 % [95, 99]`, with n.
fn in_percent(share: &PairedRatio) -> String {
    let interval =
        share.interval.map_or_else(String::new, |(low, high)| format!(" [{:.1}, {:.1}]", low * 100.0, high * 100.0));
    format!("{:.1} %{interval} (n {})", share.ratio * 100.0, share.n)
}

fn ending(plan: &ThreadsPlan, result: &SweepResult, end: StopReason) -> String {
    let rounds = complete_rounds(plan, result);
    let dropped = result.cases.values().filter(|case| case.dropped.is_some()).count();
    let why = match end {
        StopReason::Interrupted => "interrupted",
        StopReason::Failed => "ended by an error",
        StopReason::Precise if plan.exhaustive => "every speed known within 2 %",
        StopReason::Precise => "another round could not change the answer",
        StopReason::Budget if rounds == 0 => "the budget was spent before everything was measured once",
        StopReason::Budget => "the budget was spent before the answer was settled",
        StopReason::Planned => "as planned",
    };
    let race = match dropped {
        0 => String::new(),
        dropped => format!("; {} of {} dropped on the way", counted(dropped, "case"), result.cases.len()),
    };
    format!("{} of every setting in random order{race}: {why}.", counted(rounds, "round"))
}

#[cfg(test)]
mod tests {
    use super::super::planted::{plan, swept};
    use super::*;
    use crate::record::Priority;
    use crate::stats::{DropReason, Dropped};

    #[test]
    fn findings_start_with_the_fastest_and_the_cost_of_rules() {
        let plan = plan("--sweep 1,2,6 --under-load none --depth 0 --repetitions 8 --exhaustive");
        let result = swept(&plan, CompetingLoad::Idle, |settings| match settings.threads {
            2 => (50.0, 0, None),
            1 => (40.0, 0, None),
            _ => (10.0, 0, None),
        });
        assert_eq!(
            findings(&plan, &result, false, StopReason::Planned),
            [
                "Without a load beside it, use n_threads = 2 (the fastest) and n_threads_batch = 2 (the fastest).",
                "fixed, as the app shipped, 6: generates at 20.0 % [20.0, 20.0] (n 8) of that speed.",
                "founding rule, 2: the same.",
                "later rule, 2: the same.",
                "8 rounds of every setting in random order: as planned.",
            ]
        );
        let disturbed = findings(&plan, &result, true, StopReason::Planned);
        assert!(disturbed[0].contains("likely: the machine was disturbed"), "{disturbed:?}");
    }

    #[test]
    fn fastest_within_the_frame_limit_is_named_with_its_settings() {
        let plan = plan("--sweep 1,2 --under-load render --priority normal,low --depth 0,1024 --flash-attn off,on");
        let result = swept(&plan, CompetingLoad::Render, |settings| {
            let speed = f64::from(settings.threads) * if settings.flash_attention.name() == "on" { 10.0 } else { 20.0 };
            let late = if settings.threads == 2 && settings.priority == Priority::Normal { 170 } else { 3 };
            (speed, late, None)
        });
        let told = findings(&plan, &result, false, StopReason::Planned);
        let scene = plan.render;
        assert_eq!(
            told[0],
            format!(
                "Beside a scene that takes {scene}, with 1024 tokens in the context, use n_threads = 2 with fa=off, prio=low (the \
                 fastest) and n_threads_batch = 2 with fa=off, prio=low (the fastest)."
            )
        );
        assert_eq!(
            told[1],
            "With it 0.3 % of the scene's frames (n 1000) are late, 0.2 % without the model (n 1000); the limit is 1.0 %."
        );
        let of_rule = told.iter().find(|finding| finding.starts_with("later rule, 2")).expect("a rule");
        assert!(of_rule.contains("100.0 %"), "the rules know of no priority: {of_rule}");
    }

    #[test]
    fn least_bad_setting_is_named_if_none_keeps_the_frames() {
        let plan = plan("--sweep 1,2,4 --under-load render --depth 0");
        let mut result = swept(&plan, CompetingLoad::Render, |settings| match settings.threads {
            2 => (50.0, 900, None),
            threads => (f64::from(threads), 100, None),
        });
        result.decided.insert(SettingGroup { load: CompetingLoad::Render, test: TokenTest::Generation, depth: 0 });
        let told = findings(&plan, &result, false, StopReason::Planned);
        let use_it = "use n_threads = 4 (the fastest of those with the fewest late frames: no other of these is more than 3 % faster, 8 rounds)";
        assert!(told[0].contains(use_it), "{told:?}");
        assert!(told[1].starts_with("No setting keeps the frames: with it 10.0 % of the scene's frames"), "{told:?}");
    }

    #[test]
    fn rule_without_a_common_round_is_not_called_unmeasured() {
        let plan = plan("--sweep 1,6 --under-load none --depth 0");
        let mut result = swept(&plan, CompetingLoad::Idle, |settings| (50.0 / f64::from(settings.threads), 0, None));
        for (_, case) in result.cases.iter_mut().filter(|(key, _)| key.settings.threads == 6) {
            case.samples =
                std::mem::take(&mut case.samples).into_iter().map(|(round, sample)| (round + 100, sample)).collect();
        }
        let told = findings(&plan, &result, false, StopReason::Planned);
        assert_eq!(told[1], "fixed, as the app shipped, 6: no round measured both to the end.", "{told:?}");
        assert_eq!(told[2], "founding rule, 2: not measured; add it to --sweep.");
    }

    #[test]
    fn race_states_drops_and_decision() {
        let plan = plan("--sweep 1,2,4 --under-load none --depth 0");
        let out = Dropped { reason: DropReason::NotFaster { at_most: 0.39 }, after_rounds: 1 };
        let mut result = swept(&plan, CompetingLoad::Idle, |settings| match settings.threads {
            1 => (50.0, 0, None),
            _ => (15.0, 0, Some(out)),
        });
        for test in [TokenTest::Prompt, TokenTest::Generation] {
            result.decided.insert(SettingGroup { load: CompetingLoad::Idle, test, depth: 0 });
        }
        let told = findings(&plan, &result, false, StopReason::Precise);
        assert!(
            told[0].contains("use n_threads = 1 (the fastest: no other is more than 3 % faster, 8 rounds)"),
            "{told:?}"
        );
        let end = "8 rounds of every setting in random order; 4 cases of 6 dropped on the way: another round could not change the \
                   answer.";
        assert_eq!(told.last().map(String::as_str), Some(end));
    }

    #[test]
    fn unmeasured_settings_leave_the_choice_open() {
        let plan = plan("--sweep 1,2 --under-load none --depth 0 --budget 10s");
        let mut result = swept(&plan, CompetingLoad::Idle, |_| (50.0, 0, None));
        result.cases.retain(|key, _| key.settings.threads == 1);
        let told = findings(&plan, &result, false, StopReason::Budget);
        assert_eq!(
            told,
            ["0 rounds of every setting in random order: the budget was spent before everything was measured once."]
        );
    }
}
