/* The one function of bcryptprimitives.dll that Rust's standard library calls, for versions of Wine that have no such library.
 * Windows has its own; this one is for tests under Wine alone. */
#include <windows.h>

/* Called RtlGenRandom in documentation. */
BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T length)
{
    while (length > 0) {
        ULONG part = length > 0x10000 ? 0x10000 : (ULONG)length;
        if (!SystemFunction036(buffer, part))
            return FALSE;
        buffer += part;
        length -= part;
    }
    return TRUE;
}
