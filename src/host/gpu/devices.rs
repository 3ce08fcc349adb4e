//! All GPUs of the drivers, and the total memory of one process on them.

use super::{GpuAddress, GpuDrivers, GpuError, GpuReading};
use crate::record::Fact;

/// The GPUs that the drivers report, each as a whole: the parts of a split one repeat the figures of the whole.
#[derive(Debug)]
pub struct GpuDevices {
    drivers: GpuDrivers,
    addresses: Vec<GpuAddress>,
}

impl GpuDevices {
    /// Finds them.
    ///
    /// # Errors
    /// If no driver responds, or if none reports a GPU.
    pub fn open() -> Result<Self, GpuError> {
        let drivers = GpuDrivers::open()?;
        let addresses: Vec<GpuAddress> =
            drivers.survey().devices.iter().map(GpuAddress::from).filter(|gpu| gpu.mig.is_none()).collect();
        if addresses.is_empty() {
            return Err(GpuError::NoGpu { vendors: drivers.vendors() });
        }
        Ok(Self { drivers, addresses })
    }

    /// Whose drivers report them: `NVIDIA`.
    #[must_use]
    pub fn vendors(&self) -> String {
        self.drivers.vendors()
    }

    /// Reads each of them.
    #[must_use]
    pub fn read(&self) -> Vec<Result<GpuReading, GpuError>> {
        self.addresses.iter().map(|&address| self.drivers.read(address)).collect()
    }
}

/// The memory of a process on several GPUs together, in bytes; `None` if it uses none of them.
#[must_use]
pub fn vram_of<'a>(readings: impl IntoIterator<Item = &'a GpuReading>, pid: u32) -> Fact<Option<u64>> {
    let mut sum: Fact<Option<u64>> = Fact::Unsupported;
    for reading in readings {
        match (&mut sum, reading.vram_of(pid)) {
            (Fact::Value(sum), Fact::Value(more)) => {
                *sum = match (*sum, more) {
                    (Some(sum), Some(more)) => Some(sum + more),
                    (one, other) => one.or(other),
                }
            }
            // A GPU without a figure only makes the sum unknown if no other has one.
            (Fact::Value(_), _) => {}
            (_, told) => sum = told,
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::super::ProcessVram;
    use super::*;

    fn reading(processes: Fact<Vec<(u32, Fact<u64>)>>) -> GpuReading {
        let listed = |list: Vec<(u32, Fact<u64>)>| {
            list.into_iter().map(|(pid, vram_bytes)| ProcessVram { pid, vram_bytes }).collect()
        };
        let processes = match processes {
            Fact::Value(list) => Fact::Value(listed(list)),
            Fact::Unsupported => Fact::Unsupported,
            Fact::Failed(reason) => Fact::Failed(reason),
            Fact::NotMeasured => Fact::NotMeasured,
        };
        GpuReading { processes, ..GpuReading::of_memory(8 << 30, 1 << 30) }
    }

    #[test]
    fn process_memory_is_summed_and_missing_values_are_not_0() {
        let here = |bytes| reading(Fact::Value(vec![(7, Fact::Value(bytes)), (8, Fact::Unsupported)]));
        let silent = reading(Fact::Unsupported);
        let elsewhere = reading(Fact::Value(vec![(9, Fact::Value(1))]));
        assert_eq!(vram_of([&here(5), &elsewhere, &here(6), &silent], 7), Fact::Value(Some(11)));
        assert_eq!(vram_of([&elsewhere, &here(6)], 7), Fact::Value(Some(6)));
        assert_eq!(vram_of([&elsewhere], 7), Fact::Value(None));
        assert_eq!(vram_of([&here(5)], 8), Fact::Unsupported);
        assert_eq!(vram_of([&silent], 7), Fact::Unsupported);
        assert_eq!(vram_of([], 7), Fact::Unsupported);
    }
}
