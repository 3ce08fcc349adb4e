//! The parts of a record needed for llama-bench's columns, read key by key so that errors can name the key.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::error::ReportError;
use crate::record::{Case, Fact, Run, TokenTest};
use crate::text;

/// The commit that llama.cpp reports if it was built outside version control.
const UNKNOWN_COMMIT: &str = "unknown";

/// The model and the llama.cpp build that ran it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct BenchSubject {
    pub(super) build_commit: String,
    pub(super) build_number: u64,
    pub(super) cpu_info: String,
    pub(super) gpu_info: String,
    pub(super) backends: String,
    pub(super) model_filename: String,
    pub(super) model_type: String,
    pub(super) model_size_bytes: u64,
    pub(super) model_n_params: u64,
}

/// Settings shared by all cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BenchPlan {
    pub(super) n_batch: u64,
    pub(super) n_ubatch: u64,
    pub(super) type_k: String,
    pub(super) type_v: String,
    pub(super) n_gpu_layers: i64,
    /// -1 if llama.cpp decides, 0 off, 1 on.
    pub(super) flash_attn: i64,
    pub(super) load_mode: &'static str,
}

impl BenchPlan {
    /// llama-bench's defaults.
    pub(super) fn of_defaults() -> Self {
        Self {
            n_batch: 2048,
            n_ubatch: 512,
            type_k: "f16".into(),
            type_v: "f16".into(),
            n_gpu_layers: -1,
            flash_attn: -1,
            load_mode: "auto",
        }
    }
}

/// Conditions and repetitions of one case.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct BenchConditions {
    pub(super) test: TokenTest,
    /// Prompt tokens or generated tokens, depending on the test.
    pub(super) n_tokens: u64,
    pub(super) n_depth: u64,
    /// The threads used by this test.
    pub(super) n_threads: u64,
    /// The layers of this case, if they differ between cases.
    pub(super) n_gpu_layers: Option<i64>,
    /// llama-bench's number for the priority of the threads; 0 is normal.
    pub(super) prio: i64,
    /// What waiting threads do, where the run set it.
    pub(super) wait: Option<String>,
    pub(super) test_time: jiff::Timestamp,
    pub(super) samples_ns: Vec<u64>,
}

/// A JSON object of the record, and its name for errors.
struct RecordObject<'a> {
    name: String,
    object: &'a Value,
}

impl RecordObject<'_> {
    fn read<T: DeserializeOwned>(&self, key: &'static str) -> Result<T, ReportError> {
        let Some(value) = self.object.get(key) else {
            return Err(ReportError::MissingKey { place: self.name.clone(), key });
        };
        T::deserialize(value).map_err(|error| self.bad(key, &error))
    }

    fn bad(&self, key: &'static str, detail: &dyn std::fmt::Display) -> ReportError {
        ReportError::BadValue { place: self.name.clone(), key, detail: detail.to_string() }
    }

    /// A text without line breaks and control characters: a name from a model file must not break the table or the
    /// terminal. Empty if the run has no value.
    fn text(&self, key: &'static str) -> Result<String, ReportError> {
        let fact = self.read::<Option<Fact<String>>>(key)?;
        let text = fact.as_ref().and_then(Fact::value).map_or("", String::as_str);
        Ok(text::line(text).into_owned())
    }
}

/// The recorded forms of a setting with three states.
#[derive(Deserialize)]
#[serde(untagged)]
enum RecordedSwitch {
    Number(i64),
    YesNo(bool),
    Word(String),
}

/// One name, several, or comma-separated names.
#[derive(Deserialize)]
#[serde(untagged)]
enum RecordedNames {
    One(String),
    Several(Vec<String>),
}

impl BenchSubject {
    pub(super) fn of(run: &Run) -> Result<Self, ReportError> {
        let place = RecordObject { name: "the run's subject".into(), object: &run.subject };
        let commit = place.text("build_commit")?;
        Ok(Self {
            build_commit: if commit.is_empty() { UNKNOWN_COMMIT.into() } else { commit },
            build_number: place.read::<Option<u64>>("build_number")?.unwrap_or(0),
            cpu_info: place.text("cpu_info")?,
            gpu_info: place.text("gpu_info")?,
            backends: backends(&place.read("backends")?),
            model_filename: place.text("model_filename")?,
            model_type: place.text("model_type")?,
            model_size_bytes: place.read("model_size")?,
            model_n_params: place.read("model_n_params")?,
        })
    }
}

