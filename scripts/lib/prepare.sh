# shellcheck shell=bash
# Gets a machine ready to build and check workly-perf. Sourced by scripts/quickstart and scripts/test.
#
# Installs only what is missing, and only by apt-get (Debian, Ubuntu) and rustup. On any other system it says exactly
# what to install and stops. Asks no questions of its own; sudo may ask for a password when a terminal is there.
# Kept to what bash 3.2 knows, since macOS has no later one.

root=$(CDPATH='' cd -- "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly root
apt_lists_fresh=no

# say TEXT: one line of progress, to stderr.
say() {
    printf '==> %s\n' "$*" >&2
}

# stop TEXT [LINE…]: what is wrong, what to do, and the end.
stop() {
    printf 'error: %s\n' "$1" >&2
    shift
    local line
    for line in "$@"; do
        printf 'hint: %s\n' "$line" >&2
    done
    exit 1
}

# have NAME: whether that program is there.
have() {
    command -v "$1" >/dev/null 2>&1
}

# is_linux, is_apt: which kind of system this is.
is_linux() {
    [ "$(uname -s)" = Linux ]
}

is_apt() {
    is_linux && have apt-get && have dpkg
}

# as_root COMMAND…: runs it as root, by sudo only where needed.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
        return
    fi
    have sudo || stop "installing needs root, and there is no sudo" "as root, run: $*"
    # Without a terminal nobody could type the password that sudo may want.
    [ -t 0 ] || sudo -n true 2>/dev/null ||
        stop "installing needs root, and sudo cannot ask for a password here" "run it yourself: sudo $*"
    sudo "$@"
}

# apt_refresh: brings the package lists up to date, once.
apt_refresh() {
    if [ "$apt_lists_fresh" = no ]; then
        say "updating the apt package lists"
        as_root apt-get update -qq >/dev/null || stop "apt-get update failed" "its messages are above"
        apt_lists_fresh=yes
    fi
}

# apt_has PACKAGE: whether apt can install it. Fresh images have empty lists, hence the second look.
apt_has() {
    apt_lists "$1" || { apt_refresh && apt_lists "$1"; }
}

apt_lists() {
    local policy
    policy=$(LC_ALL=C apt-cache policy "$1" 2>/dev/null)
    case "$policy" in
        *"Candidate: (none)"*) return 1 ;;
        *"Candidate: "*) return 0 ;;
        *) return 1 ;;
    esac
}

# apt_install PACKAGE…: installs them; removes nothing for their sake.
apt_install() {
    local package
    for package in "$@"; do
        apt_has "$package" || stop "apt knows no package named $package"
    done
    say "installing with apt: $*"
    apt_get_install "$@" && return
    # Lists that are out of date name files that servers no longer have.
    [ "$apt_lists_fresh" = no ] && apt_refresh && apt_get_install "$@" && return
    stop "apt-get could not install: $*" "its messages are above"
}

apt_get_install() {
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends --no-remove "$@" >/dev/null
}

