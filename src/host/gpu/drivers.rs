//! The GPU drivers of this machine, with their GPUs in one list.

use super::source::{GpuSource, Vendor};
use super::{GpuAddress, GpuError, GpuReading, VENDORS};
use crate::record::{Fact, Gpu, GpuSurvey};

/// The drivers that respond. GPUs of the first are numbered from 0; those of the next driver follow.
#[derive(Debug)]
pub struct GpuDrivers {
    /// Never empty.
    drivers: Vec<OpenDriver>,
}

#[derive(Debug)]
struct OpenDriver {
    vendor: &'static str,
    source: Box<dyn GpuSource>,
}

impl GpuDrivers {
    /// Loads the driver of every vendor.
    ///
    /// # Errors
    /// If none responds: the reason of the first installed one, or that there is none.
    pub fn open() -> Result<Self, GpuError> {
        Self::of(&VENDORS)
    }

    pub(super) fn of(vendors: &[&Vendor]) -> Result<Self, GpuError> {
        let mut drivers = Vec::new();
        let mut failure: Option<GpuError> = None;
        for vendor in vendors {
            match (vendor.open)() {
                Ok(source) => drivers.push(OpenDriver { vendor: vendor.name, source }),
                Err(error) if matches!(failure, None | Some(GpuError::NoDriver { .. })) => failure = Some(error),
                Err(_) => {}
            }
        }
        match failure {
            Some(failure) if drivers.is_empty() => Err(failure),
            _ => Ok(Self { drivers }),
        }
    }

    /// Vendors of these drivers: `NVIDIA`.
    #[must_use]
    pub fn vendors(&self) -> String {
        joined(self.drivers.iter().map(|driver| driver.vendor))
    }

    /// Drivers and GPUs. Versions come from the first driver that reports them.
    #[must_use]
    pub fn survey(&self) -> GpuSurvey {
        let mut joint: Option<GpuSurvey> = None;
        let mut first_index = 0;
        for driver in &self.drivers {
            let mut survey = driver.source.survey();
            for gpu in &mut survey.devices {
                gpu.index += first_index;
            }
            first_index += driver.source.count();
            joint = Some(match joint {
                None => survey,
                Some(before) => followed_by(before, survey),
            });
        }
        joint.unwrap_or_default()
    }

    /// Reads one GPU.
    ///
    /// # Errors
    /// If it is lost.
    pub fn read(&self, address: GpuAddress) -> Result<GpuReading, GpuError> {
        let mut own = address;
        let mut drivers = self.drivers.iter();
        let Some(mut driver) = drivers.next() else {
            return Err(GpuError::Lost { index: address.index, reason: "no driver responds".into() });
        };
        // The last driver is not asked for its count: its own error names the missing GPU.
        for next in drivers {
            let count = driver.source.count();
            if own.index < count {
                break;
            }
            own.index -= count;
            driver = next;
        }
        driver.source.read(own).map_err(|error| match error {
            GpuError::Lost { reason, .. } => GpuError::Lost { index: address.index, reason },
            other => other,
        })
    }
}

fn followed_by(first: GpuSurvey, next: GpuSurvey) -> GpuSurvey {
    let known = |first: Fact<String>, next: Fact<String>| match first {
        Fact::Value(_) => first,
        _ if next.value().is_some() => next,
        _ => first,
    };
    let devices: Vec<Gpu> = first.devices.into_iter().chain(next.devices).collect();
    GpuSurvey {
        library: known(first.library, next.library),
        driver: known(first.driver, next.driver),
        cuda: known(first.cuda, next.cuda),
        devices,
        others: first.others,
    }
}

/// Vendors whose drivers can be queried: `NVIDIA`.
#[must_use]
pub fn supported_vendors() -> String {
    joined(VENDORS.iter().map(|vendor| vendor.name))
}

/// Libraries that can be queried: `NVML`.
#[must_use]
pub fn supported_libraries() -> String {
    joined(VENDORS.iter().map(|vendor| vendor.library))
}

fn joined<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use super::super::planted::{ABSENT, BROKEN, FIRST, SECOND};
    use super::*;

    fn address(index: u32) -> GpuAddress {
        GpuAddress { index, mig: None }
    }

    #[test]
    fn gpus_of_two_vendors_form_one_list() {
        let drivers = GpuDrivers::of(&[&FIRST, &ABSENT, &SECOND]).unwrap();
        assert_eq!(drivers.vendors(), "First or Second");
        let survey = drivers.survey();
        let listed: Vec<(u32, String)> = survey.devices.iter().map(|gpu| (gpu.index, gpu.name.to_string())).collect();
        assert_eq!(listed, [(0, "First 0".into()), (1, "First 1".into()), (2, "Second 0".into())]);
        assert_eq!((survey.library, survey.cuda), (Fact::Value("1.0".into()), Fact::Value("12.5".into())));
        let total = |index| drivers.read(address(index)).unwrap().vram_total_bytes;
        assert_eq!([0, 1, 2].map(total), [Fact::Value(1 << 30), Fact::Value(2 << 30), Fact::Value(1 << 30)]);
        // The second vendor's own index is 7.
        let lost = GpuError::Lost { index: 9, reason: "there are 1".into() };
        assert_eq!(drivers.read(address(9)), Err(lost));
    }

    #[test]
    fn error_without_a_driver_is_the_most_informative_one() {
        let failure = |vendors: &[&Vendor]| GpuDrivers::of(vendors).unwrap_err().to_string();
        assert_eq!(failure(&[&ABSENT]), "no Absent driver is installed: its library ABS is missing");
        assert_eq!(failure(&[&ABSENT, &BROKEN]), "BRK does not respond: broken");
        assert_eq!(failure(&[&BROKEN, &ABSENT]), "BRK does not respond: broken");
        assert!(GpuDrivers::of(&[&BROKEN, &SECOND]).is_ok());
    }
}
