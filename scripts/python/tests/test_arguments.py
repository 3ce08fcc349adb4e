"""What a construction gets in place of what the application passes."""

from __future__ import annotations

import json
import os
import struct
import unittest
from typing import Any, Dict, List

from tests.support import APPLICATION, BALANCED, IS_REAL, SHIM, ShimTest

RUN = "20261125T030000Z-recommend-1b50"
ALL = {
    "n_gpu_layers": 0,
    "n_ctx": 2048,
    "n_batch": 128,
    "n_ubatch": 64,
    "n_threads": 1,
    "n_threads_batch": 1,
    "flash_attn": "on",
    "kv_type": "q8_0",
    "use_mmap": True,
    "use_mlock": False,
}
GGUF_SHAPE = {
    "llama.block_count": 2,
    "llama.context_length": 8192,
    "llama.embedding_length": 64,
    "llama.attention.head_count": 4,
    "llama.attention.head_count_kv": 2,
}


def gguf(shape: Dict[str, Any]) -> bytes:
    """The head of a GGUF file with these whole numbers."""
    data = struct.pack("<4sIQQ", b"GGUF", 3, 0, len(shape) + 2)
    name = b"general.name"
    data += struct.pack("<Q", len(name)) + name + struct.pack("<IQ", 8, 4) + b"tiny"
    tags = b"general.tags"
    data += struct.pack("<Q", len(tags)) + tags + struct.pack("<IIQ", 9, 8, 2) + struct.pack("<Q1sQ1s", 1, b"a", 1, b"b")
    for key, value in shape.items():
        data += struct.pack("<Q", len(key)) + key.encode() + struct.pack("<II", 4, value)
    return data


class Changes(ShimTest):
    """Values of the section, and what is said of them."""

    def test_every_value_reaches_llama_cpp(self) -> None:
        ran = self.application(self.settings(ALL))
        expected = {"n_threads": 1, "n_threads_batch": 1, "n_ctx": 2048, "n_batch": 128, "n_ubatch": 64}
        self.assertEqual(ran.printed(), expected, ran.stderr)
        (event,) = self.events("constructed")
        changed = {name: change["after"] for name, change in event["changes"].items()}
        wanted = {"n_gpu_layers": 0, "n_batch": 128, "n_ubatch": 64, "n_threads": 1, "n_threads_batch": 1}
        self.assertEqual(changed, {**wanted, "flash_attn": True, "type_k": 8, "type_v": 8})
        self.assertEqual((event["in_force"]["type_k"], event["in_force"]["flash_attn_type"]), (8, 1))
        self.assertEqual(event["in_force"]["n_gpu_layers"], 0)

    def test_each_change_is_said_once_with_its_evidence(self) -> None:
        program = APPLICATION + "llama_cpp.Llama(model_path=sys.argv[1], verbose=False, **arguments)\n"
        settings = self.settings({"n_threads": 1}, evidence={"n_threads": f"measured, run {RUN}"})
        ran = self.python(program, self.model, json.dumps(BALANCED), settings=settings)
        self.assertEqual(ran.said, [f"workly-perf: n_threads 6 → 1 (measured, run {RUN})"])
        self.assertEqual(len(self.events("constructed")), 2)

    def test_an_argument_that_the_application_does_not_pass_is_said_as_not_set(self) -> None:
        ran = self.application(self.settings({"n_threads_batch": 1}))
        self.assertEqual(ran.said, ["workly-perf: n_threads_batch (not set) → 1 (of unknown origin)"])

    def test_what_is_so_already_is_not_a_change(self) -> None:
        same = {**BALANCED, "n_threads": 1, "use_mmap": True, "flash_attn": "off", "kv_type": "f16"}
        ran = self.application(self.settings(same), {**BALANCED, "n_threads": 1})
        self.assertEqual((ran.code, ran.said), (0, []))
        self.assertEqual(self.events("constructed")[0]["changes"], {})

    def test_disabled_keys_are_left(self) -> None:
        ran = self.application(self.settings(ALL, disabled=["n_threads", "n_batch", "type_v", "n_ubatch"]))
        self.assertEqual(ran.printed(), {**self.own(), "n_threads_batch": 1})
        self.assertEqual(self.events("constructed")[-1]["in_force"]["type_v"], 1)

    def test_no_settings_leave_the_application_as_it_is(self) -> None:
        ran = self.application(self.settings())
        self.assertEqual((ran.printed(), ran.said), (self.own(), []))

    def test_an_ascii_terminal_gets_ascii(self) -> None:
        ran = self.application(self.settings({"n_threads": 1}), PYTHONIOENCODING="ascii:strict")
        self.assertEqual(ran.said, ["workly-perf: n_threads 6 -> 1 (of unknown origin)"])

    def test_a_closed_stderr_is_no_error(self) -> None:
        for line in ("sys.stderr = None", "sys.stderr.close()"):
            program = "import sys\n" + line + "\n" + APPLICATION
            ran = self.python(program, self.model, json.dumps(BALANCED), settings=self.settings({"n_threads": 1}))
            self.assertEqual((ran.code, ran.printed()["n_threads"]), (0, 1))

    def test_positional_arguments_and_subclasses_are_reached(self) -> None:
        program = """
import json, sys, llama_cpp
class Own(llama_cpp.Llama):
    def __init__(self, path):
        self.mine = 1
        super().__init__(path, n_threads=6, verbose=False)
own = Own(sys.argv[1])
print(json.dumps([own.mine, llama_cpp.llama_n_threads(own.ctx)]))
"""
        ran = self.python(program, self.model, settings=self.settings({"n_threads": 1}))
        self.assertEqual(ran.printed(), [1, 1])

    def test_the_class_looks_as_before(self) -> None:
        program = """
import inspect, json, llama_cpp
init = llama_cpp.Llama.__init__
loader = llama_cpp.__spec__.loader
print(json.dumps([init.__name__, "n_threads" in inspect.signature(init).parameters, "exec_module" in vars(loader)]))
"""
        ran = self.python(program, settings=self.settings({"n_threads": 1}))
        self.assertEqual(ran.printed(), ["__init__", True, False])

    def test_a_call_that_python_refuses_raises_its_own_error(self) -> None:
        ran = self.python("import llama_cpp\nllama_cpp.Llama()", settings=self.settings({"n_threads": 1}))
        self.assertEqual(ran.code, 1)
        self.assertIn("TypeError", ran.stderr)
        self.assertEqual(ran.said, [])

    def test_settings_for_another_model_are_not_for_this_one(self) -> None:
        ran = self.application(self.settings({"n_threads": 1}, model_file="other.gguf"))
        self.assertEqual((ran.printed(), len(ran.said)), (self.own(), 1))

    def test_a_vocabulary_alone_is_left(self) -> None:
        program = "import json, sys, llama_cpp\nllama_cpp.Llama(sys.argv[1], vocab_only=True, verbose=False)\nprint(1)"
        if IS_REAL:
            self.skipTest("a context without weights is refused by some versions")
        ran = self.python(program, self.model, settings=self.settings({"n_threads": 1}))
        self.assertEqual((ran.code, ran.said), (0, []))


