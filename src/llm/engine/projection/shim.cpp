// llama.cpp's own method of projecting memory: the model and a context are created without allocating, and queried for what they
// would have taken. Like `common_get_device_memory_data` of llama.cpp's tools, but for any list of devices, including the CPU's
// special buffers, and without changing the process's log.
#include "shim.h"

#include <cstring>
#include <exception>
#include <memory>

#include "card.h"
#include "llama-ext.h"

namespace {

using model_ptr   = std::unique_ptr<llama_model, decltype(&llama_model_free)>;
using context_ptr = std::unique_ptr<llama_context, decltype(&llama_free)>;

void describe(workly_device_memory & row, ggml_backend_dev_t device) {
    row = {};
    std::strncpy(row.name, device ? ggml_backend_dev_name(device) : "CPU", sizeof(row.name) - 1);
    if (device == nullptr) {
        return;
    }
    size_t free = 0, total = 0;
    ggml_backend_dev_memory(device, &free, &total);
    row.memory_free  = free;
    row.memory_total = total;
}

// Memory of the model and the context per device, actual or projected.
workly_status collect(
    const llama_model * model, const llama_context * context, workly_device_memory * out, size_t capacity, size_t * n_out) {
    const auto n_devices = static_cast<size_t>(llama_model_n_devices(model));
    if (n_devices + 1 > capacity) {
        return WORKLY_TOO_MANY;
    }
    for (size_t i = 0; i < n_devices; i++) {
        describe(out[i], llama_model_get_device(model, static_cast<int>(i)));
    }
    describe(out[n_devices], ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU));
    for (const auto & [buft, bytes] : llama_get_memory_breakdown(context)) {
        const bool is_host        = ggml_backend_buft_is_host(buft);
        ggml_backend_dev_t device = is_host ? nullptr : ggml_backend_buft_get_device(buft);
        size_t at = 0;
        while (at < n_devices && device != llama_model_get_device(model, static_cast<int>(at))) {
            at++;
        }
        out[at].model    += bytes.model;
        out[at].repacked += at == n_devices && !is_host ? bytes.model : 0;
        out[at].context  += bytes.context;
        out[at].compute  += bytes.compute;
    }
    *n_out = n_devices + 1;
    return WORKLY_DONE;
}

workly_status project(
    const char * path, llama_model_params & parameters, const llama_context_params & context, workly_device_memory * out,
    size_t capacity, size_t * n_out, uint32_t * n_ctx, uint32_t * n_layer) {
    model_ptr model(llama_model_load_from_file(path, parameters), llama_model_free);
    if (!model) {
        return WORKLY_NO_MODEL;
    }
    context_ptr ctx(llama_init_from_model(model.get(), context), llama_free);
    if (!ctx) {
        return WORKLY_NO_CONTEXT;
    }
    *n_ctx   = llama_n_ctx(ctx.get());
    *n_layer = static_cast<uint32_t>(llama_model_n_layer(model.get()));
    return collect(model.get(), ctx.get(), out, capacity, n_out);
}

}  // namespace

workly_status workly_project(
    const char * path, int32_t n_gpu_layers, const llama_context_params * context, workly_target target,
    uint64_t card_bytes, workly_device_memory * out, size_t capacity, size_t * n_out, uint32_t * n_ctx, uint32_t * n_layer) {
    try {
        ggml_backend_dev_t devices[] = {target == WORKLY_TARGET_CARD ? workly_card(card_bytes) : nullptr, nullptr};
        llama_model_params parameters = llama_model_default_params();
        parameters.n_gpu_layers = n_gpu_layers;
        parameters.no_alloc     = true;
        parameters.load_mode    = LLAMA_LOAD_MODE_NONE;
        parameters.devices      = target == WORKLY_TARGET_MACHINE ? nullptr : devices;
        return project(path, parameters, *context, out, capacity, n_out, n_ctx, n_layer);
    } catch (const std::exception &) {
        return WORKLY_THROWN;
    }
}

workly_status workly_held(
    const llama_model * model, const llama_context * context, workly_device_memory * out, size_t capacity, size_t * n_out) {
    try {
        return collect(model, context, out, capacity, n_out);
    } catch (const std::exception &) {
        return WORKLY_THROWN;
    }
}
