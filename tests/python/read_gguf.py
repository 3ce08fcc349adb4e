"""Reads a model file with the gguf package and prints its content as JSON: metadata, tensors, and the first weights."""

import json
import sys

from gguf import GGUFReader
from gguf.quants import dequantize

KEYS = [
    "general.architecture",
    "general.file_type",
    "llama.block_count",
    "llama.attention.head_count_kv",
    "llama.rope.freq_base",
    "tokenizer.ggml.model",
    "tokenizer.ggml.add_bos_token",
    "workly_perf.synthetic",
    "workly_perf.synthetic.seed",
]


def described(tensor):
    """Name, type, shape, and mean and mean square of the weights."""
    weights = dequantize(tensor.data, tensor.tensor_type).astype("float64")
    return {
        "name": tensor.name,
        "type": tensor.tensor_type.name,
        "shape": [int(length) for length in tensor.shape],
        "mean": float(weights.mean()),
        "mean_square": float((weights**2).mean()),
    }


def main(path):
    reader = GGUFReader(path)
    tokens = reader.fields["tokenizer.ggml.tokens"].contents()
    found = {
        "metadata": {key: reader.fields[key].contents() for key in KEYS},
        "tokens": len(tokens),
        "first_tokens": tokens[:4],
        "tensors": [described(tensor) for tensor in reader.tensors],
    }
    json.dump(found, sys.stdout)


main(sys.argv[1])