class Failures(ShimTest):
    """Constructions that do not succeed."""

    PROGRAM = """
import json, sys, llama_cpp
def build(**more):
    try:
        llama = llama_cpp.Llama(model_path=sys.argv[1], verbose=False, **{"n_threads": 6, "n_ctx": 512, **more})
        return [llama_cpp.llama_n_threads(llama.ctx), llama_cpp.llama_n_batch(llama.ctx)]
    except Exception as error:
        return [type(error).__name__, str(error), error.__context__ is None]
"""

    def test_what_llama_cpp_refuses_is_built_with_the_applications_own_arguments(self) -> None:
        # A K cache whose blocks do not divide the head is refused with flash attention on; the double refuses by order.
        own = self.own()
        ran = self.application(self.settings({"n_batch": 64, "n_threads": 1}), DOUBLE_REFUSES="n_batch=64")
        if IS_REAL:
            self.skipTest("the real one does not refuse by order")
        self.assertEqual((ran.code, ran.printed()), (0, own), ran.stderr)
        self.assertEqual(len(ran.said), 1)
        self.assertIn("Failed to create llama_context", ran.said[0])
        self.assertTrue(self.events("constructed")[-1]["off"])

    def test_after_a_refusal_later_constructions_are_left(self) -> None:
        if IS_REAL:
            self.skipTest("the real one does not refuse by order")
        program = self.PROGRAM + "print(json.dumps([build(), build(n_batch=100), len(llama_cpp.constructions)]))"
        settings = self.settings({"n_batch": 64, "n_threads": 1})
        ran = self.python(program, self.model, settings=settings, DOUBLE_REFUSES="n_batch=64")
        self.assertEqual(ran.printed(), [[6, 512], [6, 100], 3])

    def test_what_fails_either_way_raises_the_applications_own_error(self) -> None:
        if IS_REAL:
            self.skipTest("the real one does not refuse by order")
        program = self.PROGRAM + "print(json.dumps([build(n_batch=100), build(n_ctx=512, n_batch=90)]))"
        settings = self.settings({"n_threads": 1})
        ran = self.python(program, self.model, settings=settings, DOUBLE_REFUSES="n_batch=100")
        self.assertEqual(ran.printed(), [["ValueError", "Failed to create llama_context", True], [6, 90]])

    def test_a_refused_construction_leaves_nothing_on_the_object(self) -> None:
        if IS_REAL:
            self.skipTest("the real one does not refuse by order")
        program = """
import json, sys, llama_cpp
class Own(llama_cpp.Llama):
    def __init__(self, path):
        self.mine = 1
        super().__init__(path, n_threads=6)
print(json.dumps(sorted(vars(Own(sys.argv[1])))))
"""
        plain = self.python(program, self.model).printed()
        ran = self.python(program, self.model, settings=self.settings({"n_threads": 1}), DOUBLE_REFUSES="n_threads=1")
        self.assertEqual(ran.printed(), plain)

    def test_a_model_that_is_not_there_does_not_turn_the_settings_off(self) -> None:
        program = self.PROGRAM + "real = sys.argv[1]\nsys.argv[1] = 'absent.gguf'\nfirst = build()\nsys.argv[1] = real\n"
        program += "print(json.dumps([first[0], build()]))"
        ran = self.python(program, self.model, settings=self.settings({"n_threads": 1}))
        self.assertEqual(ran.printed(), ["ValueError", [1, 512]])

    def test_an_import_that_fails_raises_its_own_error(self) -> None:
        broken = os.path.dirname(self.write("broken/llama_cpp/__init__.py", "raise OSError('no shared library')"))
        program = "try:\n    import llama_cpp\nexcept OSError as error:\n    print('\"', error, '\"', sep='')"
        ran = self.python(program, settings=self.settings({"n_threads": 1}), path=[os.path.dirname(broken)])
        self.assertEqual((ran.printed(), ran.said), ("no shared library", []))

    def test_a_package_that_is_not_installed_raises_its_own_error(self) -> None:
        program = "try:\n    import llama_cpp\nexcept ModuleNotFoundError as error:\n    print('\"', error.name, '\"', sep='')"
        ran = self.python(program, settings=self.settings({"n_threads": 1}), PYTHONPATH=SHIM)
        if IS_REAL:
            self.skipTest("it is installed")
        self.assertEqual((ran.printed(), ran.said), ("llama_cpp", []))

    def test_a_llama_cpp_without_the_class_runs_as_it_would(self) -> None:
        self.write("other/llama_cpp/__init__.py", "answer = 42")
        program = "import llama_cpp\nprint(llama_cpp.answer)"
        ran = self.python(program, settings=self.settings({"n_threads": 1}), path=[os.path.join(self.folder, "other")])
        self.assertEqual((ran.printed(), len(ran.said)), (42, 1))

    def test_ctrl_c_while_a_model_is_loaded_ends_the_program(self) -> None:
        text = "class Llama:\n    def __init__(self, model_path, n_threads=1):\n        raise KeyboardInterrupt\n"
        self.write("other/llama_cpp/__init__.py", text)
        program = "import sys, llama_cpp\nllama_cpp.Llama(sys.argv[1], n_threads=6)"
        ran = self.python(program, self.model, settings=self.settings({"n_threads": 1}), path=[os.path.join(self.folder, "other")])
        self.assertIn("KeyboardInterrupt", ran.stderr)
        self.assertEqual(ran.said, [])


