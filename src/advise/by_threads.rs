//! `n_threads` and `n_threads_batch`: from the newest `threads` run of this machine and model, or else from the
//! documented rule with one core left for the avatar. The same run decides flash attention, cache type, priority, wait
//! policy and mapping, if it compared them.

use serde_json::Value;

use super::case_speeds::{candidate, round_speeds};
use super::recommendation::{Basis, Choice, Confidence, Evidence, Margin, Objective, Setting};
use super::recommendation_input::RecommendationInput;
use super::threads_by_rule::by_rule;
use super::{Certainty, SettingCandidate, SettingChoice};
use crate::plural::counted;
use crate::record::{Case, CaseState, Run, TokenTest};
use crate::stats::{FrameCounts, PairedRatio};

/// The application's engine settings, as conditions of a `threads` run: it cannot change them.
pub(crate) const ENGINE_OF_THE_APP: [(&str, &str); 5] =
    [("flash_attn", "off"), ("type_k", "f16"), ("priority", "normal"), ("wait", "unset"), ("use_mmap", "true")];

/// `light` gives up threads down to this share of the fastest speed.
const LIGHT_SHARE: f64 = 0.8;

/// `responsive` requires the first token within this, in milliseconds.
pub(super) const TTFT_TARGET_MS: f64 = 1_000.0;

/// The setting that a test decides.
pub(super) fn setting_of(test: TokenTest) -> Setting {
    match test {
        TokenTest::Generation => Setting::NThreads,
        TokenTest::Prompt => Setting::NThreadsBatch,
    }
}

/// The thread counts, and the other engine settings that the same run compared.
pub(super) fn choices(input: &RecommendationInput, runs: &[Run]) -> Vec<Choice> {
    // The avatar normally runs at the same time; `fast` assumes nothing else is running.
    let loads = if input.objective == Objective::Fast { ["idle", "render"] } else { ["render", "idle"] };
    let newest_first = || runs.iter().rev().filter(|run| run.command == "threads");
    let sweeps = |test: TokenTest| {
        newest_first().flat_map(move |run| loads.map(move |load| TestUnderLoad::of(run, load, test))).flatten()
    };
    // Sweeps of one count compare something else: they say nothing of threads as long as another one does.
    let of_counts =
        sweeps(TokenTest::Generation).filter(TestUnderLoad::compares_counts).chain(sweeps(TokenTest::Generation));
    let Some(generation) = of_counts.into_iter().find_map(|sweep| sweep.decide(input, None)) else {
        let prompt = sweeps(TokenTest::Prompt).find_map(|sweep| sweep.decide(input, None));
        let prompt = prompt.map_or_else(|| by_rule(input, TokenTest::Prompt, runs), |decided| decided.threads(input));
        return vec![by_rule(input, TokenTest::Generation, runs), prompt];
    };
    // Generation decides the shared settings, because most of the time is spent there.
    let shared = generation.settings();
    let of_same = |sweep: &TestUnderLoad<'_>| sweep.run.run_id == generation.sweep.run.run_id;
    let prompt = sweeps(TokenTest::Prompt)
        .filter(of_same)
        .chain(sweeps(TokenTest::Prompt))
        .find_map(|sweep| sweep.decide(input, Some(&shared)));
    let prompt = prompt.map_or_else(|| by_rule(input, TokenTest::Prompt, runs), |decided| decided.threads(input));
    let mut choices = vec![generation.threads(input), prompt];
    choices.extend(generation.others());
    let has_varied = |setting: Setting| generation.varied.contains(&setting);
    for setting in CaseSettings::OTHERS.into_iter().filter(|setting| !has_varied(*setting)) {
        let compared = sweeps(TokenTest::Generation).find_map(|sweep| sweep.decide_one(input, &shared, setting));
        choices.extend(compared.map(|decided| decided.others()).unwrap_or_default());
    }
    choices
}

/// The settings of a case, from its conditions. Older runs that did not vary a setting used the default.
#[derive(Debug, Clone, PartialEq, Eq)]
struct CaseSettings {
    threads: u64,
    others: [(Setting, String); 5],
}

impl CaseSettings {
    /// The settings besides the threads.
    const OTHERS: [Setting; 5] =
        [Setting::FlashAttn, Setting::KvType, Setting::Priority, Setting::WaitPolicy, Setting::UseMmap];

