//! Records how the binary is built, for the records of its runs: target, profile, compiler, features, revision. Also
//! compiles the C++ code that queries llama.cpp for the memory of a placement and for the version of its backend interface.
//!
//! Only that C++ code can fail the build: unknown build facts are left empty, with the reason next to them.

use std::env;
use std::path::Path;
use std::process::Command;

/// Inputs of the binary: only a change in these makes its revision dirty.
const INPUTS: [&str; 5] = ["src", "profiles", "build.rs", "Cargo.toml", "Cargo.lock"];

/// Variables with which a calling git (a hook, an alias) would redirect to another checkout.
const GIT_VARIABLES: [&str; 3] = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"];

fn main() {
    for input in INPUTS {
        rerun_if_changed(Path::new(input));
    }
    let (revision, problem) = match commit() {
        Ok(revision) => (revision, ""),
        Err(problem) => (String::new(), problem),
    };
    let compiler = env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    set("TARGET", &env::var("TARGET").unwrap_or_default());
    set("PROFILE", &profile());
    set("RUSTC", &answer(Command::new(compiler).arg("--version")).unwrap_or_else(|| "rustc, version unknown".into()));
    set("FEATURES", &features().join(","));
    set("COMMIT", &revision);
    set("COMMIT_PROBLEM", problem);
    prepare_engine();
    #[cfg(feature = "llama")]
    compile_projection();
    #[cfg(feature = "llama")]
    link_for_mingw();
}

/// Compiles `src/llm/engine/projection` against the same sources from which llama.cpp was built.
#[cfg(feature = "llama")]
fn compile_projection() {
    let folder = Path::new("src/llm/engine/projection");
    let sources = llama_sources().unwrap_or_else(|| {
        panic!(
            "llama.cpp's sources were not found: llama-cpp-sys-2 names no folder of its build that has a CMakeCache.txt"
        )
    });
    let mut build = cc::Build::new();
    build.cpp(true).std("c++17").files([folder.join("shim.cpp"), folder.join("card.cpp")]);
    build.file("src/llm/engine/libraries/api.cpp");
    if env::var_os("CARGO_FEATURE_PORTABLE").is_some() {
        // llama-cpp-sys-2 links the C++ library statically; naming it again would add the shared one.
        build.cpp_link_stdlib(None);
    }
    // Warnings in headers of ggml and llama.cpp are not ours.
    build.warnings(false);
    for headers in ["include", "src", "ggml/include", "ggml/src"] {
        build.include(sources.join(headers));
    }
    build.compile("workly_projection");
}

/// Links ggml's archives with MinGW, where their names have no `lib` prefix, so that llama-cpp-sys-2 does not find
/// them. They depend on each other, and come after everything that uses them.
#[cfg(feature = "llama")]
fn link_for_mingw() {
    let is = |key: &str, value: &str| env::var(key).as_deref() == Ok(value);
    if !is("CARGO_CFG_TARGET_OS", "windows") || !is("CARGO_CFG_TARGET_ENV", "gnu") {
        return;
    }
    link_runtime_statically();
    let Some(built) = env::var_os("DEP_LLAMA_ROOT").map(std::path::PathBuf::from) else { return };
    let archives: Vec<_> = ["ggml", "ggml-cpu", "ggml-base"]
        .into_iter()
        .map(|name| built.join("lib").join(format!("{name}.a")))
        .filter(|archive| archive.exists())
        .collect();
    // With dynamic-backends there are DLLs instead, which llama-cpp-sys-2 finds.
    if archives.is_empty() {
        return;
    }
    println!("cargo:rustc-link-arg=-Wl,--start-group");
    for archive in archives {
        println!("cargo:rustc-link-arg={}", archive.display());
    }
    for library in ["gomp", "stdc++", "winpthread", "gcc_eh", "gcc", "mingwex", "msvcrt", "advapi32", "kernel32"] {
        println!("cargo:rustc-link-arg=-l{library}");
    }
    println!("cargo:rustc-link-arg=-Wl,--end-group");
}

