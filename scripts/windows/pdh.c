/* The pdh.dll that sysinfo needs, for versions of Wine whose own lacks PdhEnumObjectsW and ends a program that calls it. That function only
 * refreshes what Windows caches, and Wine caches nothing; all others are Wine's. Windows has its own library; this one is for tests
 * under Wine alone. */
#include <windows.h>

static FARPROC of_wine(const char *name)
{
    static HMODULE library;
    if (!library)
        library = LoadLibraryW(L"C:\\windows\\system32\\pdh.dll");
    return library ? GetProcAddress(library, name) : NULL;
}

/* PDH_NOT_IMPLEMENTED, where Wine has no such function either. */
#define FORWARD(NAME, PARAMETERS, ARGUMENTS)                                \
    __declspec(dllexport) LONG WINAPI NAME PARAMETERS                       \
    {                                                                       \
        LONG(WINAPI * function) PARAMETERS = (void *)of_wine(#NAME);        \
        return function ? function ARGUMENTS : (LONG)0xC0000BD3;            \
    }

FORWARD(PdhOpenQueryW, (LPCWSTR source, DWORD_PTR user, HANDLE *query), (source, user, query))
FORWARD(PdhAddEnglishCounterW, (HANDLE query, LPCWSTR path, DWORD_PTR user, HANDLE *counter), (query, path, user, counter))
FORWARD(PdhCollectQueryData, (HANDLE query), (query))
FORWARD(PdhGetFormattedCounterValue, (HANDLE counter, DWORD format, LPDWORD type, void *value), (counter, format, type, value))
FORWARD(PdhRemoveCounter, (HANDLE counter), (counter))
FORWARD(PdhCloseQuery, (HANDLE query), (query))

__declspec(dllexport) LONG WINAPI PdhEnumObjectsW(LPCWSTR source, LPCWSTR machine, LPWSTR list, LPDWORD size, DWORD detail, BOOL refresh)
{
    (void)source, (void)machine, (void)list, (void)detail, (void)refresh;
    *size = 0;
    return 0;
}
