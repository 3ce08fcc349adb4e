# shellcheck shell=bash
# Prepares a machine to build llama.cpp with Vulkan and to run it on Mesa's software driver. Sourced by scripts/test-gpu.

# The oldest Vulkan headers that llama.cpp is known to build with, as their VK_HEADER_VERSION.
readonly vulkan_headers_wanted=309

# The Debian release that has them, for machines with an older release.
readonly vulkan_headers_suite=trixie

# prepare_vulkan: loader, shader compiler, driver, and headers that are new enough, which need not be installed.
prepare_vulkan() {
    is_apt || stop "preparing the Vulkan tests needs apt, which is missing" "scripts/test runs all other tests"
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
        # CMake and the compiler search here first.
        export VULKAN_SDK="$headers"
        export CXXFLAGS="-I$headers/include${CXXFLAGS:+ $CXXFLAGS}"
    fi
}

# vulkan_headers_in FOLDER: their VK_HEADER_VERSION; 0 if there are none.
vulkan_headers_in() {
    local found
    found=$(sed -n 's/^#define VK_HEADER_VERSION \([0-9]*\)$/\1/p' "$1/include/vulkan/vulkan_core.h" 2>/dev/null || true)
    echo "${found:-0}"
}

# windows_vulkan FOLDER: headers, apart from this system's others, and a library to link with Windows' loader, vulkan-1.dll.
windows_vulkan() {
    local headers=${VULKAN_SDK:-/usr} part
    mkdir -p "$1/include"
    for part in "$headers"/include/vulkan "$headers"/include/vk_video /usr/include/spirv /usr/include/spirv-headers; do
        [ ! -d "$part" ] || cp -r "$part" "$1/include/"
    done
    {
        echo "LIBRARY vulkan-1.dll"
        echo "EXPORTS"
        # The functions of Vulkan itself: those of extensions end in the name of their author.
        sed -n 's/^VKAPI_ATTR .* VKAPI_CALL \(vk[A-Za-z0-9]*[a-z0-9]\)(.*/    \1/p' "$headers/include/vulkan/vulkan_core.h" | LC_ALL=C sort -u
    } >"$1/vulkan-1.def"
    x86_64-w64-mingw32-dlltool --input-def "$1/vulkan-1.def" --output-lib "$1/libvulkan-1.a"
}

# fetch_vulkan_headers: downloads those of a later Debian from this machine's package source, and unpacks them without installing.
# apt checks the signature as usual; its own lists and sources are not changed.
fetch_vulkan_headers() {
    local suite folder
    suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    [ -n "$suite" ] || stop "the release of this system is unknown" "install newer Vulkan headers manually"
    folder="$root/target/vulkan-headers"
    say "downloading the Vulkan headers of Debian $vulkan_headers_suite: those of $suite are too old for llama.cpp"
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
    ) || stop "the Vulkan headers could not be downloaded" "install Vulkan headers 1.4.$vulkan_headers_wanted or later manually"
    rm -rf "$folder/apt"
}

# vulkan_sources SUITE: this machine's sources of Debian's main archive, for the later release, as deb822.
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
        } | head -1 || true # a missing list, or one longer than one line, is not a failure
    )
    [ -n "$uri" ] || stop "no apt source of $1 was found" "install newer Vulkan headers manually"
    printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\n' "$uri" "$vulkan_headers_suite"
    [ ! -e /usr/share/keyrings/debian-archive-keyring.gpg ] ||
        printf 'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n'
}
