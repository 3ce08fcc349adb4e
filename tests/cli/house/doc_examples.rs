//! The documentation's examples: every command line in a fenced block of the pages runs in a folder like Workly's, and
//! what a page shows has the shape of what the program prints. `CONTRIBUTING.md` describes the marks of examples that cannot
//! run as shown.

mod blocks;
mod folder;
mod options;
mod page;
mod shape;
mod shell;
mod small;

use std::path::{Path, PathBuf};

use page::faults;

/// One test for each page with examples.
macro_rules! pages {
    ($($test:ident: $page:literal,)*) => {
        /// The pages that are tested.
        const TESTED: &[&str] = &[$($page),*];

        $(#[test]
        fn $test() {
            check($page);
        })*
    };
}

pages! {
    readme: "README.md",
    contributing: "CONTRIBUTING.md",
    benchmark_results: "docs/BENCHMARK_RESULTS.md",
    bridge: "docs/BRIDGE.md",
    ci: "docs/CI.md",
    cpu_optimization: "docs/CPU_OPTIMIZATION.md",
    gpu_tuning: "docs/GPU_TUNING.md",
    install: "docs/INSTALL.md",
    ipc_optimization: "docs/IPC_OPTIMIZATION.md",
    launch: "docs/LAUNCH.md",
    llm_cache_optimization: "docs/LLM_CACHE_OPTIMIZATION.md",
    memory_profiling: "docs/MEMORY_PROFILING.md",
    models: "docs/MODELS.md",
    performance_guide: "docs/PERFORMANCE_GUIDE.md",
    recommend: "docs/RECOMMEND.md",
    tap: "docs/TAP.md",
    unity_bridge_readme: "scripts/unity/README.md",
    french_readme: "docs/fr/README.md",
    french_guide: "docs/fr/GUIDE_DE_PERFORMANCE.md",
    pages_without_commands_1: "docs/ARCHITECTURE.md",
    pages_without_commands_2: "docs/FORMATS.md",
}

fn check(page: &str) {
    let faults = faults(page, &read(&root().join(page)));
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The Markdown pages of the documentation.
fn pages() -> Vec<PathBuf> {
    let folders = ["", "docs", "docs/fr"].map(|folder| root().join(folder));
    let entries = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|end| end == "md")).collect()
}

#[test]
fn every_page_with_a_block_is_tested() {
    for path in pages() {
        let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        let tested = TESTED.contains(&name.as_str());
        assert!(tested || !read(&path).contains("```"), "{name} has examples and no test in {}", file!());
    }
}

#[test]
fn pages_without_blocks_name_options_that_exist() {
    for path in pages().iter().filter(|path| !read(path).contains("```")) {
        let faults = faults(&path.to_string_lossy(), &read(path));
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
}

#[test]
fn french_figures_come_from_the_english_pages() {
    let english: String =
        pages().iter().filter(|path| path.parent() != Some(&root().join("docs/fr"))).map(|path| read(path)).collect();
    for page in ["docs/fr/README.md", "docs/fr/GUIDE_DE_PERFORMANCE.md"] {
        let text = read(&root().join(page));
        let is_part = |character: char| character.is_ascii_digit() || character == ',';
        let decimal = |word: &&str| word.split(',').count() == 2 && word.split(',').all(|part| !part.is_empty());
        let figures: Vec<&str> = text.split(|character| !is_part(character)).filter(decimal).collect();
        for figure in &figures {
            let figure = figure.replace(',', ".");
            assert!(english.contains(&figure), "{page}: no English page has {figure}");
        }
        assert!(page.ends_with("README.md") || figures.len() > 20, "{page}: {figures:?}");
    }
}

#[test]
fn faulty_examples_are_found() {
    for (page, fault) in [
        ("Use `ipc --wings`.", "ipc has no option --wings"),
        ("```sh\nworkly-perf ipc --wings\n```", "--wings"),
        ("<!-- examples: not run: it takes long -->\n```sh\nworkly-perf ipc --wings\n```", "--wings"),
        ("```yaml\n- run: workly-perf ipc --wings\n```", "--wings"),
        ("```sh\ncurl example.org\n```", "curl cannot run here"),
        (
            "<!-- examples: not run: needs Python -->\n```sh\nscripts/no-such-script\n```",
            "there is no scripts/no-such-script",
        ),
        ("```sh\nworkly-perf report nowhere\n```", "exit code 5, expected [0]"),
        ("<!-- examples: exit 5 -->\n```sh\nworkly-perf model shapes\n```", "exit code 0, expected [5]"),
        ("<!-- examples: exit 5 `workly-perf doctor` -->\n```sh\nworkly-perf model shapes\n```", "does not show"),
        (
            "<!-- examples: run `workly-perf model shapes` for `workly-perf model shapes --format json` -->\n\
             ```sh\nworkly-perf model shapes --format json\n```",
            "lacks options",
        ),
        ("<!-- examples: skip -->\n```sh\nworkly-perf model shapes\n```", "no mark"),
        ("```text\nshape weights\n```", "output without a mark"),
        (
            "<!-- examples: output of `workly-perf model shapes` -->\n```text\nform  weights\n[…]\n```",
            "not printed like this",
        ),
    ] {
        let faults = faults("page.md", page);
        assert!(faults.len() == 1 && faults[0].contains(fault), "{page}: {faults:#?}");
    }
    let good = "<!-- examples: exit 5 -->\n```sh\nworkly-perf report nowhere\n```\n\n\
                <!-- examples: output of `workly-perf model shapes` -->\n```text\n[…]\ntiny  1\n[…]\n```";
    assert_eq!(faults("page.md", good), Vec::<String>::new());
}
