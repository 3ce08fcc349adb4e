//! Calls of the C++ code that queries llama.cpp (`shim.h`).
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char};
use std::path::Path;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use llama_cpp_sys_2 as sys;

use super::super::ffi::parameters;
use super::super::{Backend, ContextSpec, EngineError};
use super::{PlacementTarget, ProjectedBytes, ProjectedDevice, Projection};
use crate::llm::ModelOutline;

/// Maximum number of devices, including the machine's memory. llama.cpp itself supports 16.
const MOST_DEVICES: usize = 32;

/// `workly_device_memory`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
struct DeviceMemory {
    name: [c_char; 64],
    memory_total: u64,
    memory_free: u64,
    model: u64,
    repacked: u64,
    context: u64,
    compute: u64,
}

/// Maximum number of placements projected at once.
const MOST_WORKERS: usize = 8;

const EMPTY: DeviceMemory =
    DeviceMemory { name: [0; 64], memory_total: 0, memory_free: 0, model: 0, repacked: 0, context: 0, compute: 0 };

/// `WORKLY_DONE`, `WORKLY_NO_MODEL`, `WORKLY_NO_CONTEXT`.
const DONE: i32 = 0;
const NO_MODEL: i32 = 1;
const NO_CONTEXT: i32 = 2;

unsafe extern "C" {
    fn workly_project(
        path: *const c_char,
        n_gpu_layers: i32,
        context: *const sys::llama_context_params,
        target: i32,
        card_bytes: u64,
        out: *mut DeviceMemory,
        capacity: usize,
        n_out: *mut usize,
        n_ctx: *mut u32,
        n_layer: *mut u32,
    ) -> i32;

    fn workly_held(
        model: *const sys::llama_model,
        context: *const sys::llama_context,
        out: *mut DeviceMemory,
        capacity: usize,
        n_out: *mut usize,
    ) -> i32;
}

/// Memory actually held by a model and its context: per device, and of the machine.
///
/// # Safety
///
/// Both pointers are valid, and the context belongs to the model.
pub(in super::super) unsafe fn held(
    model: *const sys::llama_model,
    context: *const sys::llama_context,
) -> Option<(Vec<ProjectedDevice>, ProjectedBytes)> {
    let mut rows = [EMPTY; MOST_DEVICES];
    let mut n_rows = 0;
    // SAFETY: as required by this function; there is space for `MOST_DEVICES` rows.
    let status = unsafe { workly_held(model, context, rows.as_mut_ptr(), MOST_DEVICES, &raw mut n_rows) };
    let (host, devices) = rows.get(..n_rows).and_then(<[_]>::split_last).filter(|_| status == DONE)?;
    Some((devices.iter().map(device).collect(), bytes(host)))
}

/// The memory that `n_gpu_layers` layers on the target's devices would take. Only the file's header is read; a file
/// with just a header and the right length is sufficient.
///
/// llama.cpp trusts its files: check the header with our own reader first.
///
/// # Errors
/// [`EngineError::Load`] and [`EngineError::Context`] if llama.cpp refuses the model or the context, with the cause
/// from its log; [`EngineError::Spec`] for an invalid context.
pub fn project(
    backend: &'static Backend,
    path: &Path,
    n_gpu_layers: u32,
    spec: &ContextSpec,
    target: PlacementTarget,
) -> Result<Projection, EngineError> {
    spec.check()?;
    let name = path.to_str().ok_or_else(|| EngineError::NotUnicode { path: path.into() })?;
    let log = backend.log();
    log.hide(name.strip_suffix(&*path.file_name().unwrap_or_default().to_string_lossy()).unwrap_or_default());
    let name = CString::new(name).map_err(|_| EngineError::NotUnicode { path: path.into() })?;
    let (target, card_bytes) = match target {
        PlacementTarget::Cpu => (0, 0),
        PlacementTarget::Machine => (1, 0),
        PlacementTarget::Card { memory_bytes } => (2, memory_bytes),
    };
    let mut rows = [EMPTY; MOST_DEVICES];
    let (mut n_rows, mut n_ctx, mut n_layer) = (0, 0, 0);
    let position = log.position();
    let layers = i32::try_from(n_gpu_layers).unwrap_or(i32::MAX);
    let context = parameters(spec);
    // SAFETY: the declaration above matches `shim.h`. The path ends with a zero byte; `context` is llama.cpp's own
    // type; there is space for `MOST_DEVICES` rows, and every pointer is to a live value of the right type that is not
    // otherwise in use. Exceptions are caught on the C++ side. llama.cpp supports concurrent calls.
    let status = unsafe {
        workly_project(
            name.as_ptr(),
            layers,
            ptr::from_ref(&context),
            target,
            card_bytes,
            rows.as_mut_ptr(),
            MOST_DEVICES,
            &raw mut n_rows,
            &raw mut n_ctx,
            &raw mut n_layer,
        )
    };
    match (status, rows.get(..n_rows).and_then(<[_]>::split_last)) {
        (DONE, Some((host, devices))) => Ok(Projection {
            n_gpu_layers: n_gpu_layers.min(n_layer + 1),
            n_layer,
            n_ctx,
            devices: devices.iter().map(device).collect(),
            host: bytes(host),
        }),
        (NO_MODEL, _) => Err(EngineError::Load { path: path.into(), log: log.reasons(position) }),
        (NO_CONTEXT, _) => Err(EngineError::Context { log: log.reasons(position) }),
        _ => Err(EngineError::Projection { status, log: log.reasons(position) }),
    }
}

