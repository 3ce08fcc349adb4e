//! The header of a model without its weights: enough for everything that reads no weights.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use super::gguf::{Gguf, Value, without_vocabulary};
use super::synth::SyntheticModel;
use super::{ModelCache, ModelRef, fetched_file};

/// A file with a model's header and length. The header is followed by the weights, or by nothing.
#[derive(Debug)]
pub struct ModelOutline {
    path: PathBuf,
    /// Removes the temporary file of an outline.
    made: Option<TempPath>,
}

impl ModelOutline {
    /// The outline of a model: its own file if there is one, otherwise a header without weights, as a sparse file if
    /// the file system supports that. A synthetic model need not be written for it.
    ///
    /// # Errors
    /// If the temporary file cannot be written.
    pub fn of(model: &ModelRef) -> io::Result<Self> {
        let (shape, seed) = match model {
            ModelRef::File(path) => return Ok(Self { path: path.clone(), made: None }),
            ModelRef::Published(model) => {
                let path = fetched_file(model).map_err(io::Error::other)?;
                return Ok(Self { path, made: None });
            }
            ModelRef::Synthetic { shape, seed } => (*shape, *seed),
        };
        let synthetic = SyntheticModel::new(shape, seed);
        if let Some(found) = ModelCache::of_user().ok().and_then(|cache| cache.find(&synthetic)) {
            return Ok(Self { path: found.path, made: None });
        }
        let mut file = tempfile::Builder::new().prefix(&format!("{}-", shape.name)).suffix(".gguf").tempfile()?;
        write(file.as_file_mut(), &synthetic)?;
        let made = file.into_temp_path();
        Ok(Self { path: made.to_path_buf(), made: Some(made) })
    }

    /// The outline of a model file without its vocabulary, which llama.cpp would otherwise read for each placement.
    /// `None` if that is impossible: the file is not a complete model, or there is no space for a temporary file.
    #[must_use]
    pub fn without_vocabulary(path: &Path) -> Option<Self> {
        let gguf = Gguf::open(path).ok()?;
        if gguf.metadata.get("split.count").and_then(Value::as_u64).is_some_and(|parts| parts > 1) {
            return None;
        }
        let mut header = vec![0; usize::try_from(gguf.header_bytes).ok()?];
        File::open(path).and_then(|mut file| file.read_exact(&mut header)).ok()?;
        let (bare, length) = without_vocabulary(&header, &gguf)?;
        let mut file = tempfile::Builder::new().suffix(".gguf").tempfile().ok()?;
        file.write_all(&bare).and_then(|()| file.as_file().set_len(length)).ok()?;
        let made = file.into_temp_path();
        Some(Self { path: made.to_path_buf(), made: Some(made) })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is a header without weights.
    #[must_use]
    pub fn is_hollow(&self) -> bool {
        self.made.is_some()
    }
}

fn write(file: &mut File, synthetic: &SyntheticModel) -> io::Result<()> {
    file.write_all(synthetic.header())?;
    file.set_len(synthetic.file_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outline_has_header_and_length_and_is_removed() {
        let model: ModelRef = "synth:zephyr-7b@77".parse().unwrap();
        let outline = ModelOutline::of(&model).unwrap();
        assert!(outline.is_hollow());
        let gguf = Gguf::open(outline.path()).unwrap();
        assert_eq!(gguf.file_bytes, outline.path().metadata().unwrap().len());
        assert!(gguf.file_bytes > 5_000_000_000);
        let path = outline.path().to_owned();
        drop(outline);
        assert!(!path.exists());
    }
}
