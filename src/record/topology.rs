//! The processor as a scheduler sees it: cores, threads a core, kinds of cores, and what this process may use of them.

use serde::{Deserialize, Serialize};

use super::fact::Fact;

/// How many CPUs there are, of which kind, and how many of them are ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Topology {
    /// Physical cores.
    pub physical_cores: Fact<u64>,
    /// Logical CPUs that are online.
    pub logical_cpus: Fact<u64>,
    /// Physical cores of the faster kind; unsupported where all are of one kind or the kinds are not told.
    pub performance_cores: Fact<u64>,
    /// Physical cores of the slower kind; unsupported where all are of one kind or the kinds are not told.
    pub efficiency_cores: Fact<u64>,
    /// Whether cores run more than one thread at a time (SMT, hyper-threading).
    pub smt: Fact<bool>,
    /// Online CPUs that affinity lets this process run on.
    pub affinity_cpus: Fact<u64>,
    /// CPU time that control groups grant, in CPUs (`1.5` is one and a half); the value `None`, in JSON `null`, is no limit.
    pub quota_cpus: Fact<Option<f64>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_quota_and_an_unknown_quota_are_kept_apart() {
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
