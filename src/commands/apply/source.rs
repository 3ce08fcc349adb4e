//! Finds and reads the recommendation.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use jiff::Timestamp;
use serde::Deserialize;

use crate::advise::{RECOMMENDATION_SCHEMA, Recommendation};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::record::{RECOMMENDATION_FILE, SchemaVersion};
use crate::studies::LOCAL_RUNS;
use crate::term::Printer;

/// The part of a file that is read first.
#[derive(Deserialize)]
struct RecommendationHeader {
    schema: SchemaVersion,
}

/// When it was created: users may rename folders.
#[derive(Deserialize)]
struct CreationTime {
    created: Timestamp,
}

/// The given recommendation, or else the newest of the local runs.
pub(in super::super) fn read(named: Option<&Path>, printer: Printer) -> Result<Recommendation, Failure> {
    let file = match named {
        Some(path) if path.is_dir() => path.join(RECOMMENDATION_FILE),
        Some(path) => path.to_owned(),
        None => newest()?,
    };
    let unreadable = |error: anyhow::Error| {
        Failure::new(Exit::Unreadable, error).hint("give a run of workly-perf recommend, or its recommendation.json")
    };
    let text = fs::read(&file).with_context(|| format!("cannot read {}", file.display())).map_err(unreadable)?;
    let named = || format!("{} is not a recommendation", file.display());
    // The version is checked first, so that a newer major version is not a format error.
    let RecommendationHeader { schema } = serde_json::from_slice(&text).with_context(named).map_err(unreadable)?;
    if schema.major > RECOMMENDATION_SCHEMA.major {
        let error =
            anyhow!("{} has schema {schema}, but this version reads up to {RECOMMENDATION_SCHEMA}", file.display());
        return Err(Failure::new(Exit::Unreadable, error).hint("use the workly-perf that wrote it, or a later version"));
    }
    let recommendation: Recommendation = serde_json::from_slice(&text).with_context(named).map_err(unreadable)?;
    printer.note(&format!("recommendation: {} ({})", file.display(), recommendation.objective.word()));
    Ok(recommendation)
}

fn newest() -> Result<PathBuf, Failure> {
    let folders = fs::read_dir(LOCAL_RUNS).into_iter().flatten().flatten().map(|entry| entry.path());
    let files = folders.map(|folder| folder.join(RECOMMENDATION_FILE)).filter(|file| file.is_file());
    // An unreadable one is skipped: it can be given explicitly.
    let dated = files.filter_map(|file| {
        let CreationTime { created } = serde_json::from_slice(&fs::read(&file).ok()?).ok()?;
        Some((created, file))
    });
    dated.max().map(|(_, file)| file).ok_or_else(|| {
        Failure::new(Exit::Usage, anyhow!("no recommendation was given, and there is none in {LOCAL_RUNS}"))
            .hint("create one with workly-perf recommend")
    })
}