/// llama-bench names the CPU only if there is no other backend.
fn backends(names: &RecordedNames) -> String {
    let names: Vec<&str> = match names {
        RecordedNames::One(names) => names.split(',').map(str::trim).collect(),
        RecordedNames::Several(names) => names.iter().map(String::as_str).collect(),
    };
    let others: Vec<&str> = names.into_iter().filter(|name| !name.is_empty() && *name != "CPU").collect();
    if others.is_empty() { "CPU".into() } else { others.join(",") }
}

impl BenchPlan {
    pub(super) fn of(run: &Run) -> Result<Self, ReportError> {
        Self::read(&run.plan)
    }

    /// The settings of one case: its own if its conditions contain them, otherwise those of the run.
    pub(super) fn of_case(run: &Run, case: &Case) -> Result<Self, ReportError> {
        let mut plan = run.plan.clone();
        for key in ["type_k", "type_v", "flash_attn", "use_mmap"] {
            if let (Some(plan), Some(own)) = (plan.as_object_mut(), case.conditions.get(key)) {
                plan.insert(key.into(), own.clone());
            }
        }
        Self::read(&plan)
    }

    fn read(plan: &Value) -> Result<Self, ReportError> {
        let place = RecordObject { name: "the run's plan".into(), object: plan };
        let number = |key, default: u64| Ok(place.read::<Option<u64>>(key)?.unwrap_or(default));
        let kv_type = |key, default: String| {
            let name = place.text(key)?.to_ascii_lowercase();
            Ok(if name.is_empty() { default } else { name })
        };
        let defaults = Self::of_defaults();
        Ok(Self {
            n_batch: number("n_batch", defaults.n_batch)?,
            n_ubatch: number("n_ubatch", defaults.n_ubatch)?,
            type_k: kv_type("type_k", defaults.type_k)?,
            type_v: kv_type("type_v", defaults.type_v)?,
            n_gpu_layers: place.read::<Option<i64>>("n_gpu_layers")?.unwrap_or(defaults.n_gpu_layers),
            flash_attn: flash_attn(&place)?,
            load_mode: load_mode(&place)?,
        })
    }
}

fn flash_attn(place: &RecordObject<'_>) -> Result<i64, ReportError> {
    const KEY: &str = "flash_attn";
    let fault = |found: &dyn std::fmt::Display| Err(place.bad(KEY, &format!("{found} is none of auto, on, off")));
    match place.read::<Option<RecordedSwitch>>(KEY)? {
        None => Ok(-1),
        Some(RecordedSwitch::YesNo(on)) => Ok(i64::from(on)),
        Some(RecordedSwitch::Number(number @ -1..=1)) => Ok(number),
        Some(RecordedSwitch::Number(number)) => fault(&number),
        Some(RecordedSwitch::Word(word)) => match word.to_ascii_lowercase().as_str() {
            "auto" => Ok(-1),
            "off" | "disabled" => Ok(0),
            "on" | "enabled" => Ok(1),
            _ => fault(&format!("'{word}'")),
        },
    }
}

