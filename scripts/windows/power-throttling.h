/* What llama.cpp uses of Windows and MinGW-w64 10 (Debian 12) does not declare. scripts/test-windows includes it only there. The names
 * and values are those of Windows' own processthreadsapi.h. */
#ifndef WORKLY_POWER_THROTTLING_H
#define WORKLY_POWER_THROTTLING_H

#define THREAD_POWER_THROTTLING_CURRENT_VERSION 1
#define THREAD_POWER_THROTTLING_EXECUTION_SPEED 0x1

typedef struct {
    unsigned long Version;
    unsigned long ControlMask;
    unsigned long StateMask;
} THREAD_POWER_THROTTLING_STATE;

#endif
