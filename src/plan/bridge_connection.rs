//! The bridge of a command: which one, its dialect, timeouts. Part of the record.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::shared::{DEFAULT_CONFIG, as_ms, as_text, maybe_shown, read_config};
use crate::bridge::{Ack, DEFAULT_PORT, DetectedDialect, Dialect, DialectError, ListeningSide, Message, Probe, Target};
use crate::cli::BridgeConnectionArgs;
use crate::config::{ConfigError, WorklyConfig};
use crate::record::RecordError;

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The configuration is unusable.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Two different dialects were given for the embedded bridge.
    #[error("--dialect {asked} contradicts the embedded bridge's dialect={embedded}")]
    Dialects {
        /// The dialect of `--dialect`.
        asked: String,
        /// The dialect of the bridge's specification.
        embedded: String,
    },
    /// The dialect lacks what the study needs.
    #[error("dialect {dialect} has no {what}")]
    Lacking {
        /// The dialect's name.
        dialect: String,
        /// What is missing.
        what: &'static str,
    },
    /// Unknown dialect.
    #[error(transparent)]
    UnknownDialect(#[from] DialectError),
    /// The session to replay cannot be read.
    #[error(transparent)]
    Session(#[from] RecordError),
    /// The session to replay contains nothing that can be timed.
    #[error("{} contains no message of the application that can be sent and is answered", path.display())]
    NothingToReplay {
        /// The session.
        path: PathBuf,
    },
}

/// Origin of the dialect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum DialectOrigin {
    /// `--dialect`.
    #[serde(rename = "--dialect")]
    Flag,
    /// The specification of the embedded bridge.
    #[serde(rename = "embedded bridge")]
    Embedded,
    /// The default.
    #[serde(rename = "default")]
    Default,
    /// To be detected: `--dialect auto`.
    #[serde(rename = "auto")]
    Auto,
    /// Detected, with the evidence.
    #[serde(untagged)]
    Found(String),
}

/// Origin of the bridge's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum AddressOrigin {
    /// `--bridge`.
    #[serde(rename = "--bridge")]
    Flag,
    /// `--listen`, or a dialect in which Unity connects.
    #[serde(rename = "--listen")]
    Listen,
    /// The default: the address that the application uses.
    #[serde(rename = "default")]
    Default,
}

/// Which bridge, and how to communicate with it.
#[derive(Debug, Clone, Serialize)]
pub struct BridgeConnection {
    /// The bridge.
    #[serde(serialize_with = "as_text")]
    pub target: Target,
    /// Origin of the address.
    pub found_by: AddressOrigin,
    /// The configuration that was read, if any.
    #[serde(serialize_with = "maybe_shown")]
    pub config: Option<PathBuf>,
    /// The dialect.
    #[serde(serialize_with = "as_name")]
    pub dialect: &'static Dialect,
    /// Origin of the dialect.
    pub dialect_by: DialectOrigin,
    /// Timeout of each wait, in milliseconds in the record.
    #[serde(rename = "timeout_ms", serialize_with = "as_ms")]
    pub timeout: Duration,
    /// Whether the avatar blinks, from `avatar.auto_blink.enabled`; `None` if no configuration has it. The bridge
    /// cannot be queried.
    pub blink: Option<bool>,
    /// Whether a bridge on another machine is allowed.
    pub allow_remote: bool,
    /// Warning that the configuration names another address than the application uses; also part of `warnings`.
    #[serde(skip)]
    pub elsewhere: Option<String>,
    /// Warnings about how the bridge was found.
    #[serde(skip)]
    pub warnings: Vec<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // Signature required by serde.
fn as_name<S: Serializer>(dialect: &&'static Dialect, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&dialect.name)
}

impl BridgeConnection {
    /// Resolves the arguments; also returns the configuration that was read (empty if none).
    pub fn resolve(args: &BridgeConnectionArgs) -> Result<(Self, WorklyConfig), PlanError> {
        // An embedded bridge needs no configuration, so a faulty one only matters if it was named.
        let (config_path, config) = match (&args.config, &args.bridge) {
            (None, Some(Target::Embedded(_))) => (None, WorklyConfig::default()),
            (given, _) => read_config(given.as_deref())?,
        };
        let asked = args.dialect.as_deref().filter(|name| *name != AUTO).map(named).transpose()?;
        let unity_connects = asked.is_some_and(|dialect| dialect.listens == ListeningSide::Client);
        let (target, found_by) = match (&args.bridge, args.listen) {
            (Some(target), _) => (target.clone(), AddressOrigin::Flag),
            (None, Some(address)) => (Target::Listen(address), AddressOrigin::Listen),
            (None, None) if unity_connects => {
                (Target::Listen((Ipv4Addr::LOCALHOST, DEFAULT_PORT).into()), AddressOrigin::Listen)
            }
            (None, None) => (application_bridge(), AddressOrigin::Default),
        };
        let (dialect, dialect_by) = match args.dialect.as_deref() {
            Some(AUTO) => (Dialect::stock(), DialectOrigin::Auto),
            _ => dialect_of(asked, &target)?,
        };
        let elsewhere = config.unity.as_deref().filter(|_| found_by == AddressOrigin::Default).and_then(elsewhere);
        let warnings = elsewhere.iter().cloned().collect();
        let bridge_connection = Self {
            target,
            found_by,
            config: config_path,
            dialect,
            dialect_by,
            timeout: args.timeout,
            blink: config.auto_blink,
            allow_remote: args.allow_remote,
            elsewhere,
            warnings,
        };
        Ok((bridge_connection, config))
    }