/// How placements are projected: with this many threads, until the flag is raised.
#[derive(Debug, Clone, Copy)]
pub struct ProjectionOptions<'a> {
    /// Number of threads; usually the usable CPUs.
    pub workers: usize,
    /// Raised to stop.
    pub stop: &'a AtomicBool,
}

/// Projects every placement of a model, from no layer on a device to all of them. The flag is checked before each.
///
/// # Errors
/// As [`project`]; [`EngineError::Stopped`] once the flag is raised.
pub fn project_all(
    backend: &'static Backend,
    path: &Path,
    spec: &ContextSpec,
    target: PlacementTarget,
    by: ProjectionOptions<'_>,
) -> Result<Vec<Projection>, EngineError> {
    let check = || if by.stop.load(Ordering::Relaxed) { Err(EngineError::Stopped { done: 0 }) } else { Ok(()) };
    check()?;
    // Memory does not depend on the vocabulary, and reading it is most of the work.
    let bare = ModelOutline::without_vocabulary(path);
    let bare = bare.as_ref().map(ModelOutline::path);
    let bare = bare.and_then(|bare| Some((bare, project(backend, bare, 0, spec, target).ok()?)));
    let (path, none) = match bare {
        Some(found) => found,
        None => (path, project(backend, path, 0, spec, target)?),
    };
    let all = none.n_layer + 1;
    // llama.cpp projects one placement per thread; several are independent of each other.
    let next = AtomicU32::new(1);
    let take = || {
        let mut placements = Vec::new();
        loop {
            let layers = next.fetch_add(1, Ordering::Relaxed);
            if layers > all {
                return Ok(placements);
            }
            check()?;
            placements.push(project(backend, path, layers, spec, target)?);
        }
    };
    let workers = by.workers.clamp(1, MOST_WORKERS);
    let mut placements = vec![none];
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(take)).collect();
        for worker in workers {
            let taken: Result<Vec<Projection>, EngineError> =
                worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            placements.extend(taken?);
        }
        Ok::<_, EngineError>(())
    })?;
    placements.sort_by_key(|placement| placement.n_gpu_layers);
    Ok(placements)
}

fn device(row: &DeviceMemory) -> ProjectedDevice {
    let known = row.memory_total > 0;
    ProjectedDevice {
        name: name_of(row),
        memory_total_bytes: known.then_some(row.memory_total),
        memory_free_bytes: known.then_some(row.memory_free),
        bytes: bytes(row),
    }
}

fn bytes(row: &DeviceMemory) -> ProjectedBytes {
    ProjectedBytes {
        model_bytes: row.model,
        repacked_bytes: row.repacked,
        context_bytes: row.context,
        compute_bytes: row.compute,
    }
}

fn name_of(row: &DeviceMemory) -> String {
    // SAFETY: `c_char` is one byte, signed or not.
    let name = unsafe { std::slice::from_raw_parts(row.name.as_ptr().cast::<u8>(), row.name.len()) };
    CStr::from_bytes_until_nul(name).map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