    /// Whether both are the same but for one setting.
    fn differs_only_in(&self, setting: Setting, other: &Self) -> bool {
        let pairs = self.others.iter().zip(&other.others);
        self.threads == other.threads && pairs.filter(|(own, _)| own.0 != setting).all(|(own, its)| own == its)
    }

    /// In how many of the other settings it differs from the application.
    fn changes(&self) -> usize {
        self.others.iter().zip(ENGINE_OF_THE_APP).filter(|((_, own), (_, app))| own != app).count()
    }

    /// What makes a scene's frames late, as [`EngineSettings::of_frames`](crate::measure::EngineSettings::of_frames) has it.
    fn of_frames(&self) -> (u64, Vec<&str>) {
        let matters = |setting: Setting| matches!(setting, Setting::Priority | Setting::WaitPolicy);
        let others = self.others.iter().filter(|(setting, _)| matters(*setting));
        (self.threads, others.map(|(_, value)| value.as_str()).collect())
    }

    fn of(run: &Run, case: &Case) -> Option<Self> {
        let word = |key: &str, usual: &str| {
            let value = [&case.conditions[key], &run.plan[key]].into_iter().find(|value| !value.is_null());
            value.map_or_else(
                || usual.to_owned(),
                |value| value.as_str().map_or_else(|| value.to_string(), String::from),
            )
        };
        Some(Self {
            threads: case.conditions["n_threads"].as_u64()?,
            others: [
                (Setting::FlashAttn, word("flash_attn", "auto")),
                (Setting::KvType, word("type_k", "f16")),
                (Setting::Priority, word("priority", "normal")),
                (Setting::WaitPolicy, word("wait", "unset")),
                (Setting::UseMmap, word("use_mmap", "true")),
            ],
        })
    }

    /// `2`, or `2, priority low` if that varies.
    fn label(&self, varied: &[Setting]) -> String {
        let others = self.others.iter().filter(|(setting, _)| varied.contains(setting));
        let others = others.map(|(setting, value)| format!(", {} {value}", setting.key()));
        format!("{}{}", self.threads, others.collect::<String>())
    }
}

/// One test under one load of one run, at the largest measured depth.
struct TestUnderLoad<'a> {
    run: &'a Run,
    load: &'static str,
    test: TokenTest,
    depth: u64,
    /// Simplest first: fewer threads, then fewer settings that the application has otherwise.
    cases: Vec<(CaseSettings, &'a Case)>,
}

impl<'a> TestUnderLoad<'a> {
    fn of(run: &'a Run, load: &'static str, test: TokenTest) -> Option<Self> {
        let is_it = |case: &&Case| case.conditions["load"] == load && case.conditions["test"] == test.word();
        let depth_of = |case: &Case| case.conditions["n_depth"].as_u64().unwrap_or(0);
        let depth = run.cases.iter().filter(is_it).map(depth_of).max()?;
        let at_depth = || run.cases.iter().filter(is_it).filter(|case| depth_of(case) == depth);
        // Cases that the budget did not reach may include the best one.
        if at_depth().any(|case| case.state == CaseState::NotMeasured) {
            return None;
        }
        let mut cases = Vec::new();
        for case in at_depth().filter(|case| case.state.stands()) {
            round_speeds(case)?;
            cases.push((CaseSettings::of(run, case)?, case));
        }
        cases.sort_by_key(|(settings, _)| (settings.threads, settings.changes()));
        (!cases.is_empty()).then_some(Self { run, load, test, depth, cases })
    }