/// `null` means llama.cpp's default. A plan without a key for locking does not lock.
fn load_mode(place: &RecordObject<'_>) -> Result<&'static str, ReportError> {
    let map = place.read::<Option<bool>>("use_mmap")?;
    let lock = match place.object.get("use_mlock") {
        Some(_) => place.read::<Option<bool>>("use_mlock")?.unwrap_or(false),
        None => false,
    };
    Ok(match (map, lock) {
        (None, false) => "auto",
        (Some(false), false) => "none",
        (Some(true), false) => "mmap",
        (Some(false), true) => "mlock",
        // llama.cpp's default is to map the file.
        (None | Some(true), true) => "mmap+mlock",
    })
}

impl BenchConditions {
    pub(super) fn of(case: &Case) -> Result<Self, ReportError> {
        let place = RecordObject { name: format!("the conditions of {}", case.path), object: &case.conditions };
        let test = place.read("test")?;
        // llama-bench uses one value for both thread counts. Here each test uses the count that its work depends on.
        let (tokens_key, threads_key) = match test {
            TokenTest::Prompt => ("n_prompt", "n_threads_batch"),
            TokenTest::Generation => ("n_gen", "n_threads"),
        };
        let samples_ns: Vec<u64> = place.read("samples_ns")?;
        if samples_ns.contains(&0) {
            return Err(place.bad("samples_ns", &"a repetition with a duration of 0"));
        }
        Ok(Self {
            test,
            n_tokens: place.read(tokens_key)?,
            n_depth: place.read("n_depth")?,
            n_threads: place.read(threads_key)?,
            n_gpu_layers: match place.object.get("n_gpu_layers") {
                Some(_) => place.read("n_gpu_layers")?,
                None => None,
            },
            // Runs of before priorities were measured have neither.
            prio: case.conditions["prio"].as_i64().unwrap_or(0),
            wait: case.conditions["wait"].as_str().filter(|wait| *wait != "unset").map(str::to_owned),
            test_time: place.read("test_time")?,
            samples_ns,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::sample::run;
    use super::*;

    fn plan_with(key: &str, value: Value) -> Result<BenchPlan, ReportError> {
        let mut run = run();
        run.plan[key] = value;
        BenchPlan::of(&run)
    }

    #[test]
    fn missing_key_is_named_with_its_place() {
        for key in ["model_filename", "model_type", "model_size", "model_n_params", "backends", "cpu_info", "gpu_info"]
        {
            let mut run = run();
            run.subject.as_object_mut().unwrap().remove(key);
            let text = BenchSubject::of(&run).unwrap_err().to_string();
            assert_eq!(text, format!("the run's subject has no `{key}`, which llama-bench's format requires"));
        }
        for key in ["n_batch", "n_ubatch", "type_k", "type_v", "n_gpu_layers", "flash_attn", "use_mmap"] {
            let mut run = run();
            run.plan.as_object_mut().unwrap().remove(key);
            assert!(matches!(BenchPlan::of(&run), Err(ReportError::MissingKey { key: found, .. }) if found == key));
        }
        let mut run = run();
        run.cases[0].conditions.as_object_mut().unwrap().remove("n_depth");
        let text = BenchConditions::of(&run.cases[0]).unwrap_err().to_string();
        assert!(text.starts_with("the conditions of idle/pp16/threads=1 has no `n_depth`"), "{text}");
    }

    #[test]
    fn invalid_value_is_named_with_its_fault() {
        let mut run = run();
        run.subject["model_size"] = json!("large");
        let text = BenchSubject::of(&run).unwrap_err().to_string();
        assert!(text.contains("`model_size`") && text.contains("large"), "{text}");
        run.cases[0].conditions["samples_ns"] = json!([1, 0]);
        let text = BenchConditions::of(&run.cases[0]).unwrap_err().to_string();
        assert!(text.contains("`samples_ns`") && text.contains("duration of 0"), "{text}");
    }

    #[test]
    fn defaults_match_llama_benchs() {
        let mut run = run();
        for (_, value) in run.plan.as_object_mut().unwrap() {
            *value = Value::Null;
        }
        assert_eq!(BenchPlan::of(&run).unwrap(), BenchPlan::of_defaults());
        run.subject["build_commit"] = Value::Null;
        run.subject["build_number"] = Value::Null;
        run.subject["gpu_info"] = json!({"missing": "unsupported"});
        let subject = BenchSubject::of(&run).unwrap();
        assert_eq!(
            (subject.build_commit.as_str(), subject.build_number, subject.gpu_info.as_str()),
            ("unknown", 0, "")
        );
    }

    #[test]
    fn switches_are_read_in_all_forms() {
        let flash = |value| plan_with("flash_attn", value).map(|plan| plan.flash_attn).ok();
        assert_eq!([json!("auto"), json!(-1), Value::Null].map(flash), [Some(-1); 3]);
        assert_eq!([json!("on"), json!(1), json!(true), json!("Enabled")].map(flash), [Some(1); 4]);
        assert_eq!([json!("off"), json!(0), json!(false)].map(flash), [Some(0); 3]);
        assert_eq!([json!("maybe"), json!(2)].map(flash), [None; 2]);
        let mode = |value| plan_with("use_mmap", value).map(|plan| plan.load_mode).ok();
        assert_eq!([json!(true), json!(false)].map(mode), [Some("mmap"), Some("none")]);
        assert_eq!(plan_with("use_mlock", json!(true)).unwrap().load_mode, "mmap+mlock");
    }

    #[test]
    fn cpu_is_named_only_without_other_backends() {
        let several =
            |names: &[&str]| backends(&RecordedNames::Several(names.iter().map(ToString::to_string).collect()));
        assert_eq!([several(&[]), several(&["CPU"]), several(&["CUDA", "CPU"])], ["CPU", "CPU", "CUDA"]);
        assert_eq!(backends(&RecordedNames::One("Vulkan, BLAS, CPU".into())), "Vulkan,BLAS");
    }
}
