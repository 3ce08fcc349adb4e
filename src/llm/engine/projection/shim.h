// Queries llama.cpp for the bytes that a placement would take, without loading weights.
// Plain C, so that the Rust side can declare it manually (ffi.rs).
#pragma once

#include <cstddef>
#include <cstdint>

#include "llama.h"

extern "C" {

// One device, or the machine's memory (the last one).
struct workly_device_memory {
    char     name[64];
    uint64_t memory_total;
    uint64_t memory_free;
    uint64_t model;
    uint64_t repacked; // of `model`, weights in a buffer of the CPU's own, which repacks them on load
    uint64_t context;
    uint64_t compute;
};

enum workly_target : int32_t {
    WORKLY_TARGET_CPU     = 0, // no device at all
    WORKLY_TARGET_MACHINE = 1, // the devices that llama.cpp would choose on this machine
    WORKLY_TARGET_CARD    = 2, // an absent GPU
};

enum workly_status : int32_t {
    WORKLY_DONE       = 0,
    WORKLY_NO_MODEL   = 1,
    WORKLY_NO_CONTEXT = 2,
    WORKLY_TOO_MANY   = 3, // more devices than fit
    WORKLY_THROWN     = 4,
};

// Fills `out` with the devices in llama.cpp's order, the machine's memory last, and `n_out` with their number.
// `n_ctx` and `n_layer` receive the context size in tokens and the number of blocks.
workly_status workly_project(
    const char * path, int32_t n_gpu_layers, const llama_context_params * context, workly_target target,
    uint64_t card_bytes, workly_device_memory * out, size_t capacity, size_t * n_out, uint32_t * n_ctx, uint32_t * n_layer);

// The same for an existing model and context: their actual memory.
workly_status workly_held(
    const llama_model * model, const llama_context * context, workly_device_memory * out, size_t capacity, size_t * n_out);

}
