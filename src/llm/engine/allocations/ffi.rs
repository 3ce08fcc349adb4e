//! ggml's buffers, and what its devices say of their memory.
#![allow(unsafe_code)]

use std::ptr::NonNull;

use llama_cpp_sys_2 as sys;

/// A buffer on a device. Freed when it is dropped.
#[derive(Debug)]
pub(super) struct Buffer {
    pointer: NonNull<sys::ggml_backend_buffer>,
    bytes: usize,
}

// SAFETY: a buffer belongs to no thread, and nothing is done with it but to free it.
unsafe impl Send for Buffer {}

impl Buffer {
    /// Takes memory on the device at that place of ggml's list, and writes to all of it: some systems give out memory that
    /// only becomes real when it is used. `None` where the device refuses, or there is no such device.
    pub(super) fn on(device: usize, bytes: usize) -> Option<Self> {
        // SAFETY: ggml checks no place in its list, so this does. A device and its type of buffers live as long as the
        // process. The buffer is written to and freed by the functions that belong to it, once.
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

    /// Its size.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: ggml made it, and it is freed once.
        unsafe { sys::ggml_backend_buffer_free(self.pointer.as_ptr()) }
    }
}

/// What a device says of its memory now: free and total, in bytes.
pub(super) fn memory(device: usize) -> Option<(usize, usize)> {
    let (mut free, mut total) = (0, 0);
    // SAFETY: the place is checked, and both numbers are written during the call alone.
    unsafe {
        if device >= sys::ggml_backend_dev_count() {
            return None;
        }
        sys::ggml_backend_dev_memory(sys::ggml_backend_dev_get(device), &raw mut free, &raw mut total);
    }
    (total > 0).then_some((free, total))
}
