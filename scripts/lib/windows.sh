# shellcheck shell=bash
# Prepares Debian or Ubuntu to build workly-perf for Windows. Sourced after prepare.sh.
#
# The compilers for C and C++ are packages of the system. Rust's standard library for Windows is taken from the toolchain in use if that has
# one. Otherwise Debian's Rust builds it: the packages of Debian's development branch are unpacked below target/windows/rust, where their
# compiler and the sources of its standard library have the same version, and nothing of them is installed. Each step is kept, so that a run
# that was interrupted continues.

readonly windows_triple=x86_64-pc-windows-gnu
# shellcheck disable=SC2154 # root is set by prepare.sh.
readonly windows_kept="$root/target/windows"
# A file beside the standard library that says with which flags it was built: another name with each change of them.
readonly windows_library_mark=bitcode-without-paths
# What Debian's Rust, the standard library and a build with llama.cpp take, in MiB.
readonly windows_space_mib=9000

# prepare_windows PACKAGE…: the cross compilers, Rust's standard library for Windows, and programs given as packages.
prepare_windows() {
    prepare_space
    prepare_windows_packages "$@"
    prepare_windows_rust
}

# prepare_windows_packages PACKAGE…: the cross compiler for C, and programs given as packages.
prepare_windows_packages() {
    is_apt || stop "a build for Windows needs Debian or Ubuntu" "elsewhere, install MinGW-w64, and see scripts/lib/windows.sh for the commands"
    local missing=()
    have x86_64-w64-mingw32-gcc-posix || missing+=(gcc-mingw-w64-x86-64-posix)
    missing+=("$@")
    [ "${#missing[@]}" = 0 ] || apt_install "${missing[@]}"
}

# prepare_windows_build: those, and what a build with llama.cpp needs.
prepare_windows_build() {
    local missing=("$@")
    have x86_64-w64-mingw32-g++-posix || missing+=(g++-mingw-w64-x86-64-posix)
    have cmake || missing+=(cmake)
    have make || missing+=(make)
    has_libclang || missing+=(libclang-dev)
    prepare_windows "${missing[@]}"
}

# wine_packages: the packages that Wine lacks here, a name a line.
wine_packages() {
    have wine || echo wine
    [ -x /usr/lib/wine/wine64 ] || have wine64 || echo wine64
}

# prepare_prefix FOLDER…: Wine's folder, and the libraries that programs need and Wine 8 lacks, whole or in part. The programs are in these
# folders.
prepare_prefix() {
    export WINEPREFIX="$windows_kept/wine" WINEARCH=win64 WINEDEBUG=-all WINEDLLOVERRIDES="mscoree,mshtml=;bcryptprimitives,pdh=n,b"
    if [ ! -f "$WINEPREFIX/system.reg" ]; then
        say "creating Wine's folder"
        wine wineboot --init >"$windows_kept/wineboot.log" 2>&1 || stop "Wine does not start" "its messages are in $windows_kept/wineboot.log"
        # Wine 8 poses as Windows 7 otherwise, which has no high-resolution timers.
        wine reg add 'HKCU\Software\Wine' /v Version /d win10 /f >>"$windows_kept/wineboot.log" 2>&1
        wineserver -w
    fi
    local name folder system="$WINEPREFIX/drive_c/windows/system32"
    for name in bcryptprimitives pdh; do
        if [ ! "$windows_kept/$name.dll" -nt "$root/scripts/windows/$name.c" ]; then
            x86_64-w64-mingw32-gcc-posix -O2 -shared -o "$windows_kept/$name.dll" "$root/scripts/windows/$name.c" -ladvapi32
        fi
    done
    # Every program needs the first, wherever it is. The second uses Wine's, so that it must not take its place.
    [ -e "$system/bcryptprimitives.dll" ] || cp "$windows_kept/bcryptprimitives.dll" "$system/"
    for folder in "$@"; do cp "$windows_kept/pdh.dll" "$folder/"; done
}

