//! One test for each past bug, named for what is right now. The changelog lists the bugs under *Fixed*; a new one gets its
//! test here, unless it belongs to a table of cases elsewhere.

mod bridge;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod building;
mod machine;
mod records;
