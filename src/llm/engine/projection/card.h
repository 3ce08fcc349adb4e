// An absent GPU, as a device on which llama.cpp can place layers.
#pragma once

#include <cstdint>

#include "ggml-backend.h"

// The GPU with this much memory. It belongs to this thread and is never registered: only a model that names it uses it. It
// answers all queries and computes nothing.
ggml_backend_dev_t workly_card(uint64_t bytes);
