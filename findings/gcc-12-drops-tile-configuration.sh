#!/usr/bin/env bash
# GCC 12.2 leaves out most of an AMX tile configuration that _tile_loadconfig is given.
#
# What:     Debian 12's GCC 12.2 (packages cpp-12 and gcc-12, 12.2.0-14+deb12u1), beside Clang in ziglang 0.13.0 (PyPI).
# Expected: the 64 bytes that a function writes before _tile_loadconfig are in memory when the CPU reads them.
# Happens:  GCC's header says that the instruction reads 8 bytes. With optimization, the stores of all others are left out: the rows and
#           columns of every tile stay 0, and the first instruction on a tile is illegal. Clang stores them.
# Affected: programs built with this compiler for CPUs with AMX (Xeons since 2023). llama.cpp built with GGML_NATIVE on such a machine,
#           or with loadable CPU backends anywhere, ends with SIGILL there (seen with the sources in llama-cpp-python 0.3.36).
# Solution: .cargo/tile-config.h gives the instruction its 64 bytes in every build of this project.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
version=12.2.0-14+deb12u1
if [ "$(uname -m)" != x86_64 ] || ! apt-get download --quiet "cpp-12=$version" "gcc-12=$version" "libgcc-12-dev=$version" >log 2>&1; then
    echo "error: needs the packages of Debian 12 for x86-64: apt-get download gcc-12=$version failed"
    exit 3
fi
for package in ./*.deb; do dpkg-deb --extract "$package" root; done
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check ziglang==0.13.0
cat >load.c <<'C'
#include <immintrin.h>
#include <string.h>
struct configuration { unsigned char palette, start, reserved[14]; unsigned short bytes[16]; unsigned char rows[16]; };
void load(unsigned char rows) {
    struct configuration wanted;
    memset(&wanted, 0, sizeof wanted);
    wanted.palette = 1;
    for (int tile = 0; tile < 8; ++tile) wanted.rows[tile] = rows;
    _tile_loadconfig(&wanted);
}
C
# uses FILE: whether the argument, which comes in the register rdi, is used at all.
uses() {
    grep --quiet ldtilecfg "$1" || { echo "error: $1 loads no configuration" && exit 3; }
    if grep --quiet --extended-regexp '%(edi|dil|rdi)' "$1"; then echo stored; else echo 'left out'; fi
}
gcc=(root/usr/bin/x86_64-linux-gnu-gcc-12 -B root/usr/lib/gcc/x86_64-linux-gnu/12/ -isystem root/usr/lib/gcc/x86_64-linux-gnu/12/include)
if ! "${gcc[@]}" -mamx-tile -O2 -S -o gcc-O2.s load.c 2>log; then
    cat log
    echo "error: that GCC does not run here"
    exit 3
fi
"${gcc[@]}" -mamx-tile -O0 -S -o gcc-O0.s load.c
ZIG_GLOBAL_CACHE_DIR="$folder/cache" env/bin/python -m ziglang cc -target x86_64-linux-musl -mamx-tile -O2 -S -o clang-O2.s load.c
plain=$(uses gcc-O0.s) optimized=$(uses gcc-O2.s) clang=$(uses clang-O2.s)
echo "$("${gcc[@]}" --version | head -n 1); rows of the tile configuration:"
printf '  %s\n' "gcc -O0: $plain" "gcc -O2: $optimized" "clang -O2: $clang"
if [ "$plain, $optimized, $clang" != "stored, left out, stored" ]; then
    echo "CHANGED: expected stored, left out, stored"
    exit 1
fi