# advice WHAT: the command that installs `cc`, `llama` (what builds llama.cpp), `python` or `mono` on a system without apt.
advice() {
    local manager
    if [ "$(uname -s)" = Darwin ]; then
        case "$1" in
            llama) echo "run: xcode-select --install, and: brew install cmake" ;;
            mono) echo "run: brew install mono" ;;
            *) echo "run: xcode-select --install" ;;
        esac
        return
    fi
    for manager in dnf pacman zypper apk; do
        if have "$manager"; then
            case "$manager-$1" in
                dnf-cc) echo "run: sudo dnf install gcc" ;;
                dnf-llama) echo "run: sudo dnf install gcc-c++ cmake clang clang-devel" ;;
                dnf-python) echo "run: sudo dnf install python3 python3-pip" ;;
                dnf-mono) echo "run: sudo dnf install mono-core" ;;
                pacman-cc) echo "run: sudo pacman -S --needed base-devel" ;;
                pacman-llama) echo "run: sudo pacman -S --needed base-devel cmake clang" ;;
                pacman-python) echo "run: sudo pacman -S --needed python python-pip" ;;
                pacman-mono) echo "run: sudo pacman -S --needed mono" ;;
                zypper-cc) echo "run: sudo zypper install gcc" ;;
                zypper-llama) echo "run: sudo zypper install gcc-c++ cmake clang clang-devel" ;;
                zypper-python) echo "run: sudo zypper install python3 python3-pip" ;;
                zypper-mono) echo "run: sudo zypper install mono-core" ;;
                apk-cc) echo "run: sudo apk add build-base" ;;
                apk-llama) echo "run: sudo apk add build-base linux-headers cmake clang clang-dev" ;;
                apk-python) echo "run: sudo apk add python3 py3-pip" ;;
                apk-mono) echo "run: sudo apk add mono" ;;
            esac
            return
        fi
    done
    case "$1" in
        cc) echo "install a C compiler that answers to 'cc' (gcc or clang, with the C library's headers)" ;;
        llama) echo "install a C++ compiler that answers to 'c++', CMake, and clang with its library (libclang)" ;;
        python) echo "install Python 3 with its venv and pip modules" ;;
        mono) echo "install Mono with its C# compiler: the programs mono and mcs" ;;
    esac
}

# links: whether `cc` can link a program, which is what rustc needs of it.
links() {
    have cc || return 1
    local folder ok=0
    folder=$(mktemp -d)
    printf 'int main(void) { return 0; }\n' >"$folder/probe.c"
    cc -o "$folder/probe" "$folder/probe.c" >/dev/null 2>&1 || ok=1
    rm -rf "$folder"
    return "$ok"
}

# prepare_linker: a C compiler to link with.
prepare_linker() {
    links && return
    if is_apt; then
        apt_install build-essential
        links || stop "cc still cannot link a program after build-essential was installed"
    else
        stop "there is no C compiler that can link a program" "$(advice cc)"
    fi
}

# has_libclang: whether the library is there that reads llama.cpp's headers for the build.
has_libclang() {
    local library
    # Set by those who keep it elsewhere; and what `cc` is on macOS brings it along.
    [ -n "${LIBCLANG_PATH:-}" ] || [ "$(uname -s)" = Darwin ] && return
    for library in /usr/lib/llvm*/lib/libclang*.so* /usr/lib*/libclang*.so* /usr/lib/*/libclang*.so* /usr/local/lib*/libclang*.so*; do
        # libclang-cpp is another library, and a pattern that matches nothing stays as it is.
        case "$library" in
            */libclang-cpp*) ;;
            *) [ -e "$library" ] && return ;;
        esac
    done
    return 1
}

# prepare_llama: what llama.cpp is built with, which is a part of every build but `--no-default-features`.
prepare_llama() {
    local missing=()
    have c++ || missing+=(g++)
    have cmake || missing+=(cmake)
    have clang || missing+=(clang)
    has_libclang || missing+=(libclang-dev)
    [ "${#missing[@]}" = 0 ] && return
    if is_apt; then
        apt_install "${missing[@]}"
    else
        stop "to build llama.cpp, some of this is missing: a C++ compiler, CMake, clang and its library" "$(advice llama)" \
            "without models there is no need for it: cargo build --no-default-features"
    fi
}

# version_at_least FOUND WANTED: compares dotted numbers.
version_at_least() {
    local found wanted i
    IFS=. read -r -a found <<<"$1"
    IFS=. read -r -a wanted <<<"$2"
    for i in 0 1 2; do
        [ "${found[i]:-0}" -gt "${wanted[i]:-0}" ] && return 0
        [ "${found[i]:-0}" -lt "${wanted[i]:-0}" ] && return 1
    done
    return 0
}

# cargo_version: the number that cargo gives; nothing when it is not there or has no toolchain behind it.
cargo_version() {
    { cargo --version 2>/dev/null || true; } | sed -n 's/^cargo \([0-9][0-9.]*\).*/\1/p'
}

# rust_is_enough WANTED: whether cargo is there and new enough.
rust_is_enough() {
    local found
    found=$(cargo_version)
    [ -n "$found" ] && version_at_least "$found" "$1"
}