    /// Warning for a user's avatar if it is unknown whether it blinks. Depends on the dialect, so call it once that is
    /// certain, and only if blinking is switched.
    #[must_use]
    pub fn blink_warning(&self) -> Option<String> {
        let is_unknown = self.blink.is_none() && !matches!(self.target, Target::Embedded(_));
        let path = || self.config.as_deref().map_or(DEFAULT_CONFIG.into(), |path| path.display().to_string());
        is_unknown.then(|| unknown_blink(self.dialect, &path()))?
    }

    /// Switches to the detected dialect.
    pub fn switch_dialect(&mut self, found: DetectedDialect) {
        self.dialect = found.dialect;
        self.dialect_by = DialectOrigin::Found(found.how);
    }

    /// The message of a case: harmless, padded to its size.
    ///
    /// # Panics
    /// If the dialect has no probe, which validation excludes.
    #[must_use]
    pub fn message(&self, ack: Ack, size_bytes: usize) -> Message {
        let probe = self.dialect.probe(ack).or(self.dialect.probe(Ack::Received)).or(self.dialect.probe(Ack::Applied));
        Message::of(self.dialect, probe.expect("every dialect has a probe"), self.blink, size_bytes)
    }

    /// The messages that restore the avatar, each with its command. Since the original state may be unknown, nothing is
    /// switched on or off unless the configuration states it.
    pub fn restoring(&self) -> impl Iterator<Item = (&str, Message)> {
        let message = |probe| Message::of(self.dialect, probe, self.blink, 0);
        let is_known = |probe: &&Probe| self.blink.is_some() || probe.switches_to().is_none();
        self.dialect.restore.iter().filter(is_known).map(move |probe| (probe.command.as_str(), message(probe)))
    }
}

/// The address that the application connects to, regardless of any configuration.
fn application_bridge() -> Target {
    Target::Remote { host: Ipv4Addr::LOCALHOST.to_string(), port: DEFAULT_PORT }
}

/// A warning if the configuration's section `unity` names another address than the application uses.
fn elsewhere(named: &str) -> Option<String> {
    let own = application_bridge();
    let is_own = named.replace("localhost", "127.0.0.1") == own.to_string();
    (!is_own).then(|| {
        format!(
            "unity.host and unity.port of the configuration are {named}, but nothing reads them: the application \
             connects to {own}, so that bridge was used; for the other, use --bridge {named}"
        )
    })
}

/// Warning for a user's avatar if it is unknown whether it blinks.
fn unknown_blink(dialect: &Dialect, config: &str) -> Option<String> {
    let probe = dialect.probe(Ack::Applied)?;
    let sent = probe.switches_to()?;
    let (default, other) = if sent { ("", "off") } else { (" (the default of Unity and of the application)", "on") };
    Some(format!(
        "the configuration does not set blinking ({config}), and the bridge cannot report it: measuring applied \
         replies sends {} with enabled={sent}{default}, which is not undone. If blinking was {other}, switch it \
         {other} again",
        probe.command
    ))
}

/// Value of `--dialect` for automatic detection.
const AUTO: &str = "auto";

/// The dialect with that name, or from that file.
fn named(name: &str) -> Result<&'static Dialect, DialectError> {
    let path = Path::new(name);
    let is_file = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
    if is_file { Dialect::from_file(path) } else { Dialect::named(name) }
}

