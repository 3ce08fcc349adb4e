//! Findings, as sentences.

use super::lengths::{LengthSamples, lines};
use super::prefix::PrefixSamples;
use super::start_cases::{STEPS, start_path};
use super::starts::StartSamples;
use super::study::WarmupSamples;
use crate::measure::Readiness;
use crate::plan::WarmupPlan;
use crate::plural::{counted, verb_for};
use crate::record::{Case, Metric};
use crate::report::with_interval;

/// Names of the steps of [`STEPS`] in sentences.
const STEP_WORDS: [&str; 5] = ["the page cache", "loading", "the context", "the warm generation", "an earlier reply"];

/// The findings that lead the report.
pub(super) fn findings(plan: &WarmupPlan, samples: &WarmupSamples, cases: &[Case]) -> Vec<String> {
    let mut findings = Vec::new();
    if plan.start {
        findings.extend(first_reply(cases));
        findings.extend(second_load(cases));
        findings.extend(reply_alone(cases));
        findings.push(how_cold(&samples.starts, cases));
    }
    findings.extend(token_costs(&samples.lengths));
    findings.extend(kept_prefix(&samples.prefix));
    findings
}

/// A metric that has a value.
fn figure<'a>(cases: &'a [Case], path: &str, name: &str) -> Option<&'a Metric> {
    let case = cases.iter().find(|case| case.path == path)?;
    case.metric(name).filter(|metric| metric.value.is_some())
}

/// From the cold start to a later reply.
fn first_reply(cases: &[Case]) -> Option<String> {
    let of = |name: &str| figure(cases, "attribution/wait", name);
    let (from, to, saved) = (of("from")?, of("to")?, of("saved")?);
    let parts: Vec<String> = STEPS
        .into_iter()
        .zip(STEP_WORDS)
        .filter_map(|(name, words)| Some(format!("{words} {}", with_interval(of(name)?))))
        .collect();
    let start =
        if of("page_cache").is_some() { "a cold start" } else { "a start with the model file in the page cache" };
    Some(format!(
        "The first reply after {start} takes {}, a later one {} (n {}). The difference of {} is the sum of: {}.",
        with_interval(from),
        with_interval(to),
        counted(saved.n, "round"),
        with_interval(saved),
        parts.join(", ")
    ))
}

/// The saving from the page cache, as the start of a list; empty if unknown.
fn by_page_cache(cases: &[Case], path: &str) -> String {
    figure(cases, path, "page_cache")
        .map_or_else(String::new, |metric| format!("the page cache saves {}, ", with_interval(metric)))
}

/// The application's first documented figure: how much faster a second load is, and why.
fn second_load(cases: &[Case]) -> Option<String> {
    let path = "attribution/load";
    let (change, earlier) = (figure(cases, path, "change")?, figure(cases, path, "earlier_load")?);
    Some(format!(
        "Loading a second time changes the load time by {} (the documents claim −49 % for warming): {}an earlier load \
         in the same process {}.",
        with_interval(change),
        by_page_cache(cases, path),
        with_interval(earlier)
    ))
}

/// The application's second documented figure: how much faster a later reply is, and why.
fn reply_alone(cases: &[Case]) -> Option<String> {
    let path = "attribution/reply";
    let of = |name: &str| figure(cases, path, name);
    let (change, warm, earlier) = (of("change")?, of("warm_generation")?, of("earlier_reply")?);
    Some(format!(
        "Without loading and context, the time of a later reply differs by {} from that of the first (the documents \
         claim −17.6 %): {}the warm generation {}, an earlier reply {}.",
        with_interval(change),
        by_page_cache(cases, path),
        with_interval(warm),
        with_interval(earlier)
    ))
}

/// How cold a cold start was.
fn how_cold(starts: &StartSamples, cases: &[Case]) -> String {
    if let Some(reason) = starts.no_cold_cache() {
        return format!("The page cache could not be emptied: {reason}. These figures do not include its effect.");
    }
    if let Some(fault) = starts.failed.get(&Readiness::Cold) {
        return format!("The cold starts failed: {}.", fault.reason());
    }
    let cold = cases.iter().find(|case| case.path == start_path(Readiness::Cold));
    let most = cold.and_then(|case| case.conditions["cached_share_most"].as_f64());
    match most {
        Some(most) => format!(
            "A cold start is a new process with the model file dropped from the page cache (posix_fadvise): according \
             to mincore, at most {:.2} % of it was left (n {}). Caches below that, of the disk or of a virtual \
             machine's host, are not dropped.",
            100.0 * most,
            starts.of(Readiness::Cold).len()
        ),
        None => "No cold start was measured.".into(),
    }
}

