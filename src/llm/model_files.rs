//! The files of a model: one, or the parts of a split one.
//!
//! A split model is named by its first part, as in llama.cpp; the others are found by their names, which end in
//! `-00002-of-00003.gguf` and so on. Every part has the metadata `split.no` (from 0), `split.count` and
//! `split.tensors.count`.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::gguf::{Gguf, GgufError, Value};

/// Maximum number of parts: names have five digits, and real models have dozens.
const PARTS_LIMIT: u64 = 1_000;

/// Why the files of a model cannot be used together.
#[derive(Debug, thiserror::Error)]
pub enum ModelFilesError {
    /// One of them cannot be read.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// A later part was given.
    #[error("{} is part {part} of {parts} of a split model: name its first part, {first}", path.display())]
    NotFirst {
        /// The given path.
        path: PathBuf,
        /// Number of that part, from 1.
        part: u64,
        /// Parts of the model.
        parts: u64,
        /// Name of the first part.
        first: String,
    },
    /// The other parts cannot be found by this name.
    #[error("{} is part 1 of {parts} of a split model, but its name does not end in {ending}, which is needed to find \
        the other parts", path.display())]
    Name {
        /// The given path.
        path: PathBuf,
        /// Parts of the model.
        parts: u64,
        /// Expected ending of the name.
        ending: String,
    },
    /// A part is missing.
    #[error("part {part} of {parts} of the model is missing: there is no {}", path.display())]
    Missing {
        /// Its number, from 1.
        part: u64,
        /// Parts of the model.
        parts: u64,
        /// Expected path.
        path: PathBuf,
    },
    /// The parts are inconsistent.
    #[error("{}: {fault}", path.display())]
    Inconsistent {
        /// The part in which the fault was found.
        path: PathBuf,
        /// The fault.
        fault: String,
    },
}

/// A model's files, read and checked for consistency.
#[derive(Debug, Clone)]
pub struct ModelFiles {
    /// The files in order.
    pub paths: Vec<PathBuf>,
    /// All headers joined.
    pub header: Gguf,
}

impl ModelFiles {
    /// Reads the header at `path`, and those of the other parts of a split model.
    ///
    /// # Errors
    /// [`ModelFilesError`] names the part that is missing, or the first one if a later one was given.
    pub fn open(path: &Path) -> Result<Self, ModelFilesError> {
        let first = Gguf::open(path)?;
        let Some(parts) = count(&first).filter(|parts| *parts > 1) else {
            return Ok(Self { paths: vec![path.to_owned()], header: first });
        };
        let inconsistent = |path: &Path, fault: String| ModelFilesError::Inconsistent { path: path.into(), fault };
        if parts > PARTS_LIMIT {
            return Err(inconsistent(path, format!("split.count is {parts}; the limit is {PARTS_LIMIT} parts")));
        }
        let number = number(&first, "split.no").unwrap_or(0);
        let Some(paths) = siblings(path, number, parts) else {
            let ending = ending(number, parts);
            return Err(ModelFilesError::Name { path: path.into(), parts, ending });
        };
        if number > 0 {
            let first = paths[0].file_name().unwrap_or_default().to_string_lossy().into_owned();
            return Err(ModelFilesError::NotFirst { path: path.into(), part: number.saturating_add(1), parts, first });
        }
        let mut headers = vec![first];
        for (path, at) in paths.iter().zip(0_u64..).skip(1) {
            if !path.exists() {
                return Err(ModelFilesError::Missing { part: at + 1, parts, path: path.clone() });
            }
            let part = Gguf::open(path)?;
            let says = (number_of(&part), count(&part));
            if says != (Some(at), Some(parts)) {
                let says = |number: Option<u64>| number.map_or_else(|| "nothing".into(), |number| number.to_string());
                let (no, of) = (says(number_of(&part)), says(count(&part)));
                return Err(inconsistent(
                    path,
                    format!("it should have split.no {at} of {parts}, but has {no} of {of}"),
                ));
            }
            headers.push(part);
        }
        let header = Gguf::joined(&headers).ok_or_else(|| inconsistent(path, "it has no parts".into()))?;
        check_tensors(&header).map_err(|fault| inconsistent(path, fault))?;
        Ok(Self { paths, header })
    }
}

/// The files of the model whose first part is at `path`, by name: just `path` if its name is not that of a first part,
/// or if other parts are missing. The header is not read: a file with such a name may be a complete model.
#[must_use]
pub fn part_paths(path: &Path) -> Vec<PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let count = || {
        let (before, parts) = name.strip_suffix(".gguf")?.rsplit_once("-of-")?;
        let parts = parts.parse::<u64>().ok().filter(|parts| (2..=PARTS_LIMIT).contains(parts))?;
        before.ends_with("-00001").then_some(parts)
    };
    let parts = count().and_then(|parts| siblings(path, 0, parts));
    parts.filter(|parts| parts.iter().all(|part| part.exists())).unwrap_or_else(|| vec![path.to_owned()])
}

/// All parts of the model of which `path` is one; `None` if the name is not that of a part.
fn siblings(path: &Path, number: u64, parts: u64) -> Option<Vec<PathBuf>> {
    let name = path.file_name()?.to_str()?;
    let before = name.strip_suffix(&ending(number, parts))?;
    Some((0..parts).map(|at| path.with_file_name(format!("{before}{}", ending(at, parts)))).collect())
}