/// Makes the linker find GCC's runtime libraries as archives only. As DLLs they would have thread-local variables of their
/// own (`std::call_once` then calls a null pointer), and would have to be shipped with the program.
#[cfg(feature = "llama")]
fn link_runtime_statically() {
    let Some(folder) = env::var_os("OUT_DIR").map(|out| Path::new(&out).join("runtime")) else { return };
    let compiler = cc::Build::new().cpp(true).get_compiler();
    std::fs::create_dir_all(&folder).expect("the build folder is writable");
    for name in ["libstdc++.a", "libgomp.a", "libwinpthread.a"] {
        let found = answer(compiler.to_command().arg(format!("-print-file-name={name}")));
        let archive = found.filter(|path| Path::new(path).is_absolute());
        let archive = archive.unwrap_or_else(|| panic!("the MinGW compiler has no {name}"));
        std::fs::copy(&archive, folder.join(name)).unwrap_or_else(|error| panic!("cannot copy {archive}: {error}"));
    }
    println!("cargo:rustc-link-search=native={}", folder.display());
}

/// The folder of llama.cpp's sources, as recorded by its build.
#[cfg(feature = "llama")]
fn llama_sources() -> Option<std::path::PathBuf> {
    llama_setting("CMAKE_HOME_DIRECTORY:INTERNAL").map(Into::into)
}

/// An entry of the cache of llama.cpp's `CMake` build.
#[cfg(feature = "llama")]
fn llama_setting(name: &str) -> Option<String> {
    let root = env::var_os("DEP_LLAMA_ROOT").map(std::path::PathBuf::from);
    // `lib/cmake` of the same folder.
    let cmake = env::var_os("DEP_LLAMA_GGML_CMAKE_DIR").map(std::path::PathBuf::from);
    let built = root.into_iter().chain(cmake.iter().filter_map(|folder| folder.ancestors().nth(2).map(Path::to_owned)));
    built.filter_map(|built| std::fs::read_to_string(built.join("build").join("CMakeCache.txt")).ok()).find_map(
        |cache| {
            let mut entries = cache.lines().filter_map(|line| line.split_once('='));
            entries.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
        },
    )
}

/// Makes sure that llama.cpp is found and fast. Its own build takes the CPU flags from the same place as this one.
fn prepare_engine() {
    let on = |feature: &str| env::var_os(format!("CARGO_FEATURE_{feature}")).is_some();
    if !on("LLAMA") {
        return;
    }
    if on("DYNAMIC_BACKENDS") {
        match env::var("CARGO_CFG_TARGET_OS").as_deref() {
            Ok("macos") => println!("cargo:rustc-link-arg=-Wl,-rpath,@loader_path"),
            Ok("windows") => {}
            _ => println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN"),
        }
        match place_libraries() {
            // The program of the archives accepts add-ons that were built later. Any other knows all of its backends.
            Ok(backends) if !on("PORTABLE") && !backends.is_empty() => set("BACKENDS", &backends.join(",")),
            Ok(_) => {}
            Err(error) => {
                println!("cargo:warning=the libraries of llama.cpp could not be put beside the program: {error}");
            }
        }
        #[cfg(feature = "llama")]
        if let Some(ggml) = llama_setting("WORKLY_PERF_GGML:INTERNAL") {
            set("GGML", &ggml);
        }
    } else if !env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default().contains("target-cpu=") {
        println!(
            "cargo:warning=llama.cpp is being built for the lowest common CPU, and will measure too few tokens per second: \
             RUSTFLAGS replaces .cargo/config.toml; add -C target-cpu=native to it, or use --features dynamic-backends"
        );
    }
}

