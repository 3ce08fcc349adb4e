// The version of the interface between ggml and its backends. It is a macro of an internal header, so only C++ can read it.

#include "ggml-backend-impl.h"

extern "C" int workly_backend_api_version(void) {
    return GGML_BACKEND_API_VERSION;
}
