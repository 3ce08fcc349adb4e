// A card that is not here, as a device that llama.cpp can place layers on.
#pragma once

#include <cstdint>

#include "ggml-backend.h"

// The card, with so much memory. It belongs to this thread and is never registered: only a model that is given it by name
// sees it. It can be asked everything and computes nothing.
ggml_backend_dev_t workly_card(uint64_t bytes);