# prepare_space: stops if the disk is too small for what is still to be built.
prepare_space() {
    local used free
    mkdir -p "$windows_kept"
    used=$(du -sm "$windows_kept" | cut -f 1)
    free=$(df -Pm "$windows_kept" | awk 'NR == 2 { print $4 }')
    [ $((used + free)) -ge "$windows_space_mib" ] ||
        stop "a build for Windows takes $((windows_space_mib / 1000)) GB in $windows_kept, and $((free / 1000)) GB are free" "free some space, or make target a link to a larger disk"
}

# prepare_windows_rust: sets RUSTC to a compiler that has a standard library for Windows, unless the one in use has.
prepare_windows_rust() {
    local library folder="$windows_kept/rust"
    library=$(rustc --print target-libdir --target "$windows_triple" 2>/dev/null || true)
    [ ! -d "${library:-/none}" ] || return 0
    [ "$(dpkg --print-architecture)" = amd64 ] || stop "Rust's standard library for $windows_triple is missing" "install Rust from https://rustup.rs, and add that target"
    [ -d "$folder/root" ] || unpack_rust "$folder"
    # The packages need a newer C library than the system may have, and bring it. Written each time: the checkout may have been moved.
    # bash and not sh, which may drop variables with a hyphen in their names, and Cargo passes such names.
    cat >"$folder/rustc" <<WRAPPER
#!/usr/bin/env bash
exec "$folder/root/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" --library-path "$folder/root/usr/lib/x86_64-linux-gnu" \\
    "$folder/root/usr/bin/rustc" --sysroot "$folder/root/usr" "\$@"
WRAPPER
    chmod +x "$folder/rustc"
    export RUSTC="$folder/rustc"
    prepare_standard_library "$folder"
}

