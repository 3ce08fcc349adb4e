/* What llama.cpp needs and the MinGW-w64 of Debian 12 (headers 10, GCC 12) lacks or has wrong. scripts/lib/windows.sh has it included first,
 * only there. */
#ifndef WORKLY_MINGW_H
#define WORKLY_MINGW_H

/* Not declared. The names and values are those of Windows' own processthreadsapi.h. */
#define THREAD_POWER_THROTTLING_CURRENT_VERSION 1
#define THREAD_POWER_THROTTLING_EXECUTION_SPEED 0x1

typedef struct {
    unsigned long Version;
    unsigned long ControlMask;
    unsigned long StateMask;
} THREAD_POWER_THROTTLING_STATE;

/* AMX: GCC casts strides to long, which has 32 bits on Windows, and the assembler takes no 32-bit register in such an address. */
#ifdef __AMX_TILE__
#include <immintrin.h>
#undef _tile_loadd_internal
#define _tile_loadd_internal(dst, base, stride)                                                     \
    __asm__ volatile("{tileloadd\t(%0,%1,1), %%tmm" #dst "|tileloadd\t%%tmm" #dst ", [%0+%1*1]}" \
                     ::"r"((const void *)(base)), "r"((long long)(stride)))
#undef _tile_stored_internal
#define _tile_stored_internal(src, base, stride)                                                    \
    __asm__ volatile("{tilestored\t%%tmm" #src ", (%0,%1,1)|tilestored\t[%0+%1*1], %%tmm" #src "}" \
                     ::"r"((void *)(base)), "r"((long long)(stride)) : "memory")
#undef _tile_stream_loadd_internal
#define _tile_stream_loadd_internal(dst, base, stride)                                                  \
    __asm__ volatile("{tileloaddt1\t(%0,%1,1), %%tmm" #dst "|tileloaddt1\t%%tmm" #dst ", [%0+%1*1]}" \
                     ::"r"((const void *)(base)), "r"((long long)(stride)))
#endif

#endif
