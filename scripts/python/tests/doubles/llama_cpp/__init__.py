"""Stands in for llama-cpp-python: its interface, without a model.

It keeps what the real one does with arguments, prefixes and prompts that do not fit. Environment variables make it another
version or let it fail: DOUBLE_LACKS names arguments that it does not have, DOUBLE_REFUSES is `name=value` of an argument that
its constructor fails over, and DOUBLE_POSITIONAL lets all arguments be passed by position, as old versions did.
"""

import os
import threading

__version__ = "0.3.36"

GGML_TYPE_Q8_0 = 8

_ARGUMENTS = [
    ("n_gpu_layers", 0),
    ("vocab_only", False),
    ("use_mmap", True),
    ("use_mlock", False),
    ("n_ctx", 512),
    ("n_batch", 512),
    ("n_ubatch", 512),
    ("n_threads", None),
    ("n_threads_batch", None),
    ("embedding", False),
    ("flash_attn", False),
    ("type_k", None),
    ("type_v", None),
    ("verbose", True),
]

constructions = []
"""The arguments of each construction that was tried."""


class _Context:
    def __init__(self, values):
        self.values = values


class _Parameters:
    def __init__(self, **values):
        self.__dict__.update(values)


def llama_n_threads(context, /):
    return context.values["n_threads"]


def llama_n_threads_batch(context, /):
    return context.values["n_threads_batch"]


def llama_n_ctx(context, /):
    return context.values["n_ctx"]


def llama_n_batch(context, /):
    return context.values["n_batch"]


def llama_n_ubatch(context, /):
    return context.values["n_ubatch"]


def _construct(self, model_path, values, extra):
    """What every version's constructor does."""
    constructions.append({"model_path": model_path, **values, **extra})
    if not os.path.exists(model_path):
        raise ValueError(f"Model path does not exist: {model_path}")
    self.half_made = True
    name, _, value = os.environ.get("DOUBLE_REFUSES", "").partition("=")
    if name and str(values.get(name)) == value:
        raise ValueError("Failed to create llama_context")
    cpus = os.cpu_count() or 1
    n_ctx, n_batch = values["n_ctx"], min(values["n_ctx"], values["n_batch"])
    native = {
        "n_ctx": n_ctx,
        "n_batch": n_batch,
        "n_ubatch": min(n_batch, values.get("n_ubatch", 512)),
        "n_threads": values["n_threads"] or max(cpus // 2, 1),
        "n_threads_batch": values.get("n_threads_batch") or cpus,
    }
    self.context_params = _Parameters(
        flash_attn_type=int(bool(values.get("flash_attn"))), type_k=values.get("type_k") or 1, type_v=values.get("type_v") or 1
    )
    self.model_params = _Parameters(n_gpu_layers=values.get("n_gpu_layers", 0))
    self.ctx = _Context(native)
    self.n_tokens = 0
    self.input_ids = []
    self.threads = set()


def _constructor():
    """The constructor of the version that is asked for: a function with exactly its arguments."""
    lacking = os.environ.get("DOUBLE_LACKS", "").split(",")
    known = [(name, default) for name, default in _ARGUMENTS if name not in lacking]
    star = "" if os.environ.get("DOUBLE_POSITIONAL") else "*, "
    listed = ", ".join(f"{name}={default!r}" for name, default in known)
    values = "{" + ", ".join(f"{name!r}: {name}" for name, _ in known) + "}"
    text = f"def __init__(self, model_path, {star}{listed}, **kwargs):\n    _construct(self, model_path, {values}, kwargs)\n"
    made = {"_construct": _construct}
    exec(text, made)
    return made["__init__"]


class Llama:
    """The class that applications use."""

    __init__ = _constructor()

    def tokenize(self, text):
        return list(text)

    def eval(self, tokens):
        self.threads.add(threading.get_native_id())
        del self.input_ids[self.n_tokens :]
        self.input_ids.extend(tokens)
        self.n_tokens += len(tokens)

    def generate(self, tokens, top_k=40, reset=True):
        tokens = list(tokens)
        prefix = 0
        for own, asked in zip(self.input_ids[: self.n_tokens], tokens[:-1]):
            if own != asked:
                break
            prefix += 1
        self.n_tokens = prefix
        tokens = tokens[prefix:]
        count = 0
        while True:
            self.eval(tokens)
            count += 1
            more = yield 1000 + count
            tokens = [1000 + count] + list(more or [])

    def _create_completion(self, prompt, max_tokens=16, stream=False, fail_after=None):
        tokens = self.tokenize(prompt.encode()) if isinstance(prompt, str) else list(prompt)
        if len(tokens) >= self.ctx.values["n_ctx"]:
            raise ValueError(f"Requested tokens ({len(tokens)}) exceed context window of {self.ctx.values['n_ctx']}")
        made = 0
        for _ in self.generate(tokens):
            made += 1
            if fail_after == made:
                raise RuntimeError("llama_decode returned -1 for a secret prompt")
            if stream:
                yield {"choices": [{"text": "word ", "finish_reason": None}]}
            if made == max_tokens:
                break
        text = "" if stream else "word " * made
        yield {"choices": [{"text": text, "finish_reason": "length"}], "usage": {"completion_tokens": made}}

    def create_completion(self, prompt, max_tokens=16, stream=False, fail_after=None):
        parts = self._create_completion(prompt, max_tokens, stream, fail_after)
        return parts if stream else next(parts)

    def __call__(self, prompt, max_tokens=16, stream=False, fail_after=None):
        return self.create_completion(prompt, max_tokens, stream, fail_after)

    def create_chat_completion(self, messages, max_tokens=16, stream=False):
        prompt = "".join(message["content"] for message in messages)
        reply = self.create_completion(prompt, max_tokens, stream)
        return (part for part in reply) if stream else reply

    def embed(self, text):
        return [0.0] * len(text)

    def create_embedding(self, text):
        return {"data": [{"embedding": self.embed(text)}]}

    def close(self):
        self.ctx = None