# unpack_rust FOLDER: Debian's Rust compiler with the sources of its standard library, in FOLDER/root.
unpack_rust() {
    local folder=$1 mirror package keys=/usr/share/keyrings/debian-archive-keyring.gpg
    # shellcheck disable=SC2016 # Expanded by apt.
    mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | sed -n '\,/debian/*$,{p;q;}')}
    [ -n "$mirror" ] || stop "Rust's standard library for $windows_triple is missing, and apt names no mirror of Debian to take it from" \
        "set DEBIAN_MIRROR to the address of one, or add the target $windows_triple to your Rust"
    [ -f "$keys" ] || apt_install debian-archive-keyring
    say "fetching Debian's Rust and its sources (150 MB)"
    mkdir -p "$folder/apt/lists/partial" "$folder/apt/archives/partial" "$folder/unfinished"
    echo "deb [signed-by=$keys] $mirror sid main" >"$folder/apt/sources.list"
    # A C compiler and its linker are here already. The rest is unpacked, down to the C library.
    for package in gcc libc-dev binutils; do
        printf 'Package: %s\nStatus: install ok installed\nArchitecture: amd64\nMulti-Arch: foreign\nMaintainer: none\nVersion: 1:99\nDescription: of this system\n\n' "$package"
    done >"$folder/apt/status"
    if ! apt_of_rust "$folder" update ||
        ! apt_of_rust "$folder" install --yes --no-install-recommends --download-only rustc rust-src; then
        stop "apt could not fetch Debian's Rust" "see the messages above; run this again to continue"
    fi
    say "unpacking it"
    for package in "$folder"/apt/archives/*.deb; do
        dpkg-deb --extract "$package" "$folder/unfinished" || stop "$package cannot be unpacked" "remove $folder, and run this again"
    done
    mv "$folder/unfinished" "$folder/root"
    rm -r "$folder/apt"
}

# apt_of_rust FOLDER ARGUMENT…: apt-get with lists, packages and state of its own: it neither needs root nor changes the system.
apt_of_rust() {
    local folder="$1/apt"
    shift
    apt-get -qq -o Dir::Etc::SourceList="$folder/sources.list" -o Dir::Etc::SourceParts=- -o Dir::State::Lists="$folder/lists" \
        -o Dir::State::status="$folder/status" -o Dir::Cache="$folder" -o Dir::Cache::archives="$folder/archives" \
        -o APT::Sandbox::User="$(id -un)" "$@" >&2
}

# prepare_standard_library FOLDER: builds it unless that was done, with the flags that it needs now.
prepare_standard_library() {
    local installed="$1/root/usr/lib/rustlib/$windows_triple"
    if [ -d "$installed" ] && [ ! -e "$installed/$windows_library_mark" ]; then
        # What was built with an earlier one cannot be linked with this one.
        rm -rf "$installed" "${windows_kept:?}/$windows_triple"
    fi
    [ -d "$installed" ] || build_standard_library "$1"
}

# build_standard_library FOLDER: the standard library for Windows, from the sources in FOLDER/root into the compiler's own folder.
build_standard_library() {
    local folder=$1 sources installed new object
    sources=$(cd "$folder/root/usr/lib/rustlib/src/rust/library" && pwd -P)
    installed="$folder/root/usr/lib/rustlib/$windows_triple"
    new="$folder/$windows_triple"
    say "building Rust's standard library for Windows (about two minutes of CPU)"
    rm -rf "$new"
    mkdir -p "$new/lib" "$folder/empty/src"
    for object in rsbegin rsend; do
        RUSTC_BOOTSTRAP=1 "$RUSTC" --edition 2024 --target "$windows_triple" -O --emit obj -o "$new/lib/$object.o" "$sources/rtstartup/$object.rs" ||
            stop "Rust's start-up objects for Windows do not compile"
    done
    # Cargo builds a standard library only for a program. Its dependencies are among the sources. A program that is optimised as a whole needs
    # their bitcode.
    printf '[package]\nname = "empty"\nedition = "2024"\n[workspace]\n' >"$folder/empty/Cargo.toml"
    echo 'fn main() {}' >"$folder/empty/src/main.rs"
    (cd "$folder/empty" && RUSTC_BOOTSTRAP=1 RUSTFLAGS="-C target-cpu=x86-64 -C embed-bitcode=yes --remap-path-prefix=$folder=rust" CARGO_TARGET_DIR="$folder/standard" \
        CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER=x86_64-w64-mingw32-gcc-posix \
        cargo build --release --target "$windows_triple" -Z build-std=std,panic_abort,panic_unwind,test \
        --config "source.crates-io.replace-with='sources'" --config "source.sources.directory='$sources/vendor'" >&2) ||
        stop "Rust's standard library for Windows does not compile" "see the messages above; run this again to continue"
    cp "$folder/standard/$windows_triple"/release/deps/*.rlib "$new/lib/"
    touch "$new/$windows_library_mark"
    mv "$new" "$installed"
    rm -r "$folder/standard" "$folder/empty"
}

# prepare_windows_compilers: the environment in which cargo builds for Windows, with llama.cpp.
prepare_windows_compilers() {
    local flags
    export CARGO_TARGET_DIR="$windows_kept"
    export CC_x86_64_pc_windows_gnu=x86_64-w64-mingw32-gcc-posix CXX_x86_64_pc_windows_gnu=x86_64-w64-mingw32-g++-posix
    export AR_x86_64_pc_windows_gnu=x86_64-w64-mingw32-ar CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER=x86_64-w64-mingw32-gcc-posix
    # The stack of Windows is aligned to 16 bytes, and GCC writes vector registers of 32 and 64 bytes to it as if it were aligned to
    # theirs: the assembler has to take the instructions that need no alignment.
    flags=-Wa,-muse-unaligned-vector-move
    if ! printf '#include <windows.h>\nTHREAD_POWER_THROTTLING_STATE state;\n' |
        "$CC_x86_64_pc_windows_gnu" -x c -fsyntax-only - 2>/dev/null; then
        flags+=" -include $root/scripts/windows/mingw.h"
    fi
    export CFLAGS_x86_64_pc_windows_gnu="$flags" CXXFLAGS_x86_64_pc_windows_gnu="$flags"
    # The runtime libraries of GCC become part of each DLL of llama.cpp, and none of them exports them.
    export LDFLAGS="-static -Wl,--exclude-libs,libgcc_eh.a:libgomp.a:libpthread.a:libwinpthread.a"
    export BINDGEN_EXTRA_CLANG_ARGS_x86_64_pc_windows_gnu=-I/usr/x86_64-w64-mingw32/include
}
