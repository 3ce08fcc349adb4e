//! The `workly-perf` program: everything is in the library.

fn main() -> std::process::ExitCode {
    workly_perf::run()
}
