//! Records, reports and their files, as others read them.

#[cfg(target_os = "linux")]
mod foreign_names;
mod golden;
mod hlog_python;
mod open_formats;
mod pictures;
mod reference_distributions;