@unittest.skipIf(IS_REAL, "the real one is one version")
class Versions(ShimTest):
    """Versions of llama-cpp-python that lack something."""

    def test_an_argument_that_a_version_lacks_is_said_and_left(self) -> None:
        for names in ("n_threads_batch", "type_k,type_v", "flash_attn", "n_ubatch", "use_mlock", "n_gpu_layers"):
            with self.subTest(names):
                section = {**ALL, "use_mlock": True}
                ran = self.application(self.settings(section), {"n_threads": 6, "n_ctx": 2048, "n_batch": 256}, DOUBLE_LACKS=names)
                self.assertEqual((ran.code, ran.printed()["n_threads"]), (0, 1), ran.stderr)
                lacking = [line for line in ran.said if "is no argument of this llama-cpp-python (0.3.36)" in line]
                self.assertEqual(len(lacking), len(names.split(",")), ran.stderr)

    def test_arguments_passed_by_position_are_changed_in_place(self) -> None:
        program = """
import json, sys, llama_cpp
llama_cpp.Llama(sys.argv[1], 0, False, True, False, 2048, 256, 512, 6)
print(json.dumps(llama_cpp.constructions))
"""
        ran = self.python(program, self.model, settings=self.settings({"n_threads": 1}), DOUBLE_POSITIONAL="1")
        (construction,) = ran.printed()
        self.assertEqual((construction["n_threads"], construction["n_ctx"]), (1, 2048), ran.stderr)

    def test_arguments_that_only_this_version_knows_are_passed_on(self) -> None:
        program = """
import json, sys, llama_cpp
llama_cpp.Llama(sys.argv[1], n_threads=6, brand_new=3)
print(json.dumps(llama_cpp.constructions))
"""
        ran = self.python(program, self.model, settings=self.settings({"n_threads": 1}))
        (construction,) = ran.printed()
        self.assertEqual((construction["n_threads"], construction["brand_new"]), (1, 3))


