//! What it all comes to, in words.

use super::lengths::{Lengths, lines};
use super::prefix::Prefix;
use super::starts::{Fault, Starts};
use crate::measure::Readiness;
use crate::plural::{counted, verb_for};
use crate::record::{Case, Metric, Run};
use crate::report::with_interval;

/// The sentences that lead the report.
pub(super) fn findings(
    run: &Run,
    starts: Option<&Starts>,
    lengths: Option<&Lengths>,
    prefix: Option<&Prefix>,
) -> Vec<String> {
    let mut findings = Vec::new();
    if let Some(starts) = starts {
        findings.extend(whole(run));
        findings.extend(documented(run));
        findings.push(how_cold(starts));
    }
    findings.extend(lengths.and_then(costs));
    if let Some(prefix) = prefix {
        findings.extend(kept(prefix));
    }
    findings
}

fn of<'a>(run: &'a Run, path: &str, name: &str) -> Option<&'a Metric> {
    let case = run.cases.iter().find(|case: &&Case| case.path == path)?;
    case.metric(name).filter(|metric| metric.value.is_some())
}

/// From the cold start to a later reply.
fn whole(run: &Run) -> Option<String> {
    let path = "attribution/wait";
    let (from, to, saved) = (of(run, path, "from")?, of(run, path, "to")?, of(run, path, "saved")?);
    let parts = [
        ("page_cache", "the page cache"),
        ("load", "loading"),
        ("context", "the context"),
        ("warm_generation", "the warm generation"),
        ("earlier_reply", "an earlier reply"),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter_map(|(name, words)| Some(format!("{words} {}", with_interval(of(run, path, name)?))))
        .collect();
    let start =
        if of(run, path, "page_cache").is_some() { "a cold start" } else { "a start with the file in the page cache" };
    Some(format!(
        "The first reply after {start} takes {}, a later one {} (n {}). Of the {} between them: {}. These add up to the \
         whole.",
        with_interval(from),
        with_interval(to),
        counted(saved.n, "round"),
        with_interval(saved),
        parts.join(", ")
    ))
}

/// The two figures of the application's documents, measured as what they are.
fn documented(run: &Run) -> Vec<String> {
    let mut words = Vec::new();
    let change = |path: &str| Some(with_interval(of(run, path, "change")?));
    if let (Some(all), Some(earlier)) = (change("attribution/load"), of(run, "attribution/load", "earlier_load")) {
        let by_cache = of(run, "attribution/load", "page_cache")
            .map_or_else(String::new, |metric| format!("the page cache saves {}, ", with_interval(metric)));
        words.push(format!(
            "Loading a second time: {all} (the documents say −49 % of warming): {by_cache}a load before in the same process {}.",
            with_interval(earlier)
        ));
    }
    if let (Some(all), Some(warm), Some(earlier)) = (
        change("attribution/reply"),
        of(run, "attribution/reply", "warm_generation"),
        of(run, "attribution/reply", "earlier_reply"),
    ) {
        let by_cache = of(run, "attribution/reply", "page_cache")
            .map_or_else(String::new, |metric| format!("the page cache saves {}, ", with_interval(metric)));
        words.push(format!(
            "The reply by itself, loading and context left out, a later one against the first: {all} (the documents say \
             −17.6 %): {by_cache}the warm generation {}, a whole reply before {}.",
            with_interval(warm),
            with_interval(earlier)
        ));
    }
    words
}

/// How cold a cold start was.
fn how_cold(starts: &Starts) -> String {
    let cold = starts.of(Readiness::Cold);
    let most = cold.iter().filter_map(|outcome| outcome.cached_share).reduce(f64::max);
    match (starts.failed.get(&Readiness::Cold), most) {
        (None, Some(most)) => format!(
            "Cold means: a fresh process, and the model's file dropped from the page cache (posix_fadvise); by mincore at most \
             {:.2} % of it was left (n {}). What lies below, the disk's own cache or a host's, is not dropped.",
            100.0 * most,
            cold.len()
        ),
        (Some(Fault::PageCache(reason)), _) => {
            format!("A cold page cache could not be made: {reason}. What it costs is not in these figures.")
        }
        (Some(fault), _) => format!("The cold starts failed: {}.", fault.reason()),
        (None, None) => "No cold start was measured.".into(),
    }
}

fn costs(lengths: &Lengths) -> Option<String> {
    let [prompt, reply, context] = lines(lengths).map(|(_, _, line)| line);
    let (prompt, reply) = (prompt?, reply?);
    let interval = |interval: Option<(f64, f64)>| {
        interval.map_or_else(String::new, |(low, high)| format!(" [{low:.3}, {high:.3}]"))
    };
    let deeper = context.map_or_else(String::new, |line| {
        format!(
            " Each thousand tokens in the context make{} a token of the reply {:.3} ms slower.",
            if line.slope.interval.is_some_and(|(low, high)| low <= 0.0 && high >= 0.0) {
                ", as far as can be told,"
            } else {
                ""
            },
            1e3 * line.slope.value
        )
    });
    Some(format!(
        "A token of the prompt costs {:.3}{} ms (n {}, beside {:.1} ms), one of the reply {:.3}{} ms (n {}).{deeper}",
        prompt.slope.value,
        interval(prompt.slope.interval),
        counted(prompt.slope.n, "length"),
        prompt.intercept,
        reply.slope.value,
        interval(reply.slope.interval),
        reply.slope.n
    ))
}

fn kept(prefix: &Prefix) -> Vec<String> {
    let mut words = Vec::new();
    for (rolling, when) in [(false, "While a conversation grows"), (true, "Once it forgets its oldest messages")] {
        let Some(saved) = prefix.saved(rolling) else { continue };
        if !saved.has_kept() {
            words.push(format!(
                "{when}, nothing of the context could be kept (n {}): every prompt is computed as a whole, and keeping the prefix \
                 saves nothing.",
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
            "{when}, not computing again what the context still holds changes the time to the first token by {:.1} %{interval} (n {}; \
             {:.0} % of the prompts' tokens are kept).",
            percent(saved.ratio.ratio),
            counted(saved.ratio.n, "turn"),
            100.0 * saved.kept
        ));
    }
    let (same, all) = prefix.same();
    if all > 0 {
        words.push(format!(
            "{same} of {} {} the same tokens with and without.",
            counted(all, "reply"),
            verb_for(&same, "is", "are")
        ));
    }
    if prefix.full {
        words.push("The conversation ended early: the context was full; a larger --n-ctx holds more.".into());
    }
    words
}