/// Copies llama.cpp's libraries and CPU variants next to the program and its tests, where they are searched for:
/// together with the program, they are all that another machine needs. The names of the backends among them.
fn place_libraries() -> std::io::Result<Vec<String>> {
    let mut backends = Vec::new();
    let (Some(variants), Some(own)) = (env::var_os("DEP_LLAMA_BACKENDS_DIR"), env::var_os("OUT_DIR")) else {
        return Ok(backends);
    };
    let (variants, own) = (Path::new(&variants), Path::new(&own));
    // The program's folder is three levels above `build/NAME/out`.
    let (Some(built), Some(program)) = (variants.parent(), own.ancestors().nth(3)) else { return Ok(backends) };
    for folder in [variants.into(), built.join("lib"), built.join("bin")].iter().filter(|folder| folder.is_dir()) {
        for entry in std::fs::read_dir(folder)? {
            let library = entry?.path();
            let Some(name) = library.file_name() else { continue };
            let text = name.to_string_lossy();
            if ![".so", ".dylib", ".dll"].iter().any(|kind| text.contains(kind)) {
                continue;
            }
            if folder == variants {
                backends.push(text.into_owned());
            }
            for target in [program.join(name), program.join("deps").join(name)] {
                // A library in use must not be overwritten.
                if !is_copy_of(&target, &library)? {
                    std::fs::copy(&library, &target)?;
                }
            }
        }
    }
    backends.sort_unstable();
    Ok(backends)
}

/// Whether a file exists, as long as its source and not older.
fn is_copy_of(target: &Path, source: &Path) -> std::io::Result<bool> {
    let source = source.metadata()?;
    let Ok(target) = target.metadata() else { return Ok(false) };
    Ok(target.len() == source.len() && target.modified()? >= source.modified()?)
}

/// The Cargo profile, from the folder of this build. Cargo itself only tells which of its own profiles that one inherits.
fn profile() -> String {
    let own = env::var_os("OUT_DIR").unwrap_or_default();
    let folder = Path::new(&own).ancestors().nth(3).and_then(Path::file_name).and_then(|name| name.to_str());
    folder.map_or_else(|| env::var("PROFILE").unwrap_or_default(), Into::into)
}

/// Passes a value to the crate as `WORKLY_PERF_{name}`.
fn set(name: &str, value: &str) {
    println!("cargo:rustc-env=WORKLY_PERF_{name}={value}");
}

/// Makes cargo rerun this script when a file changes. A missing file would cause a rerun every time.
fn rerun_if_changed(path: &Path) {
    if path.exists() {
        println!("cargo:rerun-if-changed={}", path.display());
    }
}

/// Enabled Cargo features, by cargo's names for build scripts, sorted.
fn features() -> Vec<String> {
    let mut names: Vec<String> = env::vars()
        .filter_map(|(key, _)| key.strip_prefix("CARGO_FEATURE_").map(|name| name.to_lowercase().replace('_', "-")))
        .filter(|name| name != "default")
        .collect();
    names.sort_unstable();
    names
}

/// The source revision, with `-dirty` appended if inputs differ from it; empty if the sources are not a checkout.
fn commit() -> Result<String, &'static str> {
    // Not git's own search: sources unpacked inside another checkout do not have that checkout's revision.
    if !Path::new(".git").exists() {
        return Ok(String::new());
    }
    watch_head();
    if Command::new("git").arg("--version").output().is_err() {
        return Err("git is not installed");
    }
    let revision = git(&["rev-parse", "--short=12", "HEAD"]).ok_or("git names no commit for this checkout")?;
    let mut status = vec!["status", "--porcelain", "--"];
    status.extend(INPUTS);
    let changes = git(&status).ok_or("git does not tell whether files differ from the commit")?;
    Ok(if changes.is_empty() { revision } else { format!("{revision}-dirty") })
}

/// Makes cargo notice commits and changes of branch: `HEAD`, and the branch's file. Git sometimes packs such files; the
/// nearest existing folder then changes with the next commit.
fn watch_head() {
    let branch = git(&["symbolic-ref", "-q", "HEAD"]);
    for name in ["HEAD"].into_iter().chain(branch.as_deref()) {
        let Some(path) = git(&["rev-parse", "--git-path", name]) else { continue };
        if let Some(there) = Path::new(&path).ancestors().find(|path| path.exists()) {
            rerun_if_changed(there);
        }
    }
}

/// The output of git about this checkout; `None` on failure.
fn git(arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    for variable in GIT_VARIABLES {
        command.env_remove(variable);
    }
    // Reading must not rewrite the index, since another git may be running.
    answer(command.arg("--no-optional-locks").args(arguments))
}

/// The trimmed output of a command; `None` if it fails.
fn answer(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