/// llama.cpp's ending of a part's name, counted from 0.
fn ending(number: u64, parts: u64) -> String {
    format!("-{:05}-of-{parts:05}.gguf", number.saturating_add(1))
}

fn number(gguf: &Gguf, key: &str) -> Option<u64> {
    gguf.metadata.get(key).and_then(Value::as_u64)
}

fn number_of(gguf: &Gguf) -> Option<u64> {
    number(gguf, "split.no")
}

fn count(gguf: &Gguf) -> Option<u64> {
    number(gguf, "split.count")
}

/// No duplicate names, and the total number that the first part declares.
fn check_tensors(whole: &Gguf) -> Result<(), String> {
    let mut names = HashSet::new();
    if let Some(twice) = whole.tensors.iter().find(|tensor| !names.insert(tensor.name.as_str())) {
        return Err(format!("tensor {:?} is in two parts of the model", twice.name));
    }
    match number(whole, "split.tensors.count") {
        Some(said) if said != whole.tensors.len() as u64 => {
            Err(format!("its parts have {} tensors in total; expected are {said}", whole.tensors.len()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::gguf::{HeaderBuilder, TensorType};
    use super::*;

    fn part(number: u16, parts: u16, tensors: i32, names: &[&str]) -> Vec<u8> {
        let mut header = HeaderBuilder::new();
        header.text("general.architecture", "llama");
        header.u16("split.no", number);
        header.u16("split.count", parts);
        header.i32("split.tensors.count", tensors);
        for name in names {
            header.tensor(name, &[32], TensorType::by_name("F32").unwrap());
        }
        let (mut bytes, data) = header.finish();
        bytes.resize(bytes.len() + usize::try_from(data).unwrap(), 0);
        bytes
    }

    /// A folder with these parts of a model of three.
    fn folder(parts: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in parts {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        folder
    }

    fn three() -> Vec<(&'static str, Vec<u8>)> {
        vec![
            ("m-00001-of-00003.gguf", part(0, 3, 3, &["a"])),
            ("m-00002-of-00003.gguf", part(1, 3, 3, &["b"])),
            ("m-00003-of-00003.gguf", part(2, 3, 3, &["c"])),
        ]
    }

    #[test]
    fn parts_of_a_split_model_are_summed() {
        let parts = three();
        let folder = folder(&parts);
        let files = ModelFiles::open(&folder.path().join("m-00001-of-00003.gguf")).unwrap();
        assert_eq!(files.paths.len(), 3);
        assert_eq!(files.header.file_bytes, parts.iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>());
        let names: Vec<&str> = files.header.tensors.iter().map(|tensor| tensor.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        let first = Gguf::open(&files.paths[0]).unwrap();
        assert_ne!(files.header.header_hash, first.header_hash, "the model is not its first part");
        assert_eq!(part_paths(&files.paths[0]), files.paths);
    }

    #[test]
    fn missing_part_and_first_part_are_named() {
        let mut parts = three();
        parts.remove(1);
        let folder = folder(&parts);
        let open = |name: &str| ModelFiles::open(&folder.path().join(name)).unwrap_err().to_string();
        let missing = open("m-00001-of-00003.gguf");
        assert!(missing.starts_with("part 2 of 3") && missing.ends_with("m-00002-of-00003.gguf"), "{missing}");
        let later = open("m-00003-of-00003.gguf");
        assert!(later.contains("is part 3 of 3") && later.ends_with("m-00001-of-00003.gguf"), "{later}");
    }

    #[test]
    fn mismatched_parts_are_rejected() {
        let mut swapped = three();
        swapped[1].1 = part(2, 3, 3, &["b"]);
        let mut twice = three();
        twice[2].1 = part(2, 3, 3, &["a"]);
        let mut fewer = three();
        fewer[0].1 = part(0, 3, 9, &["a"]);
        for (parts, says) in [(swapped, "has 2 of 3"), (twice, "in two parts"), (fewer, "expected are 9")] {
            let folder = folder(&parts);
            let error = ModelFiles::open(&folder.path().join("m-00001-of-00003.gguf")).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
        let renamed = folder(&[("first.gguf", part(0, 3, 3, &["a"]))]);
        let error = ModelFiles::open(&renamed.path().join("first.gguf")).unwrap_err().to_string();
        assert!(error.contains("does not end in -00001-of-00003.gguf"), "{error}");
    }

    #[test]
    fn complete_model_named_like_a_part_is_one_file() {
        let folder = folder(&[("m-00001-of-00003.gguf", part(0, 1, 1, &["a"]))]);
        let path = folder.path().join("m-00001-of-00003.gguf");
        assert_eq!(ModelFiles::open(&path).unwrap().paths, std::slice::from_ref(&path));
        assert_eq!(part_paths(&path), [path]);
    }

    #[test]
    fn other_names_are_single_files() {
        for name in ["m.gguf", "m-00002-of-00003.gguf", "m-00001-of-99999.gguf", "m-00001-of-x.gguf", "-of-.gguf"] {
            assert_eq!(part_paths(Path::new(name)), [PathBuf::from(name)], "{name}");
        }
    }
}
