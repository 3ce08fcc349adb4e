//! Which vector units the CPU has, and whether this build of llama.cpp uses them.
//!
//! A build for the lowest common CPU runs everywhere, but several times too slowly. Nothing fails, so it must be
//! checked.

/// How to fix the flags of a local build.
const REMEDY: &str = "rebuild with --features dynamic-backends, or in the project's folder without RUSTFLAGS in the \
    environment (.cargo/config.toml sets target-cpu=native)";

/// A warning if this build of llama.cpp leaves vector units of this CPU unused. `system_info` is ggml's description of
/// itself.
#[must_use]
pub fn vector_warning(system_info: &str) -> Option<String> {
    warning_for(&unused_units(system_info, &cpu_units()))
}

/// Vector units of the CPU, by ggml's names, that are not in ggml's description of itself.
///
/// It is one line: `CPU : SSE3 = 1 | AVX2 = 1 | OPENMP = 1 | `, with such a part for each kind of device.
#[must_use]
pub fn unused_units(system_info: &str, cpu: &[&'static str]) -> Vec<&'static str> {
    let used = used_units(system_info);
    cpu.iter().filter(|unit| !used.contains(*unit)).copied().collect()
}

/// Units listed for the CPU with a value other than 0.
fn used_units(system_info: &str) -> Vec<&str> {
    let mut in_cpu = false;
    let mut used = Vec::new();
    for item in system_info.split('|') {
        let fact = match item.split_once(" : ") {
            Some((device, fact)) => {
                in_cpu = device.trim() == "CPU";
                fact
            }
            None => item,
        };
        if let Some((unit, value)) = fact.split_once('=')
            && in_cpu
            && value.trim() != "0"
        {
            used.push(unit.trim());
        }
    }
    used
}

fn warning_for(unused: &[&str]) -> Option<String> {
    let (last, others) = unused.split_last()?;
    let names = if others.is_empty() { (*last).to_owned() } else { format!("{} and {last}", others.join(", ")) };
    Some(format!(
        "this CPU has {names}, which this build of llama.cpp does not use: tokens per second are too low; {REMEDY}"
    ))
}

/// The vector units of this CPU that ggml supports, by ggml's names.
#[must_use]
#[cfg(target_arch = "x86_64")]
pub fn cpu_units() -> Vec<&'static str> {
    use std::is_x86_feature_detected as has;
    present(&[
        ("SSE3", has!("sse3")),
        ("SSSE3", has!("ssse3")),
        ("AVX", has!("avx")),
        ("AVX2", has!("avx2")),
        ("F16C", has!("f16c")),
        ("FMA", has!("fma")),
        ("BMI2", has!("bmi2")),
        ("AVX512", has!("avx512f")),
        ("AVX512_VBMI", has!("avx512vbmi")),
        ("AVX512_VNNI", has!("avx512vnni")),
        ("AVX512_BF16", has!("avx512bf16")),
    ])
}

/// The vector units of this CPU that ggml supports, by ggml's names.
#[must_use]
#[cfg(target_arch = "aarch64")]
pub fn cpu_units() -> Vec<&'static str> {
    use std::arch::is_aarch64_feature_detected as has;
    present(&[
        ("NEON", has!("neon")),
        ("DOTPROD", has!("dotprod")),
        ("FP16_VA", has!("fp16")),
        ("MATMUL_INT8", has!("i8mm")),
        ("SVE", has!("sve")),
    ])
}

/// Not known for other CPUs.
#[must_use]
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub fn cpu_units() -> Vec<&'static str> {
    Vec::new()
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn present(units: &[(&'static str, bool)]) -> Vec<&'static str> {
    units.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZEN4: [&str; 5] = ["AVX", "AVX2", "FMA", "AVX512", "AVX512_VNNI"];

    #[test]
    fn native_build_uses_all_units() {
        let info = "CPU : SSE3 = 1 | AVX = 1 | AVX2 = 1 | FMA = 1 | AVX512 = 1 | AVX512_VNNI = 1 | OPENMP = 1 | ";
        assert!(unused_units(info, &ZEN4).is_empty());
    }

    #[test]
    fn generic_build_leaves_units_unused() {
        let info = "CPU : SSE3 = 1 | SSSE3 = 1 | AVX = 1 | AVX2 = 1 | FMA = 1 | LLAMAFILE = 1 | OPENMP = 1 | ";
        assert_eq!(unused_units(info, &ZEN4), ["AVX512", "AVX512_VNNI"]);
        assert_eq!(unused_units("CPU : ", &ZEN4), ZEN4);
    }

    #[test]
    fn other_devices_do_not_count_for_the_cpu() {
        let info = "CUDA : ARCHS = 890 | AVX512 = 1 | CPU : AVX = 1 | AVX2 = 1 | FMA = 1 | Vulkan : AVX512_VNNI = 1 | ";
        assert_eq!(unused_units(info, &ZEN4), ["AVX512", "AVX512_VNNI"]);
    }

    #[test]
    fn unit_listed_as_0_is_unused() {
        assert_eq!(unused_units("CPU : AVX = 1 | AVX2 = 0 | FMA = 1", &["AVX", "AVX2"]), ["AVX2"]);
    }

    #[test]
    fn unit_names_match_exactly() {
        assert_eq!(unused_units("CPU : AVX512_VNNI = 1 | ", &["AVX", "AVX512"]), ["AVX", "AVX512"]);
    }

    #[test]
    fn warning_names_unused_units_and_the_fix() {
        assert_eq!(warning_for(&[]), None);
        let one = warning_for(&["AVX512"]).expect("a warning");
        assert!(one.starts_with("this CPU has AVX512, which this build of llama.cpp does not use: "), "{one}");
        assert!(one.contains("dynamic-backends"), "{one}");
        let three = warning_for(&["AVX2", "FMA", "AVX512"]).expect("a warning");
        assert!(three.starts_with("this CPU has AVX2, FMA and AVX512, which"), "{three}");
    }

    #[test]
    fn units_of_this_cpu_are_recognised() {
        let info = cpu_units().iter().fold("CPU : ".to_owned(), |info, unit| info + unit + " = 1 | ");
        assert_eq!(vector_warning(&info), None);
    }
}