fn dialect_of(
    asked: Option<&'static Dialect>,
    target: &Target,
) -> Result<(&'static Dialect, DialectOrigin), PlanError> {
    let built_in = |name: &str| Dialect::NAMES.contains(&name);
    match (asked, target) {
        // A user-defined dialect may be tried on any embedded bridge.
        (Some(asked), Target::Embedded(spec)) if asked.name != spec.dialect.name && built_in(&asked.name) => {
            Err(PlanError::Dialects { asked: asked.name.clone(), embedded: spec.dialect.name.clone() })
        }
        (Some(asked), _) => Ok((asked, DialectOrigin::Flag)),
        (None, Target::Embedded(spec)) => Ok((spec.dialect, DialectOrigin::Embedded)),
        (None, Target::Remote { .. }) => Ok((Dialect::stock(), DialectOrigin::Default)),
        (None, Target::Listen(_)) => Ok((Dialect::named("public-api")?, DialectOrigin::Default)),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn plan(line: &str) -> Result<BridgeConnection, PlanError> {
        let words = ["workly-perf", "ipc"].into_iter().chain(line.split_whitespace());
        let Command::Ipc(args) = Cli::try_parse_from(words).unwrap().command else { panic!("not ipc") };
        BridgeConnection::resolve(&args.bridge_connection).map(|(bridge_connection, _)| bridge_connection)
    }

    #[test]
    fn bridge_is_from_the_flag_or_the_applications_fixed_address() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let with = |text: &str, more: &str| {
            std::fs::write(file.path(), text).unwrap();
            let plan = plan(&format!("--config {} {more}", file.path().display())).unwrap();
            (plan.target.to_string(), plan.found_by, plan.blink, plan.warnings)
        };
        let config = r#"{"unity": {"port": 6000}, "avatar": {"auto_blink": {"enabled": false}}}"#;
        let (target, found_by, blink, warnings) = with(config, "");
        assert_eq!((target.as_str(), found_by, blink), ("127.0.0.1:5555", AddressOrigin::Default, Some(false)));
        assert!(warnings[0].contains("127.0.0.1:6000") && warnings[0].contains("nothing reads them"), "{warnings:?}");
        let flag = ("[::1]:7000".into(), AddressOrigin::Flag, Some(false), Vec::new());
        assert_eq!(with(config, "--bridge [::1]:7000"), flag, "no warning if the bridge is named");
        for same in
            [r#"{"unity": {"host": "localhost", "port": 5555}}"#, r#"{"unity": {"port": 5555}}"#, r#"{"unity": 5}"#]
        {
            let config = format!("{}, {}", &same[..same.len() - 1], &config[r#"{"unity": {"port": 6000}, "#.len()..]);
            assert_eq!(with(&config, "").3, Vec::<String>::new(), "{config}");
        }
    }

    #[test]
    fn unknown_avatar_state_is_not_changed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let with = |text: &str, more: &str| {
            std::fs::write(file.path(), text).unwrap();
            plan(&format!("--config {} {more}", file.path().display())).unwrap()
        };
        let lines = |plan: &BridgeConnection| -> Vec<String> {
            plan.restoring().map(|(_, mut message)| String::from_utf8(message.line(0).to_vec()).unwrap()).collect()
        };
        let probed =
            |plan: &BridgeConnection| String::from_utf8(plan.message(Ack::Applied, 0).line(0).to_vec()).unwrap();
        let unknown = with("{}", "");
        assert!(lines(&unknown).iter().all(|line| line.contains("reset_expressions")), "{:?}", lines(&unknown));
        assert!(probed(&unknown).contains(r#""enabled": false"#), "off is the default: {}", probed(&unknown));
        let warning = unknown.blink_warning().unwrap();
        assert!(warning.contains("sends set_auto_blink with enabled=false") && warning.contains("switch it on again"));
        assert_eq!(with("{}", "--dialect founding").blink_warning(), None, "a dialect without blinking");
        for on in [true, false] {
            let known = with(&format!(r#"{{"avatar": {{"auto_blink": {{"enabled": {on}}}}}}}"#), "");
            let said = format!(r#""enabled": {on}"#);
            assert!(probed(&known).contains(&said) && lines(&known).iter().any(|line| line.contains(&said)));
            assert_eq!(known.blink_warning(), None);
        }
    }

    #[test]
    fn dialect_defaults_to_the_bridges_own() {
        let dialect = |line: &str| plan(line).map(|plan| plan.dialect.name.as_str());
        assert_eq!(dialect("--listen").unwrap(), "public-api");
        assert_eq!(dialect("--bridge 127.0.0.1:1").unwrap(), "stock");
        assert_eq!(dialect("--bridge 127.0.0.1:1 --dialect instrumented").unwrap(), "instrumented");
        assert_eq!(dialect("--bridge embedded:dialect=instrumented").unwrap(), "instrumented");
        let both = dialect("--bridge embedded --dialect instrumented");
        assert!(matches!(both, Err(PlanError::Dialects { .. })));
        for unknown in ["klingon", "no/such/file.toml"] {
            let refused = dialect(&format!("--bridge 127.0.0.1:1 --dialect {unknown}"));
            assert!(matches!(refused, Err(PlanError::UnknownDialect(_))), "{unknown}");
        }
    }

    #[test]
    fn unity_connects_if_dialect_or_flag_requires_it() {
        let target = |line: &str| plan(line).unwrap().target.to_string();
        assert_eq!(target("--dialect public-api"), "listen:127.0.0.1:5555");
        assert_eq!(target("--listen 127.0.0.1:6000 --dialect auto"), "listen:127.0.0.1:6000");
        assert_eq!(target("--dialect public-api --bridge 127.0.0.1:7000"), "127.0.0.1:7000");
    }
}
