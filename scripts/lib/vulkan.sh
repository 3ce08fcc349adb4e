# shellcheck shell=bash
# Gets a machine ready to build llama.cpp with Vulkan and to run it on Mesa's software driver. Sourced by scripts/test-gpu.

# The oldest version of the Vulkan headers that llama.cpp is known to build with, as their VK_HEADER_VERSION.
readonly vulkan_headers_wanted=309

# The release of Debian that has them, for machines whose own release is older.
readonly vulkan_headers_suite=trixie

# prepare_vulkan: loader, compiler of shaders, driver, and headers that are new enough, which need not be installed.
prepare_vulkan() {
    is_apt || stop "the tests on Vulkan are prepared with apt, which is not here" "scripts/test runs all others"
    local missing=() package
    for package in mesa-vulkan-drivers libvulkan-dev glslc spirv-headers; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ "${#missing[@]}" = 0 ] || apt_install "${missing[@]}"

    local headers=/usr
    if [ "$(vulkan_headers_in /usr)" -lt "$vulkan_headers_wanted" ]; then
        headers="$root/target/vulkan-headers/usr"
        [ "$(vulkan_headers_in "$headers")" -ge "$vulkan_headers_wanted" ] || fetch_vulkan_headers
        [ "$(vulkan_headers_in "$headers")" -ge "$vulkan_headers_wanted" ] ||
            stop "the Vulkan headers are older than llama.cpp needs" "install Vulkan headers 1.4.$vulkan_headers_wanted or later"
        # Where CMake and the compiler look first.
        export VULKAN_SDK="$headers"
        export CXXFLAGS="-I$headers/include${CXXFLAGS:+ $CXXFLAGS}"
    fi
}

# vulkan_headers_in FOLDER: their VK_HEADER_VERSION; 0 where there are none.
vulkan_headers_in() {
    local found
    found=$(sed -n 's/^#define VK_HEADER_VERSION \([0-9]*\)$/\1/p' "$1/include/vulkan/vulkan_core.h" 2>/dev/null || true)
    echo "${found:-0}"
}

# fetch_vulkan_headers: those of a later Debian, from wherever this machine has its packages, unpacked and not installed.
# apt checks the signature as ever; its own lists and sources are left alone.
fetch_vulkan_headers() {
    local suite folder
    suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    [ -n "$suite" ] || stop "this system does not name its release" "install newer Vulkan headers yourself"
    folder="$root/target/vulkan-headers"
    say "fetching the Vulkan headers of Debian $vulkan_headers_suite: those of $suite are too old for llama.cpp"
    rm -rf "$folder"
    mkdir -p "$folder/apt/lists/partial" "$folder/apt/cache/archives/partial" "$folder/apt/parts"
    vulkan_sources "$suite" >"$folder/apt/parts/later.sources"
    local options=(
        -qq -o "Dir::State::Lists=$folder/apt/lists" -o "Dir::Cache=$folder/apt/cache" -o "Dir::Etc::SourceList=/dev/null"
        -o "Dir::Etc::SourceParts=$folder/apt/parts" -o "APT::Sandbox::User=" -o "Acquire::Languages=none"
    )
    (
        cd "$folder/apt"
        apt-get "${options[@]}" update
        apt-get "${options[@]}" download "libvulkan-dev/$vulkan_headers_suite"
        dpkg-deb --fsys-tarfile libvulkan-dev_*.deb | tar x -C "$folder" ./usr/include
    ) || stop "the Vulkan headers could not be fetched" "install Vulkan headers 1.4.$vulkan_headers_wanted or later yourself"
    rm -rf "$folder/apt"
}

# vulkan_sources SUITE: this machine's own sources of Debian's main archive, for the later release, as deb822.
vulkan_sources() {
    local uri
    uri=$(
        {
            cat /etc/apt/sources.list.d/*.sources 2>/dev/null | awk -v RS= -v suite="$1" '
                {
                    uri = ""; ours = 0
                    lines = split($0, line, "\n")
                    for (at = 1; at <= lines; at++) {
                        count = split(line[at], word, /[ \t]+/)
                        if (word[1] == "URIs:") uri = word[2]
                        if (word[1] == "Suites:") for (i = 2; i <= count; i++) if (word[i] == suite) ours = 1
                    }
                    if (ours && uri != "") print uri
                }'
            cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
                sed -n "s/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\) $1 .*/\2/p"
        } | head -1 || true # a list that is not there, or is longer than one line, is no failure
    )
    [ -n "$uri" ] || stop "no apt source of $1 is known here" "install newer Vulkan headers yourself"
    printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\n' "$uri" "$vulkan_headers_suite"
    [ ! -e /usr/share/keyrings/debian-archive-keyring.gpg ] ||
        printf 'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n'
}
