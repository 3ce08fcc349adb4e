"""Reads back from llama.cpp what a `Llama` runs with."""

from __future__ import annotations

from typing import Any, Dict

_FUNCTIONS = {
    "n_threads": "llama_n_threads",
    "n_threads_batch": "llama_n_threads_batch",
    "n_ctx": "llama_n_ctx",
    "n_batch": "llama_n_batch",
    "n_ubatch": "llama_n_ubatch",
}
"""What llama.cpp tells of a context."""

_PARAMETERS = {
    "flash_attn_type": "context_params",
    "flash_attn": "context_params",
    "type_k": "context_params",
    "type_v": "context_params",
    "n_gpu_layers": "model_params",
    "use_mmap": "model_params",
    "use_mlock": "model_params",
    "load_mode": "model_params",
}
"""What llama.cpp was given and does not tell. Names differ between versions; those of other versions are absent."""


def read(module: Any, llama: Any) -> Dict[str, Any]:
    """The parameters by name. `None` means that this version does not tell."""
    values: Dict[str, Any] = dict.fromkeys(_FUNCTIONS)
    context = getattr(llama, "ctx", None)
    for name, function_name in _FUNCTIONS.items():
        function = getattr(module, function_name, None)
        if function is not None and context is not None:
            values[name] = int(function(context))
    for name, owner in _PARAMETERS.items():
        value = getattr(getattr(llama, owner, None), name, None)
        if isinstance(value, (bool, int)):
            values[name] = value
    return values
