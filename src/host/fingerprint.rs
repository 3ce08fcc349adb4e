//! A short hash of what makes the figures of two runs comparable.

use crate::record::Fact;

/// The facts in the fingerprint. Kernel, load and power are deliberately not included: they change between runs on the
/// same machine and are recorded separately.
#[derive(Debug, Clone)]
pub(super) struct FingerprintFacts<'a> {
    /// CPU model.
    pub(super) cpu: &'a Fact<String>,
    /// Physical cores.
    pub(super) physical_cores: &'a Fact<u64>,
    /// Logical CPUs.
    pub(super) logical_cpus: &'a Fact<u64>,
    /// CPUs available to this process.
    pub(super) usable_cpus: &'a Fact<u64>,
    /// Memory, in bytes; rounded to whole GiB, because firmware and kernels reserve a varying few MiB.
    pub(super) memory_bytes: &'a Fact<u64>,
    /// Operating system family: `linux`, `windows`, `macos`.
    pub(super) os: &'a str,
    /// Architecture.
    pub(super) arch: &'a str,
    /// Names and memory of the GPUs; empty if there are none. Then they do not affect the fingerprint.
    pub(super) gpus: &'a str,
}

impl FingerprintFacts<'_> {
    /// Sixteen hexadecimal digits, the same on every platform and in every version of the compiler.
    pub(super) fn fingerprint(&self) -> String {
        let gpus = if self.gpus.is_empty() { String::new() } else { format!(";gpus={}", self.gpus) };
        let line = format!(
            "cpu={};physical={};logical={};usable={};gib={};os={};arch={}{gpus}",
            stable(self.cpu),
            stable(self.physical_cores),
            stable(self.logical_cpus),
            stable(self.usable_cpus),
            self.memory_bytes.value().map_or_else(|| "?".into(), |bytes| whole_gib(*bytes).to_string()),
            self.os,
            self.arch,
        );
        format!("{:016x}", fnv1a_64(line.as_bytes()))
    }
}

/// The value, or one word for anything missing: the wording of a reason must not change the fingerprint.
fn stable<T: std::fmt::Display>(fact: &Fact<T>) -> String {
    fact.value().map_or_else(|| "?".into(), ToString::to_string)
}

/// Bytes as GiB, rounded.
fn whole_gib(bytes: u64) -> u64 {
    bytes.saturating_add(1 << 29) >> 30
}

/// FNV-1a with 64 bits: Fowler, Noll and Vo's offset basis and prime. Stable and short, not secret.
fn fnv1a_64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_matches_published_test_vectors() {
        assert_eq!(fnv1a_64(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a_64(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a_64(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn memory_is_rounded_to_whole_gib() {
        assert_eq!(whole_gib(16 << 30), 16);
        assert_eq!(whole_gib((16 << 30) - 300_000_000), 16);
        assert_eq!(whole_gib(u64::MAX), u64::MAX >> 30);
    }

    /// Records of machines without a GPU are older than the GPU survey.
    #[test]
    fn machine_without_a_gpu_keeps_its_fingerprint() {
        let (cpu, cores) = (Fact::Value("Fast 9000".to_owned()), Fact::Value(8));
        let machine = FingerprintFacts {
            cpu: &cpu,
            physical_cores: &cores,
            logical_cpus: &cores,
            usable_cpus: &cores,
            memory_bytes: &Fact::Value(16 << 30),
            os: "linux",
            arch: "x86_64",
            gpus: "",
        };
        let line = b"cpu=Fast 9000;physical=8;logical=8;usable=8;gib=16;os=linux;arch=x86_64";
        assert_eq!(machine.fingerprint(), format!("{:016x}", fnv1a_64(line)));
    }

    #[test]
    fn fingerprint_depends_on_values_but_not_on_reasons() {
        let (cpu, other) = (Fact::Value("Fast 9000".to_owned()), Fact::Value("Slow 3".to_owned()));
        let (cores, fewer) = (Fact::Value(8), Fact::Value(4));
        let (memory, about, twice) = (Fact::Value(16 << 30), Fact::Value((16 << 30) - 99), Fact::Value(32 << 30));
        let base = FingerprintFacts {
            cpu: &cpu,
            physical_cores: &cores,
            logical_cpus: &cores,
            usable_cpus: &cores,
            memory_bytes: &memory,
            os: "linux",
            arch: "x86_64",
            gpus: "",
        };
        let name = base.fingerprint();
        assert_eq!(name.len(), 16);
        assert_eq!(name, base.fingerprint());
        assert_eq!(name, FingerprintFacts { memory_bytes: &about, ..base.clone() }.fingerprint());
        for changed in [
            FingerprintFacts { cpu: &other, ..base.clone() },
            FingerprintFacts { physical_cores: &fewer, ..base.clone() },
            FingerprintFacts { logical_cpus: &fewer, ..base.clone() },
            FingerprintFacts { usable_cpus: &fewer, ..base.clone() },
            FingerprintFacts { memory_bytes: &twice, ..base.clone() },
            FingerprintFacts { os: "windows", ..base.clone() },
            FingerprintFacts { arch: "aarch64", ..base.clone() },
            FingerprintFacts { gpus: "RTX 4050/6", ..base.clone() },
        ] {
            assert_ne!(name, changed.fingerprint(), "{changed:?}");
        }
        let reasons = [Fact::Unsupported, Fact::Failed("one wording".to_owned())];
        let names = reasons.each_ref().map(|cpu| FingerprintFacts { cpu, ..base.clone() }.fingerprint());
        assert_eq!(names[0], names[1]);
    }
}