    /// Chooses among the cases, or among those that share these settings if given. `None` if there are none.
    fn decide(mut self, input: &RecommendationInput, shared: Option<&CaseSettings>) -> Option<ThreadDecision<'a>> {
        let varied = self.varied();
        if let Some(shared) = shared {
            self.cases.retain(|(settings, _)| settings.others == shared.others);
        }
        self.chosen(input, varied)
    }

    /// Chooses one setting among the cases that share everything else with settings that were chosen. `None` if it was not compared
    /// there.
    fn decide_one(
        mut self,
        input: &RecommendationInput,
        shared: &CaseSettings,
        setting: Setting,
    ) -> Option<ThreadDecision<'a>> {
        self.cases.retain(|(settings, _)| settings.differs_only_in(setting, shared));
        if self.cases.is_empty() || self.varied() != [setting] {
            return None;
        }
        self.chosen(input, vec![setting])
    }

    /// Whether it compared thread counts.
    fn compares_counts(&self) -> bool {
        self.cases.iter().any(|(settings, _)| settings.threads != self.cases[0].0.threads)
    }

    fn chosen(self, input: &RecommendationInput, varied: Vec<Setting>) -> Option<ThreadDecision<'a>> {
        let mut candidates: Vec<SettingCandidate> = self.cases.iter().map(|(_, case)| candidate(case)).collect();
        let with_settings = self.cases.iter().zip(&candidates);
        let own: Vec<_> =
            with_settings.map(|((settings, _), candidate)| (settings.of_frames(), candidate.frames)).collect();
        let shared = FrameCounts::shared(&own).into_iter().zip(&self.cases);
        for (candidate, (frames, (settings, _))) in candidates.iter_mut().zip(shared) {
            (candidate.frames, candidate.changes) = (frames, settings.changes());
        }
        let choice = SettingChoice::among(&candidates)?;
        let at = match input.objective {
            Objective::Light => lightest(&choice, &self.cases),
            _ => choice.chosen,
        };
        Some(ThreadDecision { sweep: self, candidates, choice, at, varied })
    }

    /// The settings besides threads in which the cases differ.
    fn varied(&self) -> Vec<Setting> {
        let first = &self.cases[0].0;
        let differs = |place: usize| self.cases.iter().any(|(other, _)| other.others[place] != first.others[place]);
        (0..first.others.len()).filter(|&place| differs(place)).map(|place| first.others[place].0).collect()
    }
}

/// A `threads` test and the choice made from it.
struct ThreadDecision<'a> {
    sweep: TestUnderLoad<'a>,
    candidates: Vec<SettingCandidate>,
    choice: SettingChoice,
    /// The index of the choice among the cases.
    at: usize,
    varied: Vec<Setting>,
}

