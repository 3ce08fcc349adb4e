# shellcheck shell=bash
# Builds the CUDA add-on on a machine that needs neither a GPU nor a driver: the compiler comes with pip, from NVIDIA's packages. Sourced by
# scripts/package, after prepare.sh.

# The compiler and what it needs, pinned. 525 MB to download, 840 MB unpacked. A driver of version 580 or later runs what they build.
readonly cuda_packages="
nvidia-cuda-nvcc==13.0.88 --hash=sha256:56fe502eb77625a12f25172caa3cdddb4e4c8ba2c8c17dba44b164761b380f03
nvidia-nvvm==13.0.88 --hash=sha256:c5f41ffeb6466944a026dfa5317d7d85355c119bbec279205d22f1869d1054e0
nvidia-cuda-crt==13.0.88 --hash=sha256:2c8043c7c9e02492716426e9919fc78d2c5b3b2a7a768a88e952676b08aa55a4
nvidia-cuda-cccl==13.0.85 --hash=sha256:e0da7ad981f3a8aff08241b5bfc1af868742a63e2762f53a5171c492ef242649
nvidia-cuda-runtime==13.0.96 --hash=sha256:7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548
nvidia-cublas==13.0.2.14 --hash=sha256:0cf238ffdbe46c00cb9aa98e7bca745c223a5ca5a53e686ac8b3e5a08fe80d6c"

# The functions of NVIDIA's driver that ggml calls. The real libcuda.so.1 comes with the driver.
readonly cuda_driver_functions="cuDeviceGet cuDeviceGetAttribute cuGetErrorString cuMemAddressFree cuMemAddressReserve cuMemCreate
cuMemGetAllocationGranularity cuMemMap cuMemRelease cuMemSetAccess cuMemUnmap"

# prepare_cuda FOLDER: the toolkit in that folder, as a CUDA installation would have it.
prepare_cuda() {
    local folder=$1 name
    printf '%s\n' "$cuda_packages" | cmp -s - "$folder/installed.txt" && return
    prepare_pip
    python3 -m pip --version >/dev/null 2>&1 || stop "the CUDA compiler is fetched with pip, which is missing" "$(advice python)"
    say "fetching the CUDA compiler with pip: 525 MB to download, 840 MB unpacked"
    rm -rf "$folder" && mkdir -p "$folder/wheels" "$folder/unpacked"
    printf '%s\n' "$cuda_packages" >"$folder/requirements.txt"
    python3 -m pip --disable-pip-version-check --no-input --quiet download --no-deps --only-binary :all: --require-hashes \
        --platform manylinux_2_27_x86_64 --platform manylinux2014_x86_64 --platform manylinux2010_x86_64 \
        --dest "$folder/wheels" --requirement "$folder/requirements.txt" || stop "pip could not fetch the CUDA compiler" "see its messages above"
    for name in "$folder"/wheels/*.whl; do
        python3 -I -m zipfile -e "$name" "$folder/unpacked"
    done
    mv "$folder/unpacked/nvidia/cu13" "$folder/toolkit"
    rm -rf "$folder/unpacked" "$folder/wheels"
    # A wheel unpacked without pip has no execute bits.
    find "$folder/toolkit/bin" "$folder/toolkit/nvvm/bin" -type f -exec chmod 755 {} +
    ln -s lib "$folder/toolkit/lib64"
    for name in cudart cublas cublasLt; do
        ln -s "lib$name.so.13" "$folder/toolkit/lib/lib$name.so"
    done
    mkdir -p "$folder/toolkit/lib/stubs"
    for name in $cuda_driver_functions; do
        printf 'int %s(void) { return 100; }\n' "$name"
    done | cc -shared -fPIC -x c - -o "$folder/toolkit/lib/stubs/libcuda.so" -Wl,-soname,libcuda.so.1
    printf '%s\n' "$cuda_packages" >"$folder/installed.txt"
}

# build_cuda SOURCES FOLDER ARCHITECTURES: builds libggml-cuda.so from llama.cpp's sources, for GPUs of these architectures, separated by
# semicolons. Takes about 50 minutes of CPU for each. Prints the path of the library.
build_cuda() {
    local sources=$1 folder=$2 architectures=$3 toolkit="$2/toolkit"
    # shellcheck disable=SC2154 # from prepare.sh and package.sh
    CUDACXX="$toolkit/bin/nvcc" cmake -S "$sources" -B "$folder/build" \
        -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=ON -DCMAKE_PROJECT_INCLUDE="$root/.cargo/llama.cmake" \
        -DCUDAToolkit_ROOT="$toolkit" -DCMAKE_CUDA_ARCHITECTURES="$architectures" \
        -DGGML_BACKEND_DL=ON -DGGML_NATIVE=OFF -DGGML_CUDA=ON -DGGML_CUDA_NCCL=OFF -DGGML_CPU=OFF \
        -DCMAKE_BUILD_WITH_INSTALL_RPATH=ON -DCMAKE_INSTALL_RPATH="$own_folder" \
        -DCMAKE_SHARED_LINKER_FLAGS="$CMAKE_SHARED_LINKER_FLAGS" -DCMAKE_MODULE_LINKER_FLAGS="$CMAKE_MODULE_LINKER_FLAGS" \
        -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_APP=OFF \
        -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF >"$folder/cmake.log" 2>&1 ||
        stop "CMake could not prepare the CUDA add-on: $(tail -n 1 "$folder/cmake.log")" "its messages are in $folder/cmake.log"
    [ "${configure_only:-no}" = no ] || return 0
    cmake --build "$folder/build" --target ggml-cuda --parallel "$(nproc)" >&2 || stop "the CUDA add-on could not be built"
    find "$folder/build" -name libggml-cuda.so -type f | head -n 1
}
