//! The script, and the answers that follow from it.

use std::collections::HashMap;
use std::ffi::{c_char, c_int, c_uint, c_void};
use std::sync::Mutex;

pub(crate) const SUCCESS: c_uint = 0;
pub(crate) const INVALID_ARGUMENT: c_uint = 2;
pub(crate) const NOT_SUPPORTED: c_uint = 3;
pub(crate) const NOT_FOUND: c_uint = 6;
pub(crate) const INSUFFICIENT_SIZE: c_uint = 7;
pub(crate) const LOST: c_uint = 15;
pub(crate) const NOT_AVAILABLE: u64 = u64::MAX;

pub(crate) type Row = HashMap<String, String>;

#[derive(Default)]
pub(crate) struct Gpu {
    pub(crate) facts: Row,
    pub(crate) rows: Vec<Row>,
    pub(crate) parts: Vec<Row>,
    pub(crate) processes: Vec<(u32, u64)>,
    pub(crate) looks: usize,
}

#[derive(Default)]
pub(crate) struct Script {
    pub(crate) driver: String,
    pub(crate) cuda: c_int,
    pub(crate) init: c_uint,
    pub(crate) gpus: Vec<Gpu>,
}

pub(crate) static SCRIPT: Mutex<Option<Script>> = Mutex::new(None);

pub(crate) fn read() -> Script {
    let mut script = Script { driver: "555.42.02".into(), cuda: 12050, ..Script::default() };
    let text = std::env::var_os("STANDIN_NVML_SCRIPT").map(|path| std::fs::read_to_string(path).unwrap());
    for line in text.unwrap_or_default().lines() {
        let mut words = line.split('#').next().unwrap_or("").split_whitespace();
        let Some(kind) = words.next() else { continue };
        let row: Row = words
            .map(|word| word.split_once('=').map_or((word.into(), String::new()), |(key, value)| (key.into(), value.into())))
            .collect();
        let first = || row.keys().next().cloned().unwrap_or_default();
        match kind {
            "driver" => script.driver = first(),
            "cuda" => script.cuda = first().parse().unwrap(),
            "init" => script.init = first().parse().unwrap(),
            "gpu" => script.gpus.push(Gpu { facts: row, ..Gpu::default() }),
            kind => {
                let gpu = script.gpus.last_mut().expect("rows follow their gpu");
                match kind {
                    "row" => gpu.rows.push(row),
                    "mig" => gpu.parts.push(row),
                    "process" => {
                        let used = row["used"].parse::<u64>().map_or(NOT_AVAILABLE, |mib| mib << 20);
                        gpu.processes.push((row["pid"].parse().unwrap(), used));
                    }
                    other => panic!("the script says '{other}'"),
                }
            }
        }
    }
    script
}

/// What a handle denotes: a GPU, or a part of it. Handles are 1 + GPU + 1000 × (1 + part).
#[derive(Clone, Copy)]
pub(crate) struct Handle {
    pub(crate) gpu: usize,
    pub(crate) part: Option<usize>,
}

fn handle_of(device: *mut c_void) -> Handle {
    let number = device as usize - 1;
    Handle { gpu: number % 1000, part: (number / 1000).checked_sub(1) }
}

/// Answers a query about a device from its current row.
pub(crate) fn ask<T>(device: *mut c_void, figure: &str, to: *mut T, find: impl FnOnce(&mut Gpu, &Row, Handle) -> Result<T, c_uint>) -> c_uint {
    let mut script = SCRIPT.lock().unwrap();
    let handle = handle_of(device);
    let Some(gpu) = script.as_mut().and_then(|script| script.gpus.get_mut(handle.gpu)) else { return INVALID_ARGUMENT };
    if figure == "memory" && handle.part.is_none() {
        gpu.looks += 1;
    }
    let at = gpu.looks.saturating_sub(1).min(gpu.rows.len().saturating_sub(1));
    let row = match handle.part {
        Some(part) => gpu.parts[part].clone(),
        None => gpu.rows.get(at).cloned().unwrap_or_default(),
    };
    if row.contains_key("lost") {
        return LOST;
    }
    let fails = row.get("fail").into_iter().flat_map(|list| list.split(',')).filter_map(|fail| fail.split_once(':'));
    if let Some((_, code)) = { fails }.find(|(failing, _)| *failing == figure) {
        return code.parse().unwrap();
    }
    match find(gpu, &row, handle) {
        Ok(value) => {
            // SAFETY: the caller passes a pointer for the result, as NVML requires.
            unsafe { to.write(value) };
            SUCCESS
        }
        Err(code) => code,
    }
}

/// A number of the row; the device lacks what the row does not contain.
pub(crate) fn number<T: std::str::FromStr>(row: &Row, key: &str) -> Result<T, c_uint> {
    row.get(key).ok_or(NOT_SUPPORTED)?.parse().map_err(|_| NOT_SUPPORTED)
}

pub(crate) fn text(words: &str, to: *mut c_char, length: c_uint) -> c_uint {
    if words.len() >= length as usize {
        return INSUFFICIENT_SIZE;
    }
    // SAFETY: the caller states the length of its buffer.
    unsafe {
        std::ptr::copy_nonoverlapping(words.as_ptr().cast(), to, words.len());
        to.add(words.len()).write(0);
    }
    SUCCESS
}
