//! Machine noise during a run: CPU time taken by other programs, the hypervisor, quotas and heat, with one verdict.

use serde::{Deserialize, Serialize};

use super::fact::Fact;
use super::run::{Machine, Run};

/// CPU use of other programs that does not count as disturbance: this part of one CPU …
const OTHERS_LEAST: f64 = 0.25;
/// … or this share of all CPUs that the process may use, whichever is more.
const OTHERS_SHARE: f64 = 0.05;
/// The share of the CPUs that a hypervisor may take.
const STOLEN_SHARE: f64 = 0.02;
/// The share of its periods in which a quota may throttle the process.
const THROTTLED_SHARE: f64 = 0.05;
/// Shorter runs are not judged: the kernel counts in ticks of 10 ms. In seconds.
const SHORTEST_S: f64 = 0.2;

/// Whether something disturbed a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoiseVerdict {
    /// As far as known, nothing did.
    Quiet,
    /// Something did; see the reasons.
    Disturbed,
    /// Not known; see the reasons.
    NotKnown,
}

/// The readings, from the start of the run to its end. Shares of time are in CPUs: 1.5 is one and a half on average.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NoiseFigures {
    /// Duration, in seconds.
    pub watched_s: f64,
    /// CPUs that the process may use; the following figures refer to them.
    pub cpus: Fact<u64>,
    /// Used by this process, its children and the processes that it measures.
    pub own_cpus: Fact<f64>,
    /// Used by all other programs.
    pub others_cpus: Fact<f64>,
    /// Taken by the hypervisor (steal).
    pub stolen_cpus: Fact<f64>,
    /// The share of the quota's periods in which the process was throttled; not measured if there is no quota.
    pub throttled_share: Fact<f64>,
    /// The quota of control groups, in CPUs.
    pub quota_cpus: Fact<Option<f64>>,
    /// How often the CPU was thermally throttled.
    pub heat_throttles: Fact<u64>,
    /// Mean frequency of the CPUs at the start, in MHz.
    pub frequency_start_mhz: Fact<f64>,
    /// The same at the end.
    pub frequency_end_mhz: Fact<f64>,
    /// One-minute load average at the start.
    pub load_average_start: Fact<f64>,
    /// The same at the end.
    pub load_average_end: Fact<f64>,
}

impl NoiseFigures {
    /// Nothing was measured.
    #[must_use]
    pub fn none() -> Self {
        Self {
            watched_s: 0.0,
            cpus: Fact::NotMeasured,
            own_cpus: Fact::NotMeasured,
            others_cpus: Fact::NotMeasured,
            stolen_cpus: Fact::NotMeasured,
            throttled_share: Fact::NotMeasured,
            quota_cpus: Fact::NotMeasured,
            heat_throttles: Fact::NotMeasured,
            frequency_start_mhz: Fact::NotMeasured,
            frequency_end_mhz: Fact::NotMeasured,
            load_average_start: Fact::NotMeasured,
            load_average_end: Fact::NotMeasured,
        }
    }
}

/// The noise of a run, judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MachineNoise {
    /// The verdict.
    pub verdict: NoiseVerdict,
    /// Why: clauses without a full stop.
    pub reasons: Vec<String>,
    /// The underlying readings.
    pub figures: NoiseFigures,
}

impl MachineNoise {
    /// Judges the readings. The load average only counts if the use of other programs is not known: it still includes
    /// what ran in the minute before.
    #[must_use]
    pub fn judge(figures: NoiseFigures) -> Self {
        let disturbances: Vec<String> =
            [by_others(&figures), by_hypervisor(&figures), by_quota(&figures), by_heat(&figures), by_load(&figures)]
                .into_iter()
                .flatten()
                .collect();
        let unknown = if figures.watched_s < SHORTEST_S {
            Some(format!("the run took only {:.2} s", figures.watched_s))
        } else {
            match &figures.others_cpus {
                Fact::Value(_) => None,
                Fact::Failed(why) => Some(format!("the CPU time of other programs is not known: {why}")),
                Fact::Unsupported => Some("this system does not report the CPU time of other programs".into()),
                Fact::NotMeasured => Some("the CPU time of other programs was not measured".into()),
            }
        };
        let (verdict, reasons) = match (disturbances.is_empty(), unknown) {
            (false, _) => (NoiseVerdict::Disturbed, disturbances),
            (true, Some(unknown)) => (NoiseVerdict::NotKnown, vec![unknown]),
            (true, None) => (NoiseVerdict::Quiet, Vec::new()),
        };
        Self { verdict, reasons, figures }
    }

    /// Whether something disturbed the run.
    #[must_use]
    pub fn is_disturbed(&self) -> bool {
        self.verdict == NoiseVerdict::Disturbed
    }

