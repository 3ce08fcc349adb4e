// GCC before 11.5, 12.4, 13.3 and 14 tells its optimizer that _tile_loadconfig reads eight bytes of a tile configuration. It then leaves out
// the stores to the other 56, and the first AMX instruction ends the program. tile-config.cmake includes this in the only source that loads one.
#if defined(__AMX_TILE__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>
#define _tile_loadconfig(config) __asm__ volatile("ldtilecfg\t%0" : : "m"(*(const char(*)[64])(config)))
#endif
