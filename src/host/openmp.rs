//! Pinning by the OpenMP runtime, whose threads llama.cpp uses.
//!
//! With GNU's runtime it concerns more than the model's threads: whichever thread loads the library is pinned too, in
//! Workly the one of the window. This program undoes that for itself: see `affinity`.

/// Variables that pin, the one that overrides the others first.
const BINDING: &str = "OMP_PROC_BIND";
const PLACES: [&str; 2] = ["OMP_PLACES", "GOMP_CPU_AFFINITY"];

/// The environment variable, as `NAME=value`, by which an OpenMP runtime pins threads to CPUs; `None` if none does.
#[must_use]
pub fn openmp_pinning() -> Option<String> {
    variable_that_pins(|name| std::env::var(name).ok())
}

/// The variable that pins: `OMP_PROC_BIND` decides alone unless it has no value.
fn variable_that_pins(value_of: impl Fn(&str) -> Option<String>) -> Option<String> {
    let set = |name: &str| value_of(name).filter(|value| !value.trim().is_empty());
    if let Some(value) = set(BINDING) {
        let first = value.split(',').next().unwrap_or_default().trim();
        return (!first.eq_ignore_ascii_case("false")).then(|| format!("{BINDING}={value}"));
    }
    PLACES.iter().find_map(|name| set(name).map(|value| format!("{name}={value}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pins(variables: &[(&str, &str)]) -> Option<String> {
        variable_that_pins(|name| {
            variables.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn openmp_variables_pin_as_in_gnu_runtime() {
        assert_eq!(pins(&[]), None);
        assert_eq!(pins(&[("OMP_PROC_BIND", "true")]).as_deref(), Some("OMP_PROC_BIND=true"));
        assert_eq!(pins(&[("OMP_PROC_BIND", "spread,close")]).as_deref(), Some("OMP_PROC_BIND=spread,close"));
        assert_eq!(pins(&[("OMP_PLACES", "cores")]).as_deref(), Some("OMP_PLACES=cores"));
        assert_eq!(pins(&[("GOMP_CPU_AFFINITY", "0-3")]).as_deref(), Some("GOMP_CPU_AFFINITY=0-3"));
        // "false" turns the other two off as well.
        assert_eq!(pins(&[("OMP_PROC_BIND", "FALSE"), ("OMP_PLACES", "cores")]), None);
        assert_eq!(pins(&[("OMP_PROC_BIND", ""), ("OMP_PLACES", "cores")]).as_deref(), Some("OMP_PLACES=cores"));
        assert_eq!(pins(&[("OMP_WAIT_POLICY", "passive")]), None);
    }
}
