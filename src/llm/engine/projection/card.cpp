// An absent GPU. llama.cpp queries a device's capabilities and tensor sizes, and places a model accordingly; this one answers
// like ggml's CUDA device. It has no memory and computes nothing: computing with it returns an error. Its buffers have a size but
// no memory, for the state of recurrent models, which llama.cpp allocates and clears even if it allocates nothing else.
#include "card.h"

#include <cstdint>

#include "ggml-backend-impl.h"
#include "ggml.h"

namespace {

// Values of ggml-cuda: alignment of tensors, padding of quantised rows, and the batch size from which an operation on CPU weights
// is computed on the GPU.
constexpr size_t  ALIGNMENT   = 128;
constexpr int64_t ROW_PADDING = 512;
constexpr int64_t FEWEST_ROWS = 32;

thread_local uint64_t card_bytes = 0;

const char * buft_name(ggml_backend_buffer_type_t) { return "CARD"; }

// An address that is never accessed: ggml only computes offsets from it.
void * buffer_base(ggml_backend_buffer_t) { return reinterpret_cast<void *>(uintptr_t{1} << 12); }
void buffer_clear(ggml_backend_buffer_t, uint8_t) {}

ggml_backend_buffer_t buft_alloc(ggml_backend_buffer_type_t buft, size_t size) {
    ggml_backend_buffer_i iface = {};
    iface.get_base              = buffer_base;
    iface.clear                 = buffer_clear;
    return ggml_backend_buffer_init(buft, iface, nullptr, size);
}

size_t buft_alignment(ggml_backend_buffer_type_t) { return ALIGNMENT; }

// Temporary memory of flash attention: keys and values of other types are first converted to 16 bits.
size_t as_f16(const ggml_tensor * cache) {
    return cache == nullptr || cache->type == GGML_TYPE_F16 ? 0 : ggml_nelements(cache) * ggml_type_size(GGML_TYPE_F16);
}

size_t buft_alloc_size(ggml_backend_buffer_type_t, const ggml_tensor * tensor) {
    size_t size = ggml_nbytes(tensor);
    if (tensor->op == GGML_OP_FLASH_ATTN_EXT) {
        size += as_f16(tensor->src[1]) + as_f16(tensor->src[2]);
    }
    const int64_t beyond = tensor->ne[0] % ROW_PADDING;
    if (ggml_is_quantized(tensor->type) && beyond != 0) {
        size += ggml_row_size(tensor->type, ROW_PADDING - beyond);
    }
    return size;
}

ggml_backend_buffer_type * buffer_type() {
    static ggml_backend_buffer_type buft = {
        /* .iface   = */ {buft_name, buft_alloc, nullptr, buft_alignment, nullptr, buft_alloc_size, nullptr, nullptr},
        /* .device  = */ nullptr,
        /* .context = */ nullptr,
    };
    return &buft;
}

ggml_guid * guid() {
    static ggml_guid value = {0x77, 0x6f, 0x72, 0x6b, 0x6c, 0x79, 0x2d, 0x63, 0x61, 0x72, 0x64, 0, 0, 0, 0, 1};
    return &value;
}

const char * backend_name(ggml_backend_t) { return "CARD"; }
void backend_free(ggml_backend_t backend) { delete backend; }
ggml_status backend_compute(ggml_backend_t, ggml_cgraph *) { return GGML_STATUS_FAILED; }

const char * dev_name(ggml_backend_dev_t) { return "CARD"; }
const char * dev_description(ggml_backend_dev_t) { return "a card that is not here"; }
enum ggml_backend_dev_type dev_type(ggml_backend_dev_t) { return GGML_BACKEND_DEVICE_TYPE_GPU; }

void dev_memory(ggml_backend_dev_t, size_t * free, size_t * total) {
    *free = *total = static_cast<size_t>(card_bytes);
}

void dev_props(ggml_backend_dev_t dev, ggml_backend_dev_props * props) {
    *props             = {};
    props->name        = dev_name(dev);
    props->description = dev_description(dev);
    props->type        = dev_type(dev);
    dev_memory(dev, &props->memory_free, &props->memory_total);
}

ggml_backend_t dev_init(ggml_backend_dev_t dev, const char *) {
    auto * backend               = new ggml_backend{};
    backend->guid                = guid();
    backend->iface.get_name      = backend_name;
    backend->iface.free          = backend_free;
    backend->iface.graph_compute = backend_compute;
    backend->device              = dev;
    return backend;
}

ggml_backend_buffer_type_t dev_buft(ggml_backend_dev_t) { return buffer_type(); }

// A real card has pinned memory for the weights that stay with the CPU. llama.cpp prefers it to memory that repacks them, from which a card
// could not take over the work of a large batch.
ggml_backend_buffer_type_t dev_host_buft(ggml_backend_dev_t) { return ggml_backend_cpu_buffer_type(); }

bool dev_supports_op(ggml_backend_dev_t, const ggml_tensor *) { return true; }
bool dev_supports_buft(ggml_backend_dev_t, ggml_backend_buffer_type_t buft) { return buft == buffer_type(); }

int64_t rows(const ggml_tensor * op) {
    switch (op->op) {
        case GGML_OP_GET_ROWS:
            return 0;
        case GGML_OP_MUL_MAT:
            return op->ne[1];
        case GGML_OP_MUL_MAT_ID:
        case GGML_OP_ROPE:
        case GGML_OP_ROPE_BACK:
            return op->ne[2];
        default:
            return ggml_nrows(op);
    }
}

bool dev_offload_op(ggml_backend_dev_t, const ggml_tensor * op) { return rows(op) >= FEWEST_ROWS; }

const char * reg_name(ggml_backend_reg_t) { return "CARD"; }
size_t reg_count(ggml_backend_reg_t) { return 0; }
ggml_backend_dev_t reg_device(ggml_backend_reg_t, size_t) { return nullptr; }
void * reg_address(ggml_backend_reg_t, const char *) { return nullptr; }

}  // namespace

ggml_backend_dev_t workly_card(uint64_t bytes) {
    static ggml_backend_reg reg = {GGML_BACKEND_API_VERSION, {reg_name, reg_count, reg_device, reg_address}, nullptr};
    static ggml_backend_device device = [] {
        ggml_backend_device made        = {};
        made.iface.get_name             = dev_name;
        made.iface.get_description      = dev_description;
        made.iface.get_memory           = dev_memory;
        made.iface.get_type             = dev_type;
        made.iface.get_props            = dev_props;
        made.iface.init_backend         = dev_init;
        made.iface.get_buffer_type      = dev_buft;
        made.iface.get_host_buffer_type = dev_host_buft;
        made.iface.supports_op          = dev_supports_op;
        made.iface.supports_buft        = dev_supports_buft;
        made.iface.offload_op           = dev_offload_op;
        made.reg                        = &reg;
        return made;
    }();
    static const bool linked = (buffer_type()->device = &device) != nullptr;
    (void) linked;
    card_bytes = bytes;
    return &device;
}