    /// The verdict as a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let reasons = self.reasons.join("; ");
        match self.verdict {
            NoiseVerdict::Disturbed => {
                format!(
                    "DISTURBED: {reasons}. The figures are valid for these conditions only; conclusions from them are uncertain."
                )
            }
            NoiseVerdict::NotKnown => format!("Machine noise: not known; {reasons}."),
            NoiseVerdict::Quiet => format!("Machine noise: quiet; {}.", self.in_figures()),
        }
    }

    /// The known readings.
    fn in_figures(&self) -> String {
        let figures = &self.figures;
        let mut parts = Vec::new();
        if let (Fact::Value(others), Fact::Value(cpus)) = (&figures.others_cpus, &figures.cpus) {
            parts.push(format!("other programs used {others:.2} of {}", cpus_in_words(*cpus)));
        }
        parts.extend(figures.stolen_cpus.value().map(|stolen| format!("the hypervisor took {stolen:.2}")));
        parts.extend(
            figures.throttled_share.value().map(|share| format!("the CPU quota throttled {:.0} %", share * 100.0)),
        );
        if let (Fact::Value(start), Fact::Value(end)) = (&figures.frequency_start_mhz, &figures.frequency_end_mhz) {
            parts.push(format!("{start:.0} MHz at the start and {end:.0} at the end"));
        }
        if let (Fact::Value(start), Fact::Value(end)) = (&figures.load_average_start, &figures.load_average_end) {
            parts.push(format!("load average {start:.1} at the start and {end:.1} at the end"));
        }
        parts.join(", ")
    }
}

fn cpus_in_words(cpus: u64) -> String {
    if cpus == 1 { "one CPU".into() } else { format!("{cpus} CPUs") }
}

fn by_others(figures: &NoiseFigures) -> Option<String> {
    let (others, cpus) = (figures.others_cpus.value()?, *figures.cpus.value()?);
    let is_much = figures.watched_s >= SHORTEST_S && *others > OTHERS_LEAST.max(OTHERS_SHARE * cpus as f64);
    is_much.then(|| format!("other programs used {others:.2} of the {} that this process may use", cpus_in_words(cpus)))
}

fn by_hypervisor(figures: &NoiseFigures) -> Option<String> {
    let (stolen, cpus) = (figures.stolen_cpus.value()?, *figures.cpus.value()?);
    let is_much = figures.watched_s >= SHORTEST_S && *stolen > STOLEN_SHARE * cpus as f64;
    is_much.then(|| format!("the hypervisor took {stolen:.2} of {} (steal)", cpus_in_words(cpus)))
}

fn by_quota(figures: &NoiseFigures) -> Option<String> {
    let share = figures.throttled_share.value().filter(|share| **share >= THROTTLED_SHARE)?;
    let quota = figures.quota_cpus.value().copied().flatten();
    let quota = quota.map_or_else(String::new, |cpus| format!(" of {cpus:.2} CPUs"));
    Some(format!("the CPU quota{quota} of the process throttled it in {:.0} % of the periods", share * 100.0))
}

fn by_heat(figures: &NoiseFigures) -> Option<String> {
    let times = *figures.heat_throttles.value().filter(|times| **times > 0)?;
    Some(format!("the CPU was thermally throttled ({times} events)"))
}

fn by_load(figures: &NoiseFigures) -> Option<String> {
    let (load, cpus) = (figures.load_average_start.value()?, *figures.cpus.value()?);
    let is_much = figures.others_cpus.value().is_none() && *load > cpus as f64;
    is_much.then(|| format!("the load average was {load:.1} on {} at the start", cpus_in_words(cpus)))
}

impl Run {
    /// Whether other load on the machine affects the figures: `watch` shows that load, and `recommend` and a projection measure
    /// nothing.
    #[must_use]
    pub fn is_subject_to_noise(&self) -> bool {
        match self.command.as_str() {
            "recommend" | "watch" => false,
            "gpu-profiles" => self.plan["depth"] != "project",
            _ => true,
        }
    }

    /// The recorded noise of the run; for older records, the load average at its start. `None` if it has no meaning.
    #[must_use]
    pub fn noise(&self) -> Option<MachineNoise> {
        let by_load = || self.is_subject_to_noise().then(|| by_machine(&self.machine));
        self.machine_noise.clone().or_else(by_load)
    }
}

