//! The manual pages under `docs/man/` are generated from the command line definition. Set `WORKLY_PERF_WRITE_PAGES=1`
//! to regenerate them.

use std::path::Path;

use clap::CommandFactory;
use workly_perf::cli::Cli;

#[test]
fn manual_pages_are_up_to_date() {
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    let mut pages = vec![("workly-perf".to_owned(), page(&program))];
    for command in program.get_subcommands().filter(|command| !command.is_hide_set()) {
        let name = format!("workly-perf-{}", command.get_name());
        pages.extend(command.get_subcommands().map(|inner| (format!("{name}-{}", inner.get_name()), page(inner))));
        pages.push((name, page(command)));
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/man");
    let write = std::env::var_os("WORKLY_PERF_WRITE_PAGES").is_some();
    for (name, text) in pages {
        let path = folder.join(format!("{name}.1"));
        if write {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
        assert!(kept == text, "docs/man/{name}.1 is out of date: run the tests once with WORKLY_PERF_WRITE_PAGES=1");
    }
}

fn page(command: &clap::Command) -> String {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page).unwrap();
    String::from_utf8(page).unwrap()
}