# prepare_rust: cargo, at least at the rust-version of Cargo.toml.
prepare_rust() {
    local wanted found
    # Where rustup keeps cargo, for shells that were started before it was installed.
    PATH="${CARGO_HOME:-${HOME:-}/.cargo}/bin:$PATH"
    export PATH
    wanted=$(sed -n 's/^rust-version = "\([0-9.]*\)".*/\1/p' "$root/Cargo.toml")
    [ -n "$wanted" ] || stop "Cargo.toml names no rust-version"
    rust_is_enough "$wanted" && return

    found=$(cargo_version)
    if ! have rustup && is_apt && apt_has rustup; then
        if [ -n "$found" ]; then
            stop "cargo is $found, and workly-perf needs $wanted or later" \
                "your cargo is a package that rustup replaces; run: sudo apt-get install rustup && rustup default stable"
        fi
        apt_install rustup
    fi
    if have rustup; then
        install_stable_rust
    fi
    rust_is_enough "$wanted" || stop "cargo is ${found:-missing}, and workly-perf needs $wanted or later" \
        "install Rust from https://rustup.rs, open a new shell, and run this again"
}

# install_stable_rust: the stable toolchain. A default that the user chose stays theirs: it is passed by for this run.
install_stable_rust() {
    say "installing the stable Rust toolchain with rustup"
    if rustup default >/dev/null 2>&1; then
        rustup toolchain install stable --profile minimal --no-self-update >&2 || stop "rustup could not install stable Rust"
        export RUSTUP_TOOLCHAIN=stable
    else
        rustup default stable >&2 || stop "rustup could not install stable Rust"
    fi
}

# prepare_certificates: what cargo, rustup and pip check servers against; the smallest images have none.
prepare_certificates() {
    if is_apt && [ ! -e /etc/ssl/certs/ca-certificates.crt ]; then
        apt_install ca-certificates
    fi
}

# prepare_build: all that `cargo build` needs.
prepare_build() {
    prepare_certificates
    prepare_linker
    prepare_llama
    prepare_rust
}

# prepare_lints: cargo fmt and cargo clippy.
prepare_lints() {
    if cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1; then
        return
    fi
    have rustup || stop "cargo fmt or cargo clippy is missing" \
        "install your system's packages for rustfmt and clippy, or Rust from https://rustup.rs"
    say "adding rustfmt and clippy with rustup"
    rustup component add rustfmt clippy >&2 || stop "rustup could not add rustfmt and clippy"
}

# prepare_python: a virtual environment in target/test-venv with what the tests read files back with.
prepare_python() {
    local venv="$root/target/test-venv" wanted="$root/tests/python/requirements.txt" bin
    if ! python3 -c 'import ensurepip, venv' >/dev/null 2>&1; then
        if is_apt; then
            apt_install python3 python3-venv
        else
            stop "Python 3 with its venv module is missing" "$(advice python)"
        fi
    fi
    bin="$venv/bin"
    # A folder without a working pip was left half-made, or its Python is gone.
    if ! "$bin/python" -m pip --version >/dev/null 2>&1; then
        say "making the Python environment of the tests"
        python3 -m venv --clear "$venv" || stop "python3 could not make a virtual environment"
    fi
    if ! cmp -s "$wanted" "$venv/installed.txt"; then
        say "installing the Python packages of the tests"
        "$bin/python" -m pip install --quiet --disable-pip-version-check -r "$wanted" ||
            stop "pip could not install the Python packages of the tests"
        cp "$wanted" "$venv/installed.txt"
    fi
}

# prepare_mono: a C# compiler and what runs its programs, for the bridge in scripts/unity without Unity.
prepare_mono() {
    local missing=()
    have mcs || missing+=(mono-mcs)
    have mono || missing+=(mono-runtime)
    [ "${#missing[@]}" = 0 ] && return
    if is_apt; then
        apt_install "${missing[@]}"
    else
        stop "the C# bridge is tested with Mono, which is missing" "$(advice mono)"
    fi
}