/// The load average belongs to the whole machine, however few of its CPUs the process may use.
fn by_machine(machine: &Machine) -> MachineNoise {
    let all = &machine.logical_cpus;
    MachineNoise::judge(NoiseFigures {
        cpus: if all.value().is_some() { all.clone() } else { machine.usable_cpus.clone() },
        load_average_start: machine.load_average.clone(),
        ..NoiseFigures::none()
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample::run;
    use super::*;

    /// Two CPUs, watched for ten seconds, without other load.
    fn quiet() -> NoiseFigures {
        NoiseFigures {
            watched_s: 10.0,
            cpus: Fact::Value(2),
            own_cpus: Fact::Value(1.0),
            others_cpus: Fact::Value(0.03),
            stolen_cpus: Fact::Value(0.0),
            throttled_share: Fact::NotMeasured,
            quota_cpus: Fact::Value(None),
            heat_throttles: Fact::Unsupported,
            load_average_start: Fact::Value(12.0),
            load_average_end: Fact::Value(1.0),
            ..NoiseFigures::none()
        }
    }

    #[test]
    fn quiet_machine_is_quiet_despite_earlier_load() {
        let noise = MachineNoise::judge(quiet());
        assert_eq!(noise.verdict, NoiseVerdict::Quiet);
        assert_eq!(
            noise.sentence(),
            "Machine noise: quiet; other programs used 0.03 of 2 CPUs, the hypervisor took 0.00, load average 12.0 at \
             the start and 1.0 at the end."
        );
    }

    #[test]
    fn each_disturbance_is_named_by_its_cause() {
        let says = |change: &dyn Fn(&mut NoiseFigures)| {
            let mut figures = quiet();
            change(&mut figures);
            let noise = MachineNoise::judge(figures);
            assert!(noise.is_disturbed(), "{noise:?}");
            noise.sentence()
        };
        let others = says(&|figures| figures.others_cpus = Fact::Value(1.31));
        assert!(others.starts_with("DISTURBED: other programs used 1.31 of the 2 CPUs that"), "{others}");
        let stolen = says(&|figures| figures.stolen_cpus = Fact::Value(0.2));
        assert!(stolen.contains("hypervisor took 0.20 of 2 CPUs"), "{stolen}");
        let quota = says(&|figures| {
            figures.throttled_share = Fact::Value(0.4);
            figures.quota_cpus = Fact::Value(Some(1.5));
        });
        assert!(quota.contains("the CPU quota of 1.50 CPUs of the process throttled it in 40 %"), "{quota}");
        assert!(!quota.contains("other programs"), "a quota is not attributed to other programs: {quota}");
        let heat = says(&|figures| figures.heat_throttles = Fact::Value(3));
        assert!(heat.contains("thermally throttled (3 events)"), "{heat}");
        let load = says(&|figures| figures.others_cpus = Fact::Unsupported);
        assert!(load.contains("load average was 12.0 on 2 CPUs at the start"), "{load}");
    }

    #[test]
    fn unknown_noise_states_its_reason() {
        let told = |figures| MachineNoise::judge(figures).sentence();
        let short = told(NoiseFigures { watched_s: 0.05, others_cpus: Fact::Value(1.5), ..quiet() });
        assert_eq!(short, "Machine noise: not known; the run took only 0.05 s.");
        let dumb = NoiseFigures { others_cpus: Fact::Unsupported, load_average_start: Fact::Unsupported, ..quiet() };
        assert!(told(dumb).contains("this system does not report the CPU time of other programs"));
    }

    #[test]
    fn tolerance_grows_with_the_number_of_cpus() {
        let figures =
            |cpus, others| NoiseFigures { cpus: Fact::Value(cpus), others_cpus: Fact::Value(others), ..quiet() };
        assert!(MachineNoise::judge(figures(2, 0.3)).is_disturbed());
        assert!(!MachineNoise::judge(figures(16, 0.3)).is_disturbed());
        assert!(MachineNoise::judge(figures(16, 1.0)).is_disturbed());
    }

    #[test]
    fn load_average_is_compared_with_all_cpus() {
        let mut pinned = run();
        pinned.machine_noise = None;
        pinned.machine.load_average = Fact::Value(1.6);
        (pinned.machine.usable_cpus, pinned.machine.logical_cpus) = (Fact::Value(1), Fact::Value(2));
        assert!(!pinned.noise().unwrap().is_disturbed(), "{}", pinned.noise().unwrap().sentence());
        pinned.machine.load_average = Fact::Value(4.5);
        let said = pinned.noise().unwrap().sentence();
        assert!(said.contains("the load average was 4.5 on 2 CPUs"), "{said}");
    }

    #[test]
    fn run_that_measures_nothing_is_not_disturbed_by_the_load_before_it() {
        let mut run = run();
        (run.machine.logical_cpus, run.machine.load_average) = (Fact::Value(2), Fact::Value(12.0));
        for (command, depth, is_disturbed) in [
            ("threads", "measure", true),
            ("gpu-profiles", "measure", true),
            ("gpu-profiles", "project", false),
            ("recommend", "measure", false),
            ("watch", "measure", false),
        ] {
            (run.command, run.plan) = (command.into(), serde_json::json!({"depth": depth}));
            assert_eq!(run.noise().is_some_and(|noise| noise.is_disturbed()), is_disturbed, "{command}, {depth}");
        }
        run.machine_noise = Some(MachineNoise::judge(NoiseFigures { others_cpus: Fact::Value(1.5), ..quiet() }));
        assert!(run.noise().unwrap().is_disturbed(), "what a recommendation is based on counts");
    }

    #[test]
    fn older_records_are_judged_by_load_average() {
        let mut old = run();
        assert_eq!(old.noise().unwrap().verdict, NoiseVerdict::NotKnown);
        (old.machine.logical_cpus, old.machine.load_average) = (Fact::Value(2), Fact::Value(12.0));
        assert!(old.noise().unwrap().is_disturbed());
        old.machine_noise = Some(MachineNoise::judge(quiet()));
        assert_eq!(old.noise().unwrap().verdict, NoiseVerdict::Quiet);
        let json = serde_json::to_string(&old).unwrap();
        assert_eq!(serde_json::from_str::<Run>(&json).unwrap(), old);
    }
}
