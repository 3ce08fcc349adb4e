# shellcheck shell=bash
# What scripts/package and scripts/test-package share: names, and the checks of an unpacked archive. Sourced, after prepare.sh.

# Libraries that every Linux system with glibc has. The archive uses no other file outside its folder.
readonly system_libraries=" libc.so.6 libm.so.6 libgcc_s.so.1 libdl.so.2 libpthread.so.0 ld-linux-x86-64.so.2 "

# How a file names the folder that it is in, to the loader.
readonly own_folder="\$ORIGIN"

# package_version: the version in Cargo.toml.
package_version() {
    # shellcheck disable=SC2154 # from prepare.sh
    sed -n 's/^version = "\(.*\)"$/\1/p' "$root/Cargo.toml" | head -n 1
}

# elf_files FOLDER: the program and the libraries in a folder, a path a line, sorted.
elf_files() {
    local file
    for file in "$1"/*; do
        [ -f "$file" ] && [ "$(head -c 4 "$file" | tail -c 3)" = ELF ] && echo "$file"
    done
    return 0
}

# dynamic_entries FILE KIND: the values of its NEEDED, RUNPATH, RPATH or SONAME entries.
dynamic_entries() {
    LC_ALL=C objdump -p "$1" | awk -v kind="$2" '$1 == kind { print $2 }'
}

# glibc_needed FOLDER: the newest version of glibc that a program or library in it needs.
glibc_needed() {
    elf_files "$1" | LC_ALL=C xargs -d '\n' objdump -T | sed -n 's/.*(\{0,1\}GLIBC_\([0-9][0-9.]*\))\{0,1\} .*/\1/p' | sort -uV | tail -n 1
}

# exports FILE NAME: whether a library defines that function for others.
exports() {
    LC_ALL=C objdump -T "$1" | awk -v name="$2" '$NF == name && !/\*UND\*/ { found = 1 } END { exit !found }'
}

# ggml_of FILE: the ggml that a backend says it was built with: the text at its symbol workly_perf_ggml.
ggml_of() {
    local address size
    read -r address size < <(LC_ALL=C objdump -T "$1" | awk '$NF == "workly_perf_ggml" { print $1, $(NF - 1) == "Base" ? $(NF - 2) : $(NF - 1) }') || return 0
    LC_ALL=C objdump -s -j .rodata --start-address="0x$address" --stop-address="$((0x$address + 0x$size - 1))" "$1" |
        awk '$1 ~ /^[0-9a-f]+$/ { for (at = 2; at <= 5; at++) if ($at ~ /^[0-9a-f]+$/ && length($at) % 2 == 0) printf "%s", $at }' |
        sed 's/../\\x&/g' | xargs -0 printf '%b'
}

# provided_later FILE LIBRARY: whether a library that an add-on needs comes from elsewhere: with the GPU's driver, or by fetch-cuda.
provided_later() {
    case "$1 $2" in
        "libggml-vulkan.so libvulkan.so.1") ;;
        "libggml-cuda.so libcuda.so.1" | "libggml-cuda.so libcudart.so.13" | "libggml-cuda.so libcublas.so.13") ;;
        *) return 1 ;;
    esac
}

# windows_libraries FILE…: the libraries of Windows that programs and libraries need, sorted: those that are not beside them.
windows_libraries() {
    local file
    for file in "$@"; do
        LC_ALL=C objdump -p "$file" | awk '$1 == "DLL" && $2 == "Name:" { print $3 }' | while read -r needed; do
            [ -e "$(dirname "$file")/$needed" ] || echo "${needed,,}"
        done
    done | LC_ALL=C sort -u
}

# check_windows_program FILE: that it needs only libraries of Windows, and those beside it.
check_windows_program() {
    local library
    case "$(LC_ALL=C objdump -f "$1" 2>/dev/null)" in *pei-x86-64*) ;; *) stop "$1 is not a program for Windows" ;; esac
    for library in $(windows_libraries "$1"); do
        case "$library" in
            # With the GPU's driver.
            vulkan-1.dll) [ "$(basename "$1")" = ggml-vulkan.dll ] || stop "$(basename "$1") needs $library" ;;
            api-ms-win-*.dll | advapi32.dll | bcrypt*.dll | combase.dll | crypt32.dll | iphlpapi.dll | kernel32.dll | msvcrt.dll | ntdll.dll | ole32.dll) ;;
            oleaut32.dll | pdh.dll | powrprof.dll | psapi.dll | rpcrt4.dll | secur32.dll | shell32.dll | user32.dll | userenv.dll | winmm.dll | ws2_32.dll) ;;
            *) stop "$(basename "$1") needs $library, which is neither in the archive nor a library of Windows" ;;
        esac
    done
}

