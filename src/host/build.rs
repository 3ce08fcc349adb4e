//! How this binary was built, as recorded by the build script.

use crate::record::{Build, Fact};

/// Build facts, fixed at compile time.
#[must_use]
pub fn build() -> Build {
    Build {
        version: env!("CARGO_PKG_VERSION").into(),
        commit: commit(env!("WORKLY_PERF_COMMIT"), env!("WORKLY_PERF_COMMIT_PROBLEM")),
        target: env!("WORKLY_PERF_TARGET").into(),
        profile: env!("WORKLY_PERF_PROFILE").into(),
        rustc: env!("WORKLY_PERF_RUSTC").into(),
        features: features(env!("WORKLY_PERF_FEATURES")),
    }
}

/// The source revision. Both texts are empty if the sources were not a git checkout.
fn commit(revision: &str, problem: &str) -> Fact<String> {
    match (revision, problem) {
        ("", "") => Fact::Unsupported,
        ("", problem) => Fact::Failed(problem.into()),
        (revision, _) => Fact::Value(revision.into()),
    }
}

/// Names separated by commas; none in an empty text.
fn features(list: &str) -> Vec<String> {
    list.split(',').filter(|name| !name.is_empty()).map(Into::into).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn build_script_fills_in_all_facts() {
        let build = build();
        assert_eq!(build.version, env!("CARGO_PKG_VERSION"));
        assert!(build.target.contains('-'), "{}", build.target);
        assert!(["debug", "release", "quickstart"].contains(&build.profile.as_str()), "{}", build.profile);
        assert!(build.rustc.starts_with("rustc "), "{}", build.rustc);
    }

    #[test]
    fn missing_revision_states_its_reason() {
        assert_eq!(commit("0123abcd-dirty", ""), Fact::Value("0123abcd-dirty".into()));
        assert_eq!(commit("", ""), Fact::Unsupported);
        assert_eq!(commit("", "git is not installed"), Fact::Failed("git is not installed".into()));
    }

    #[test]
    fn features_are_split_at_commas() {
        assert!(features("").is_empty());
        assert_eq!(features("cuda,fast-json"), ["cuda", "fast-json"]);
    }
}
