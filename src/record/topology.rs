//! The processor as a scheduler sees it: cores, threads per core, types of cores, and what this process may use of
//! them.

use serde::{Deserialize, Serialize};

use super::fact::Fact;

/// How many CPUs there are, of which type, and how many of them this process may use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Topology {
    /// Physical cores.
    pub physical_cores: Fact<u64>,
    /// Logical CPUs that are online.
    pub logical_cpus: Fact<u64>,
    /// Physical cores of the faster type; unsupported if all are the same or the types are not reported.
    pub performance_cores: Fact<u64>,
    /// Physical cores of the slower type; unsupported if all are the same or the types are not reported.
    pub efficiency_cores: Fact<u64>,
    /// Whether cores run more than one thread at a time (SMT, hyper-threading).
    pub smt: Fact<bool>,
    /// Online CPUs that affinity leaves to this process.
    pub affinity_cpus: Fact<u64>,
    /// CPU quota of control groups, in CPUs (`1.5` is one and a half); the value `None`, in JSON `null`, means no
    /// limit.
    pub quota_cpus: Fact<Option<f64>>,
}

/// How far a quota may be below a whole CPU and still count as one: 1.99 CPUs are two.
const SHORT_OF_WHOLE: f64 = 0.01;

impl Topology {
    /// How many CPUs this process may keep busy: the minimum of online CPUs, those that affinity allows, and the whole
    /// CPUs of the quota; at least 1. Everything that needs a number of CPUs uses this.
    ///
    /// A limit that could not be read is an error; one that this platform does not have limits nothing.
    #[must_use]
    pub fn usable_cpus(&self) -> Fact<u64> {
        let quota = match &self.quota_cpus {
            Fact::Value(quota) => quota.map_or(Fact::Unsupported, |cpus| Fact::Value(whole_cpus(cpus))),
            Fact::Failed(reason) => Fact::Failed(reason.clone()),
            Fact::Unsupported | Fact::NotMeasured => Fact::Unsupported,
        };
        let limits = [self.logical_cpus.clone(), self.affinity_cpus.clone(), quota];
        if let Some(failed) = limits.iter().find(|limit| matches!(limit, Fact::Failed(_))) {
            return failed.clone();
        }
        limits.iter().filter_map(Fact::value).min().map(|cpus| (*cpus).max(1)).into()
    }

    /// How many physical cores this process may keep busy, at least 1: the default number of model threads. Unknown
    /// facts limit nothing.
    #[must_use]
    pub fn usable_cores(&self) -> u64 {
        let quota = self.quota_cpus.value().copied().flatten().map(whole_cpus);
        let limits = [self.physical_cores.value(), self.logical_cpus.value(), self.affinity_cpus.value()];
        limits.into_iter().flatten().copied().chain(quota).min().unwrap_or(1).max(1)
    }
}

/// The whole CPUs of a quota. A thread beyond the quota stalls all others in each period, so it is rounded down; for
/// less than one CPU, one thread uses what there is.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A count of CPUs, at least 1.
fn whole_cpus(quota: f64) -> u64 {
    (quota + SHORT_OF_WHOLE).floor().max(1.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topology(cores: u64, logical: u64, affinity: u64, quota: Option<f64>) -> Topology {
        Topology {
            physical_cores: Fact::Value(cores),
            logical_cpus: Fact::Value(logical),
            performance_cores: Fact::Unsupported,
            efficiency_cores: Fact::Unsupported,
            smt: Fact::Unsupported,
            affinity_cpus: Fact::Value(affinity),
            quota_cpus: Fact::Value(quota),
        }
    }

    #[test]
    fn usable_cpus_are_the_minimum_of_online_affinity_and_quota() {
        for ((cores, logical, affinity, quota), (cpus, usable_cores)) in [
            ((8, 16, 16, None), (16, 8)),
            ((8, 16, 4, None), (4, 4)),
            ((8, 16, 16, Some(2.0)), (2, 2)),
            ((8, 16, 16, Some(2.9)), (2, 2)),
            ((8, 16, 16, Some(1.995)), (2, 2)),
            ((8, 16, 16, Some(0.5)), (1, 1)),
            ((8, 16, 1, Some(12.0)), (1, 1)),
            ((8, 16, 16, Some(64.0)), (16, 8)),
        ] {
            let topology = topology(cores, logical, affinity, quota);
            assert_eq!(topology.usable_cpus(), Fact::Value(cpus), "{topology:?}");
            assert_eq!(topology.usable_cores(), usable_cores, "{topology:?}");
        }
    }

    #[test]
    fn unreadable_limit_fails_and_absent_limit_does_not_apply() {
        let garbled = Topology { quota_cpus: Fact::Failed("odd".into()), ..topology(4, 8, 8, None) };
        assert_eq!((garbled.usable_cpus(), garbled.usable_cores()), (Fact::Failed("odd".into()), 4));
        let windows = Topology { quota_cpus: Fact::Unsupported, ..topology(4, 8, 2, None) };
        assert_eq!((windows.usable_cpus(), windows.usable_cores()), (Fact::Value(2), 2));
    }

    #[test]
    fn absent_and_unknown_quotas_are_distinct() {
        let topology = Topology {
            physical_cores: Fact::Value(8),
            logical_cpus: Fact::Value(12),
            performance_cores: Fact::Value(4),
            efficiency_cores: Fact::Value(4),
            smt: Fact::Value(true),
            affinity_cpus: Fact::Failed("denied".into()),
            quota_cpus: Fact::Value(None),
        };
        for quota_cpus in [Fact::Value(None), Fact::Value(Some(1.5)), Fact::Unsupported] {
            let topology = Topology { quota_cpus, ..topology.clone() };
            let json = serde_json::to_string(&topology).unwrap();
            assert_eq!(serde_json::from_str::<Topology>(&json).unwrap(), topology, "{json}");
        }
    }
}