# windows_exports FILE NAME: whether a library for Windows defines that function for others.
windows_exports() {
    LC_ALL=C objdump -p "$1" | awk -v name="$2" '/^\t\[ *[0-9]+\]/ && $NF == name { found = 1 } END { exit !found }'
}

# check_parts FOLDER LICENCE: that the texts of an archive are there.
check_parts() {
    local file
    for file in "$2" README.md BUILD.txt sbom.cdx.json licenses/llama.cpp.txt licenses/rust-crates.txt licenses/gcc-runtime.txt; do
        [ -s "$1/$file" ] || stop "the archive has no $file"
    done
}

# check_windows_files FOLDER: check_files for an archive for Windows.
check_windows_files() {
    local folder=$1 file name ggml variants=0
    ggml=$(sed -n 's/^ggml: //p' "$folder/BUILD.txt")
    [ -f "$folder/workly-perf.exe" ] || stop "the archive has no program"
    for file in "$folder"/*.exe "$folder"/*.dll; do
        name=$(basename "$file")
        check_windows_program "$file"
        case "$name" in
            ggml-base.dll) ;;
            ggml-*)
                windows_exports "$file" ggml_backend_init || stop "$name does not export ggml_backend_init"
                windows_exports "$file" workly_perf_ggml || stop "$name does not name its ggml"
                LC_ALL=C grep --quiet --text --fixed-strings "$ggml" "$file" || stop "$name was not built with ggml '$ggml'"
                ;;
        esac
        case "$name" in
            ggml-cpu-*)
                windows_exports "$file" ggml_backend_score || stop "$name does not export ggml_backend_score"
                variants=$((variants + 1))
                ;;
        esac
    done
    [ "$variants" -gt 1 ] || stop "the archive has $variants CPU variants"
    check_parts "$folder" LICENSE.txt
    say "files: $(printf '%s\n' "$folder"/*.exe "$folder"/*.dll | wc -l) programs and libraries, $variants CPU variants"
}

# check_files FOLDER: that an unpacked archive is complete and uses no file outside its folder but those of every system.
check_files() {
    local folder=$1 file name needed path ggml variants=0
    ggml=$(sed -n 's/^ggml: //p' "$folder/BUILD.txt")
    for file in $(elf_files "$folder"); do
        name=$(basename "$file")
        for needed in $(dynamic_entries "$file" NEEDED); do
            case "$system_libraries" in *" $needed "*) continue ;; esac
            [ ! -f "$folder/$needed" ] && provided_later "$name" "$needed" && continue
            [ -f "$folder/$needed" ] || stop "$name needs $needed, which is neither in the archive nor on every system"
            [ "$(dynamic_entries "$file" RUNPATH)" = "$own_folder" ] ||
                stop "$name needs $needed from its own folder, but its RUNPATH is not \$ORIGIN"
        done
        path=$(dynamic_entries "$file" RUNPATH)$(dynamic_entries "$file" RPATH)
        case "$path" in '' | "$own_folder") ;; *) stop "$name looks for libraries in $path" ;; esac
        if LC_ALL=C objdump -T "$file" | grep -q 'GLIBCXX_'; then
            stop "$name needs the shared C++ library: it must be linked in"
        fi
        case "$name" in
            libggml-base.so*) ;;
            libggml-*)
                exports "$file" ggml_backend_init || stop "$name does not export ggml_backend_init"
                [ "$(ggml_of "$file")" = "$ggml" ] || stop "$name was built with ggml '$(ggml_of "$file")', the program with '$ggml'"
                ;;
        esac
        case "$name" in
            libggml-cpu-*)
                exports "$file" ggml_backend_score || stop "$name does not export ggml_backend_score"
                variants=$((variants + 1))
                ;;
        esac
    done
    [ -x "$folder/workly-perf" ] || stop "the archive has no program"
    [ "$variants" -gt 1 ] || stop "the archive has $variants CPU variants"
    check_parts "$folder" LICENSE
    say "files: $(elf_files "$folder" | wc -l) programs and libraries, $variants CPU variants; glibc $(glibc_needed "$folder") or later"
}
