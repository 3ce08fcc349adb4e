//! `workly-perf watch`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::format::{DEFAULT, fact_formats};
use super::memory_size::MemorySize;
use super::values::parse_duration;
use crate::report::Format;

/// Watch the GPU and the processes of Workly and Unity live.
///
/// Shows how full the GPU's memory is, warns when it is nearly full, and names the GPU profile that suits the current state.
/// In a terminal, shows a full-screen view; in a pipe, prints one line per interval. The readings are saved as a record. If no GPU
/// can be read, it says so and watches the processes, the memory and the CPU.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools)] // Independent flags.
pub struct WatchArgs {
    /// Time between readings.
    #[arg(long, default_value = "1s", value_name = "DURATION", value_parser = parse_duration)]
    pub interval: Duration,
    /// Stop after this time. Default: run until q or Ctrl-C. With --saturate: how long the memory is held; default 20s.
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    pub duration: Option<Duration>,
    /// Index of the GPU whose state is judged; `0.1` is an instance of a partitioned GPU. Default: the one with the most memory.
    #[arg(long, value_name = "GPU")]
    pub gpu: Option<GpuArg>,
    /// Another process to watch, by ID or name. May be repeated.
    #[arg(long, value_name = "PID|NAME")]
    pub process: Vec<String>,
    /// Rules that classify the GPU as overloaded, stressed or optimal: `steady`, `documented`, or a file.
    #[arg(long, default_value = "steady", value_name = "RULES")]
    pub rules: String,
    /// Also write every reading to this CSV file. It must not exist yet.
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Take one reading, print it, and save no record.
    #[arg(long, conflicts_with_all = ["duration", "csv", "apply", "saturate", "out"])]
    pub once: bool,
    /// Output format of --once.
    #[arg(long, value_parser = fact_formats("JSON with every reading, and the reason for each missing one"), default_value = DEFAULT, requires = "once")]
    pub format: Format,
    /// Print lines instead of the full-screen view, even in a terminal.
    #[arg(long)]
    pub plain: bool,
    /// Exit with code 3 if no GPU can be read.
    #[arg(long)]
    pub require_gpu: bool,
    /// Write the profile that suits each new state to Workly's configuration. The previous version is kept; `workly-perf apply
    /// --undo` restores it.
    #[arg(long)]
    pub apply: bool,
    /// Workly's configuration, for --apply. Default: data/config.json.
    #[arg(long, value_name = "FILE", requires = "apply")]
    pub config: Option<PathBuf>,
    /// Fill the GPU's memory to this percentage, hold it, then free it, to show what Workly would do. The memory is really
    /// allocated.
    #[arg(long, value_name = "PERCENT", value_parser = parse_share)]
    pub saturate: Option<f64>,
    /// Device for --saturate, by ggml's name, such as `Vulkan0` or `CUDA0`; `CPU` uses part of the main memory as a simulated
    /// GPU. Default: the first GPU.
    #[arg(long, value_name = "DEVICE", requires = "saturate")]
    pub device: Option<String>,
    /// For --device CPU: memory size of the simulated GPU, at most half of the free memory.
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = parse_memory)]
    pub card: u64,
    /// Folder for the record; must be new or empty. Default: `results/local/<time>-watch`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// A GPU by its number, or a part of a split one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GpuArg {
    /// Its index in the driver's list.
    pub index: u32,
    /// Its index among the parts.
    pub part: Option<u32>,
}

impl std::str::FromStr for GpuArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (index, part) = text.split_once('.').map_or((text, None), |(index, part)| (index, Some(part)));
        let fault = |_| format!("'{text}' is no GPU such as 0, or 0.1 for a part of a split one");
        Ok(Self { index: index.parse().map_err(fault)?, part: part.map(str::parse).transpose().map_err(fault)? })
    }
}

/// Maximum share of GPU memory that may be filled, in percent: the desktop needs the rest.
const MOST_PERCENT: f64 = 98.0;

/// A share such as `90%`, in percent.
fn parse_share(text: &str) -> Result<f64, String> {
    let number = text.trim().trim_end_matches('%').trim();
    let share: f64 = number.parse().map_err(|_| format!("'{text}' is not a share such as 90%"))?;
    if (1.0..=MOST_PERCENT).contains(&share) {
        Ok(share)
    } else {
        Err(format!("{text} is outside of 1% to {MOST_PERCENT}%: what draws the screen needs the rest"))
    }
}

/// A size such as `512MiB` or `1.5GiB`, in bytes.
fn parse_memory(text: &str) -> Result<u64, String> {
    let MemorySize { bytes } = text.parse()?;
    if bytes > 0 { Ok(bytes) } else { Err(format!("'{text}' is not a size such as 512MiB or 1GiB")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpu_choices_have_index_and_part() {
        assert_eq!("1".parse(), Ok(GpuArg { index: 1, part: None }));
        assert_eq!("0.2".parse(), Ok(GpuArg { index: 0, part: Some(2) }));
        for text in ["", "a", "0.", "0.1.2", "-1"] {
            assert!(text.parse::<GpuArg>().is_err(), "{text}");
        }
    }

    #[test]
    fn shares_leave_a_rest_and_sizes_need_units() {
        assert_eq!((parse_share("90%"), parse_share("12.5")), (Ok(90.0), Ok(12.5)));
        for text in ["0%", "99%", "100%", "most", "-5%", "NaN"] {
            assert!(parse_share(text).is_err(), "{text}");
        }
        assert_eq!((parse_memory("512MiB"), parse_memory("1.5GiB")), (Ok(512 << 20), Ok(3 << 29)));
        for text in ["1", "-1GiB", "GiB", "0MiB", "NaNGiB"] {
            assert!(parse_memory(text).is_err(), "{text}");
        }
    }
}