impl ThreadDecision<'_> {
    fn settings(&self) -> CaseSettings {
        self.sweep.cases[self.at].0.clone()
    }

    fn place(&self) -> String {
        let place = if self.sweep.load == "idle" { "without a load" } else { "under a render-like load" };
        if self.sweep.depth == 0 { place.into() } else { format!("{place}, at a depth of {} tokens", self.sweep.depth) }
    }

    /// The number of threads.
    fn threads(&self, input: &RecommendationInput) -> Choice {
        let setting = setting_of(self.sweep.test);
        if self.choice.certainty == Certainty::Noisy {
            let written = input.written_threads(setting.key());
            let kept =
                written.map_or("nothing will be written".into(), |threads| format!("your value of {threads} is kept"));
            return Choice {
                value: None,
                basis: Basis::Measured,
                reason: format!("no difference beyond the noise {}, so {kept}", self.place()),
                evidence: self.evidence(&["avg_ts", "ttft"]),
                margin: self.margin(),
                confidence: Confidence::NoDifference,
                ..Choice::by_rule(setting, Value::Null, "")
            };
        }
        Choice {
            value: Some(self.settings().threads.into()),
            basis: Basis::Measured,
            reason: format!("{} {}", self.merit(), self.place()),
            evidence: self.evidence(&["avg_ts", "ttft"]),
            margin: self.margin(),
            cost: self.cost(),
            confidence: self.confidence(),
            ..Choice::by_rule(setting, Value::Null, "")
        }
    }

    /// The other settings that were compared.
    fn others(&self) -> Vec<Choice> {
        let settings = self.settings();
        let compared = settings.others.iter().filter(|(setting, _)| self.varied.contains(setting));
        compared
            .map(|(setting, value)| Choice {
                value: Some(setting.typed(value)),
                basis: Basis::Measured,
                reason: format!("with {}, {} {}", counted(settings.threads, "thread"), self.merit(), self.place()),
                evidence: self.evidence(&["avg_ts", "frames_late"]),
                margin: self.margin_without(*setting, value),
                confidence: if self.choice.certainty == Certainty::Noisy {
                    Confidence::NoDifference
                } else {
                    self.confidence()
                },
                ..Choice::by_rule(*setting, Value::Null, "")
            })
            .collect()
    }

    fn evidence(&self, metrics: &[&str]) -> Vec<Evidence> {
        let case = self.sweep.cases[self.at].1;
        metrics.iter().filter_map(|name| Evidence::of(self.sweep.run, case, name)).collect()
    }

    /// The fastest of the other admissible settings.
    fn margin(&self) -> Option<Margin> {
        self.best_of(
            |place, _| place != self.at,
            |settings| {
                let is_number = self.varied.is_empty();
                if is_number { settings.threads.into() } else { settings.label(&self.varied).into() }
            },
        )
    }

    /// The fastest of the admissible ones with another value of that setting.
    fn margin_without(&self, setting: Setting, value: &str) -> Option<Margin> {
        let has_another =
            |settings: &CaseSettings| settings.others.iter().any(|(own, its)| *own == setting && its != value);
        self.best_of(|_, settings| has_another(settings), |settings| settings.label(&self.varied).into())
    }

    fn best_of(
        &self,
        wanted: impl Fn(usize, &CaseSettings) -> bool,
        name: impl Fn(&CaseSettings) -> Value,
    ) -> Option<Margin> {
        let chosen = &self.candidates[self.at].tokens_per_s;
        // What makes more frames late is no alternative, however fast.
        let is_eligible = |place: usize| !self.choice.is_any_admissible || self.candidates[place].is_admissible;
        let others = self.sweep.cases.iter().enumerate();
        let others = others.filter(|(place, (settings, _))| is_eligible(*place) && wanted(*place, settings));
        let shares = others.filter_map(|(place, (settings, _))| {
            Some((settings, self.candidates[place].tokens_per_s.ratio_to(chosen)?))
        });
        let (runner_up, share) = shares.max_by(|a, b| a.1.ratio.total_cmp(&b.1.ratio))?;
        Some(Margin { runner_up: name(runner_up), share: share.ratio, n: share.n as u64, interval: share.interval })
    }

    fn share(&self) -> Option<PairedRatio> {
        self.choice.share_of(self.at)
    }

    fn fastest_label(&self) -> String {
        self.sweep.cases[self.choice.fastest].0.label(&self.varied)
    }

    fn merit(&self) -> String {
        let is_fewer = self.settings().threads < self.sweep.cases[self.choice.fastest].0.threads;
        self.choice.merit(self.at, &self.fastest_label(), if is_fewer { "fewer threads" } else { "fewer changes" })
    }

    fn cost(&self) -> String {
        let slower = self.share().filter(|_| self.at != self.choice.fastest).map(|share| (1.0 - share.ratio) * 100.0);
        let mut costs: Vec<String> = slower
            .filter(|per_cent| *per_cent >= 0.05)
            .map(|per_cent| format!("{per_cent:.1} % of the speed of {}", self.fastest_label()))
            .into_iter()
            .collect();
        let late = self.sweep.cases[self.at].1.metric("frames_late").and_then(|metric| metric.value);
        costs.extend(late.map(|late| format!("late frames of the avatar: {late:.1} %")));
        costs.join(", ")
    }

    /// A race that was decided leaves nothing that is more than 3 % faster, even after few rounds.
    fn confidence(&self) -> Confidence {
        match self.choice.certainty {
            Certainty::TooFewRounds if self.is_decided() => Confidence::Likely,
            certainty => confidence(certainty),
        }
    }

    fn is_decided(&self) -> bool {
        self.candidates.iter().any(|candidate| candidate.is_dropped)
            && self.candidates.iter().filter(|candidate| !candidate.is_dropped).count() == 1
    }
}

/// The fewest threads that keep four fifths of the speed.
fn lightest(choice: &SettingChoice, cases: &[(CaseSettings, &Case)]) -> usize {
    let enough = choice.shares.iter().filter(|(_, share)| share.ratio >= LIGHT_SHARE);
    enough.map(|(place, _)| *place).min_by_key(|place| (cases[*place].0.threads, *place)).unwrap_or(choice.chosen)
}

/// The confidence of a measured thread count.
fn confidence(certainty: Certainty) -> Confidence {
    match certainty {
        Certainty::Clear => Confidence::Sure,
        Certainty::Likely => Confidence::Likely,
        Certainty::TooFewRounds => Confidence::Guess,
        Certainty::Noisy => Confidence::NoDifference,
    }
}
