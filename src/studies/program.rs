//! How this program was built, and which backends of llama.cpp it uses here.

use crate::host;

/// A text with a fact a line. Backends that cannot be used are part of it: it is how to find out why.
pub(crate) fn about_this_program() -> String {
    let build = host::build();
    let mut lines = vec![
        format!("workly-perf {}", build.version),
        format!("commit: {}", build.commit),
        format!("target: {}", build.target),
        format!("profile: {}", build.profile),
        format!("compiler: {}", build.rustc),
        format!("features: {}", if build.features.is_empty() { "none".into() } else { build.features.join(", ") }),
    ];
    lines.extend(engine());
    lines.push(String::new());
    lines.join("\n")
}

/// The version of ggml, and the backends.
#[cfg(feature = "llama")]
fn engine() -> Vec<String> {
    use crate::llm::engine::Backend;
    let backend = match Backend::start() {
        Ok(backend) => backend,
        Err(error) => return vec![format!("llama.cpp: {error}")],
    };
    let (ggml, _) = backend.versions();
    let mut lines = vec![format!("ggml: {ggml}")];
    if backend.files().is_empty() {
        lines.push("backends: part of the program".into());
    } else {
        lines.push("backends beside the program:".into());
        lines.extend(backend.files().iter().map(|file| format!("  {file}")));
    }
    lines.extend(
        backend.devices().into_iter().map(|device| format!("device: {} ({})", device.name, device.description)),
    );
    lines
}

/// A build without llama.cpp has no backends.
#[cfg(not(feature = "llama"))]
fn engine() -> Vec<String> {
    vec!["llama.cpp: not part of this build".into()]
}
