//! Where llama.cpp put the weights in the machine's memory, from its log, buffer by buffer.

/// Weights in the machine's memory, summed over the log lines about buffers.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::struct_field_names)] // The names include the unit.
pub struct HostWeights {
    /// Those that stay file-backed. Repacked weights of a mapped file are counted here too.
    pub mapped_bytes: u64,
    /// Those in process memory: read, or repacked for the CPU.
    pub own_bytes: u64,
    /// Of these, weights repacked for the CPU.
    pub repacked_bytes: u64,
}

impl HostWeights {
    /// From the lines that llama.cpp wrote while it loaded a model; `devices` are the names of all but the CPU.
    pub(super) fn said<'l>(lines: impl Iterator<Item = &'l str>, devices: &[String]) -> Self {
        let mut host = Self::default();
        for (buffer, bytes) in lines.filter_map(weights_buffer) {
            // Names of a device's own buffers start with its name; those of its buffers in the machine's memory end in
            // `_Host`.
            let is_device =
                devices.iter().any(|device| buffer.starts_with(device.as_str())) && !buffer.ends_with("_Host");
            if is_device {
                continue;
            }
            if buffer.ends_with("_Mapped") {
                host.mapped_bytes += bytes;
                continue;
            }
            host.own_bytes += bytes;
            // The CPU's plain memory and pinned memory for a device hold weights as they are in the file.
            if buffer != "CPU" && !buffer.ends_with("_Host") {
                host.repacked_bytes += bytes;
            }
        }
        host
    }
}

/// Buffer and bytes of `load_tensors:   CPU_Mapped model buffer size =   135.94 MiB`.
fn weights_buffer(line: &str) -> Option<(&str, u64)> {
    let (before, after) = line.split_once(" model buffer size =")?;
    let (function, buffer) = before.rsplit_once(':')?;
    let mib: f64 = after.trim().strip_suffix("MiB")?.trim().parse().ok()?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A size of memory.
    let bytes = (mib * 1024.0 * 1024.0) as u64;
    function.contains("load_tensors").then(|| (buffer.trim(), bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn host(lines: &[&str], devices: &[&str]) -> HostWeights {
        let devices: Vec<String> = devices.iter().map(ToString::to_string).collect();
        HostWeights::said(lines.iter().copied(), &devices)
    }

    #[test]
    fn repacked_weights_are_process_memory_besides_the_mapped_file() {
        let lines = [
            "load_tensors:   CPU_Mapped model buffer size =    86.00 MiB",
            "load_tensors:   CPU_REPACK model buffer size =    88.50 MiB",
            "llama_kv_cache:        CPU KV buffer size =   144.00 MiB",
        ];
        let expected =
            HostWeights { mapped_bytes: 86 * MIB, own_bytes: 88 * MIB + MIB / 2, repacked_bytes: 88 * MIB + MIB / 2 };
        assert_eq!(host(&lines, &[]), expected);
    }

    #[test]
    fn read_weights_are_process_memory_and_not_repacked() {
        let lines = [
            "load_tensors:          CPU model buffer size =    10.00 MiB",
            "load_tensors:   CPU_REPACK model buffer size =    90.00 MiB",
        ];
        assert_eq!(host(&lines, &[]), HostWeights { mapped_bytes: 0, own_bytes: 100 * MIB, repacked_bytes: 90 * MIB });
    }

    #[test]
    fn device_buffers_are_not_machine_memory() {
        let lines = [
            "load_tensors:        CUDA0 model buffer size =  4000.00 MiB",
            "load_tensors:    CUDA_Host model buffer size =    70.00 MiB",
            "load_tensors:  MTL0_Mapped model buffer size =  3000.00 MiB",
            "load_tensors:   CPU_Mapped model buffer size =    20.00 MiB",
        ];
        let expected = HostWeights { mapped_bytes: 20 * MIB, own_bytes: 70 * MIB, repacked_bytes: 0 };
        assert_eq!(host(&lines, &["CUDA0", "MTL0"]), expected);
    }
}
