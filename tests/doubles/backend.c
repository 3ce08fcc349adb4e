/* A backend file of ggml that has no device: only what the program asks of a file before it hands it to ggml. */

#include <stddef.h>

#ifdef GGML
/* The ggml that it was built with. */
extern const char workly_perf_ggml[];
const char workly_perf_ggml[] = GGML;
#endif

#ifdef SCORE
int ggml_backend_score(void) {
    return SCORE;
}
#endif

#ifdef NEEDS_MISSING
extern int workly_missing_function(void);
int (*needed)(void) = workly_missing_function;
#endif

#ifdef NO_DRIVER
const int * ggml_backend_init(void) {
    return NULL;
}
#elif !defined(NO_INIT)
/* The registry of a backend starts with the version of the interface. */
const int * ggml_backend_init(void) {
    static const int registry[16] = {API_VERSION};
    return registry;
}
#endif