class Rules(ShimTest):
    """Values that depend on what the application asks for."""

    def context(self, wanted: int, own: int = 2048, layers: int = 0, **limits: int) -> List[Any]:
        ran = self.application(self.settings({"n_ctx": wanted}, limits=limits), {"n_ctx": own, "n_gpu_layers": layers})
        self.assertEqual(ran.code, 0, ran.stderr)
        return [ran.printed()["n_ctx"], " ".join(ran.said)]

    def test_a_context_below_the_applications_own_is_left(self) -> None:
        found, said = self.context(1024)
        self.assertEqual(found, 2048)
        self.assertIn("its prompts may need 2048 tokens", said)

    def test_a_context_below_its_own_is_taken_where_its_prompts_are_known_to_fit(self) -> None:
        self.assertEqual(self.context(1024, n_ctx_min=1000)[0], 1024)
        self.assertEqual(self.context(768, n_ctx_min=1000)[0], 2048)

    def test_a_longer_context_needs_a_model_that_was_trained_for_it(self) -> None:
        if not IS_REAL:
            self.model = self.write("shaped.gguf", gguf(GGUF_SHAPE))
        found, said = self.context(16384, own=1024)
        self.assertEqual(found, 1024)
        self.assertIn("the model was trained for 8192 tokens", said)

    def test_a_longer_context_that_model_and_memory_hold_is_taken(self) -> None:
        if not IS_REAL:
            self.model = self.write("shaped.gguf", gguf(GGUF_SHAPE))
        self.assertEqual(self.context(2048, own=1024)[0], 2048)

    def test_a_longer_context_that_memory_does_not_hold_is_left(self) -> None:
        if IS_REAL:
            self.skipTest("the real model needs little")
        self.model = self.write("wide.gguf", gguf({**GGUF_SHAPE, "llama.block_count": 100_000, "llama.embedding_length": 1 << 20}))
        found, said = self.context(8192)
        self.assertEqual(found, 2048)
        self.assertIn("would need", said)

    def test_a_longer_context_of_a_model_that_tells_nothing_is_left(self) -> None:
        if IS_REAL:
            self.skipTest("the real model tells")
        heads = [b"", b"GGUF", gguf(GGUF_SHAPE)[:-30], b"GGML" + gguf(GGUF_SHAPE)[4:], gguf({}), gguf(GGUF_SHAPE)[:24] + b"\xff" * 99]
        for head in heads:
            self.model = self.write("odd.gguf", head)
            found, said = self.context(4096)
            self.assertEqual(found, 2048)
            self.assertIn("the model file does not say", said)

    def test_a_longer_context_on_a_card_is_left_to_launch(self) -> None:
        self.assertEqual(self.context(4096, layers=33)[0], 2048)
        self.assertEqual(self.context(4096, layers=33, n_ctx_max=4096)[0], 4096)
        self.assertEqual(self.context(4096, layers=33, n_ctx_max=4000)[0], 2048)

    def test_a_quantised_v_cache_without_flash_attention_is_left(self) -> None:
        ran = self.application(self.settings({"kv_type": "q8_0", "flash_attn": False}))
        self.assertIn("a quantised V cache needs flash attention", " ".join(ran.said))
        self.assertEqual(self.events("constructed")[0]["in_force"]["type_v"], 1)

    def test_a_micro_batch_above_the_batch_is_left(self) -> None:
        ran = self.application(self.settings({"n_batch": 128, "n_ubatch": 256}))
        self.assertIn("n_ubatch stays 512: 256 is above n_batch, which is 128", " ".join(ran.said))

    def test_an_application_that_lowers_its_layers_itself_gets_them(self) -> None:
        program = """
import json, sys, llama_cpp
asked = []
for layers in (35, -1, 10, 0, 35):
    llama = llama_cpp.Llama(sys.argv[1], n_gpu_layers=layers, n_threads=6, n_ctx=512, verbose=False)
    asked.append([llama.model_params.n_gpu_layers, llama_cpp.llama_n_threads(llama.ctx)])
print(json.dumps(asked))
"""
        ran = self.python(program, self.model, settings=self.settings({"n_gpu_layers": 20, "n_threads": 1}))
        self.assertEqual(ran.printed(), [[20, 1], [20, 1], [10, 1], [0, 1], [20, 1]])


if __name__ == "__main__":
    unittest.main()
