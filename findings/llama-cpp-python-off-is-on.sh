#!/usr/bin/env bash
# llama-cpp-python enables flash attention for the value "off", and counts CPUs that it may not use.
#
# What:     llama-cpp-python 0.3.36 (PyPI, source). llama.cpp itself is not built: a library of empty functions replaces it, and the
#           parameters are read after the constructor has set them and stops, because there is no model file.
# Expected: flash_attn accepts llama.cpp's own words (on, off, auto) or refuses text; threads follow the CPUs of the process.
# Happens:  every text is true, even "off" and "auto", and no value selects llama.cpp's `auto`. With one CPU allowed, prompts still
#           get a thread for each CPU of the machine.
# Affected: users who copy `flash_attn = off` from a recommendation to their own Python script; containers with few CPUs.
# Solution: workly-perf counts CPUs by affinity and quota; docs/RECOMMEND.md says what to write in Python.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
pip="$work/venv/bin/pip"
"$pip" install --quiet --disable-pip-version-check --only-binary :all: numpy typing_extensions diskcache jinja2
"$pip" download --quiet --disable-pip-version-check --no-deps --no-binary :all: --dest "$work" llama-cpp-python==0.3.36
tar -xzf "$work"/llama_cpp_python-0.3.36.tar.gz -C "$work" --strip-components 1 --wildcards '*/llama_cpp/*.py'
mkdir "$work/lib"
grep -rhozP '_function\(\s*"\K\w+' "$work/llama_cpp" | tr '\0' '\n' | sort -u |
    sed 's/.*/long &(void) { return 0; }/' >"$work/empty.c"
for name in ggml llama mtmd; do
    cc -shared -fPIC -w -fno-builtin -o "$work/lib/lib$name.so" "$work/empty.c"
done
cat >"$work/ask.py" <<'PY'
import os
import sys

import llama_cpp

os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def parameters(**arguments):
    llama = llama_cpp.Llama.__new__(llama_cpp.Llama)
    try:
        llama.__init__(model_path="/no/such/model.gguf", verbose=False, **arguments)
    except ValueError:
        return llama.context_params


names = {llama_cpp.LLAMA_FLASH_ATTN_TYPE_ENABLED: "on", llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED: "off"}
got = {value: names.get(parameters(flash_attn=value).flash_attn_type, "auto") for value in (False, "off", "auto")}
threads, allowed, machine = parameters().n_threads_batch, len(os.sched_getaffinity(0)), os.cpu_count()
print(f"llama-cpp-python {llama_cpp.__version__}: flash_attn requested and set: {got}")
print(f"n_threads_batch {threads}; the process may use {allowed} of the machine's {machine} CPUs")
if got != {False: "off", "off": "on", "auto": "on"} or threads != machine:
    print("CHANGED: the meaning of text, or which CPUs are counted")
    sys.exit(1)
PY
LLAMA_CPP_LIB_PATH="$work/lib" PYTHONPATH="$work" "$work/venv/bin/python" "$work/ask.py"
