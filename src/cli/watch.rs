//! `workly-perf watch`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::values::parse_duration;

/// Watches the GPU live, with Workly's and Unity's processes, and says which GPU profile suits it now.
///
/// In a terminal it is a view that fills it; piped, it is a line every interval. What it saw is kept as a record. Without a GPU
/// that can be asked, it says so and watches the processes, the memory and the CPU.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools)] // Each is a flag of its own.
pub struct WatchArgs {
    /// Time between two looks.
    #[arg(long, default_value = "1s", value_name = "DURATION", value_parser = parse_duration)]
    pub interval: Duration,
    /// End after this long. Default: when you press q or Ctrl-C. With --saturate: how long the memory is held; 20s.
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    pub duration: Option<Duration>,
    /// The GPU whose state is told, by its number; `0.1` is a part of a split one. Default: the one with the most memory.
    #[arg(long, value_name = "GPU")]
    pub gpu: Option<GpuChoice>,
    /// Another process to watch, by its number or name. May be repeated.
    #[arg(long, value_name = "PID|NAME")]
    pub process: Vec<String>,
    /// When a card counts as overloaded, stressed or optimal: `steady`, `documented`, or a file of your own.
    #[arg(long, default_value = "steady", value_name = "RULES")]
    pub rules: String,
    /// Write every look to this file too, as CSV. It must not exist.
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Look once, print, and leave no record.
    #[arg(long, conflicts_with_all = ["duration", "csv", "apply", "saturate", "out"])]
    pub once: bool,
    /// How --once prints.
    #[arg(long, value_enum, default_value_t = LookFormat::Table, requires = "once")]
    pub format: LookFormat,
    /// Lines in place of the view, in a terminal too.
    #[arg(long)]
    pub plain: bool,
    /// Without a GPU that can be asked: end with exit code 3.
    #[arg(long)]
    pub require_gpu: bool,
    /// Write the profile that suits each new state into Workly's configuration. The version before is kept; `workly-perf apply
    /// --undo` brings it back.
    #[arg(long)]
    pub apply: bool,
    /// Workly's configuration, for --apply. Default: data/config.json.
    #[arg(long, value_name = "FILE", requires = "apply")]
    pub config: Option<PathBuf>,
    /// Fill the card up to this share, hold it, and free it: shows what Workly would do. The memory is really taken.
    #[arg(long, value_name = "PERCENT", value_parser = parse_share)]
    pub saturate: Option<f64>,
    /// What --saturate fills, by ggml's name: `Vulkan0`, `CUDA0`; `CPU` tries it on a piece of the machine's own memory.
    /// Default: the first GPU.
    #[arg(long, value_name = "DEVICE", requires = "saturate")]
    pub device: Option<String>,
    /// For --device CPU: how large the card is that the piece of memory stands in for, at most half of what is free.
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = parse_memory)]
    pub card: u64,
    /// Folder of the record; must be new or empty. Default: `results/local/<time>-watch`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// How `--once` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LookFormat {
    /// For eyes.
    Table,
    /// Everything that was read, and why the rest was not.
    Json,
}

/// A GPU by its number, or a part of a split one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GpuChoice {
    /// Its place in the driver's list.
    pub index: u32,
    /// Its place among the parts.
    pub part: Option<u32>,
}

impl std::str::FromStr for GpuChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (index, part) = text.split_once('.').map_or((text, None), |(index, part)| (index, Some(part)));
        let fault = |_| format!("'{text}' is no GPU such as 0, or 0.1 for a part of a split one");
        Ok(Self { index: index.parse().map_err(fault)?, part: part.map(str::parse).transpose().map_err(fault)? })
    }
}

/// The most of a card that may be taken, in percent: some must be left for what draws the screen.
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
    let fault = || format!("'{text}' is not a size such as 512MiB or 1GiB");
    let (number, unit) = [("GiB", 1_u64 << 30), ("MiB", 1 << 20)]
        .into_iter()
        .find_map(|(unit, bytes)| Some((text.trim().strip_suffix(unit)?, bytes)))
        .ok_or_else(fault)?;
    let number: f64 = number.trim().parse().map_err(|_| fault())?;
    if !(0.01..=1024.0 * 1024.0).contains(&number) {
        return Err(fault());
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Positive, and far below 2^63.
    Ok((number * unit as f64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpus_have_numbers_and_parts() {
        assert_eq!("1".parse(), Ok(GpuChoice { index: 1, part: None }));
        assert_eq!("0.2".parse(), Ok(GpuChoice { index: 0, part: Some(2) }));
        for text in ["", "a", "0.", "0.1.2", "-1"] {
            assert!(text.parse::<GpuChoice>().is_err(), "{text}");
        }
    }

    #[test]
    fn shares_leave_something_and_sizes_have_units() {
        assert_eq!((parse_share("90%"), parse_share("12.5")), (Ok(90.0), Ok(12.5)));
        for text in ["0%", "99%", "100%", "most", "-5%", "NaN"] {
            assert!(parse_share(text).is_err(), "{text}");
        }
        assert_eq!((parse_memory("512MiB"), parse_memory("1.5GiB")), (Ok(512 << 20), Ok(3 << 29)));
        for text in ["1", "1GB", "-1GiB", "GiB", "0MiB", "NaNGiB"] {
            assert!(parse_memory(text).is_err(), "{text}");
        }
    }
}