fn token_costs(lengths: &LengthSamples) -> Option<String> {
    let [prompt, reply, context] = lines(lengths).map(|(_, _, line)| line);
    let (prompt, reply) = (prompt?, reply?);
    let interval = |interval: Option<(f64, f64)>| {
        interval.map_or_else(String::new, |(low, high)| format!(" [{low:.3}, {high:.3}]"))
    };
    let deeper = context.map_or_else(String::new, |line| {
        let slower =
            format!(" Each thousand tokens of context make a reply token {:.3} ms slower", 1e3 * line.slope.value);
        let may_be_none = line.slope.interval.is_some_and(|(low, high)| low <= 0.0 && high >= 0.0);
        slower + if may_be_none { ", which may be noise." } else { "." }
    });
    Some(format!(
        "A prompt token costs {:.3}{} ms (n {}, plus {:.1} ms for any prompt), a reply token {:.3}{} ms (n \
         {}).{deeper}",
        prompt.slope.value,
        interval(prompt.slope.interval),
        counted(prompt.slope.n, "length"),
        prompt.intercept,
        reply.slope.value,
        interval(reply.slope.interval),
        reply.slope.n
    ))
}

fn kept_prefix(prefix: &PrefixSamples) -> Vec<String> {
    let mut words = Vec::new();
    for (rolling, when) in [(false, "While a conversation grows"), (true, "Once the oldest messages are dropped")] {
        let Some(saved) = prefix.saved(rolling) else { continue };
        if !saved.has_kept() {
            words.push(format!(
                "{when}, nothing of the context could be reused (n {}): every prompt is processed in full, and prefix \
                 reuse saves nothing.",
                counted(saved.ratio.n, "turn")
            ));
            continue;
        }
        let percent = |ratio: f64| 100.0 * (ratio - 1.0);
        let interval = saved
            .ratio
            .interval
            .map_or_else(String::new, |(low, high)| format!(" [{:.1}, {:.1}]", percent(low), percent(high)));
        words.push(format!(
            "{when}, prefix reuse changes the time to first token by {:.1} %{interval} (n {}; {:.0} % of the prompt \
             tokens are kept).",
            percent(saved.ratio.ratio),
            counted(saved.ratio.n, "turn"),
            100.0 * saved.kept
        ));
    }
    let (same, all) = prefix.same();
    if all > 0 {
        words.push(format!(
            "{same} of {} {} the same tokens with and without prefix reuse.",
            counted(all, "reply"),
            verb_for(&same, "has", "have")
        ));
    }
    if prefix.full {
        words.push("The conversation ended early because the context was full; a larger --n-ctx holds more.".into());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::super::starts::StartFault;
    use super::super::{lengths, planted, prefix, start_cases};
    use super::*;
    use crate::llm::engine::LockOutcome;

    fn found(samples: &WarmupSamples) -> Vec<String> {
        let plan = planted::plan();
        let starts = start_cases::cases(&plan, &samples.starts, false);
        let lengths = lengths::cases(&plan, &samples.lengths, false);
        findings(&plan, samples, &[starts, lengths, prefix::cases(&plan, &samples.prefix, false)].concat())
    }

    #[test]
    fn planted_samples_give_the_expected_sentences() {
        let samples = WarmupSamples {
            starts: planted::starts(),
            lengths: planted::lengths(),
            prefix: planted::prefix(),
            lock: LockOutcome::default(),
        };
        insta::assert_snapshot!(found(&samples).join("\n"));
    }

    #[test]
    fn page_cache_is_not_mentioned_without_cold_starts() {
        let mut starts = planted::starts();
        starts.rounds.iter_mut().for_each(|round| drop(round.remove(&Readiness::Cold)));
        starts.failed.insert(Readiness::Cold, StartFault::PageCache("it is in memory".into()));
        let found = found(&WarmupSamples { starts, ..WarmupSamples::default() });
        assert!(
            found[0].starts_with("The first reply after a start with the model file in the page cache takes 542.5 ms")
        );
        assert!(found.iter().all(|sentence| !sentence.contains("the page cache saves")), "{found:?}");
        assert_eq!(
            found[3],
            "The page cache could not be emptied: it is in memory. These figures do not include its effect."
        );
    }

    #[test]
    fn unmeasured_parts_are_not_mentioned() {
        assert_eq!(found(&WarmupSamples::default()), ["No cold start was measured."]);
        let mut starts = StartSamples::default();
        starts.failed.insert(Readiness::Cold, StartFault::Process("no memory".into()));
        let samples = WarmupSamples { starts, ..WarmupSamples::default() };
        assert_eq!(found(&samples), ["The cold starts failed: no memory."]);
    }

    #[test]
    fn full_context_is_mentioned() {
        let prefix = PrefixSamples { full: true, ..PrefixSamples::default() };
        let found = found(&WarmupSamples { prefix, ..WarmupSamples::default() });
        assert!(found[1].contains("because the context was full"), "{found:?}");
    }
}
