//! ggml's buffers, and the memory of its devices.
#![allow(unsafe_code)]

use std::ptr::NonNull;

use llama_cpp_sys_2 as sys;

/// A buffer on a device; freed when dropped.
#[derive(Debug)]
pub(super) struct DeviceBuffer {
    pointer: NonNull<sys::ggml_backend_buffer>,
    bytes: usize,
}

// SAFETY: a buffer is not bound to a thread, and is only ever freed.
unsafe impl Send for DeviceBuffer {}

impl DeviceBuffer {
    /// Allocates memory on the device at this index of ggml's list and writes to all of it, since some systems only
    /// commit memory when it is used. `None` if the device refuses or does not exist.
    pub(super) fn on(device: usize, bytes: usize) -> Option<Self> {
        // SAFETY: ggml does not check the index, so it is checked here. Devices and their buffer types live as long as
        // the process. The buffer is written to and freed once, by its own functions.
        unsafe {
            if device >= sys::ggml_backend_dev_count() {
                return None;
            }
            let kind = sys::ggml_backend_dev_buffer_type(sys::ggml_backend_dev_get(device));
            if kind.is_null() || bytes > sys::ggml_backend_buft_get_max_size(kind) {
                return None;
            }
            let pointer = NonNull::new(sys::ggml_backend_buft_alloc_buffer(kind, bytes))?;
            let buffer = Self { pointer, bytes: sys::ggml_backend_buffer_get_size(pointer.as_ptr()) };
            sys::ggml_backend_buffer_clear(pointer.as_ptr(), 0x5a);
            Some(buffer)
        }
    }

    /// Its size in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for DeviceBuffer {
    fn drop(&mut self) {
        // SAFETY: ggml created it, and it is freed once.
        unsafe { sys::ggml_backend_buffer_free(self.pointer.as_ptr()) }
    }
}

/// Free and total memory of a device, in bytes.
pub(super) fn memory(device: usize) -> Option<(usize, usize)> {
    let (mut free, mut total) = (0, 0);
    // SAFETY: the index is checked, and both numbers are only written during the call.
    unsafe {
        if device >= sys::ggml_backend_dev_count() {
            return None;
        }
        sys::ggml_backend_dev_memory(sys::ggml_backend_dev_get(device), &raw mut free, &raw mut total);
    }
    (total > 0).then_some((free, total))
}
