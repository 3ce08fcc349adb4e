# shellcheck shell=bash
# Prepares a machine to build the CUDA add-on, with neither a GPU nor a driver: the compiler comes with pip, from NVIDIA's packages. Sourced
# by scripts/package, after prepare.sh.

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

# cuda_flags FOLDER ARCHITECTURES: the CMake flags that build it with the toolkit in that folder, for GPUs of these architectures, separated by
# semicolons.
cuda_flags() {
    printf '%s\n' "-DCMAKE_CUDA_COMPILER=$1/toolkit/bin/nvcc" "-DCUDAToolkit_ROOT=$1/toolkit" "-DCMAKE_CUDA_ARCHITECTURES=$2" \
        -DGGML_CUDA=ON -DGGML_CUDA_NCCL=OFF
}
