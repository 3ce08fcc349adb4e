"""Calls measured where the application makes them."""

from __future__ import annotations

import json
import os
import unittest
from typing import Any, Dict, List

from tests.support import IS_REAL, ShimTest

HEAD = """
import json, sys, threading
import llama_cpp
llama = llama_cpp.Llama(sys.argv[1], n_threads=2, n_ctx=512, n_batch=64, verbose=False)
"""
SECRET = "the secret of the user"


class Measured(ShimTest):
    """One JSON line for each call."""

    def calls(self, body: str, section: Any = None, **options: Any) -> List[Dict[str, Any]]:
        path = options.pop("measure", os.path.join(self.folder, "calls.jsonl"))
        ran = self.python(HEAD + body, self.model, settings=self.settings(section, measure=path), **options)
        self.assertEqual(ran.code, 0, ran.stderr)
        self.ran = ran
        return self.lines(path)

    def test_a_completion_is_one_call_with_its_parameters(self) -> None:
        (call,) = self.calls(f"llama.create_completion({SECRET!r}, max_tokens=5)", {"n_threads": 1})
        self.assertEqual((call["event"], call["kind"], call["state"]), ("call", "create_completion", "complete"))
        self.assertFalse(call["stream"])
        self.assertGreater(call["prompt_tokens"], 3)
        self.assertEqual((call["reused_tokens"], call["evaluated_tokens"]), (0, call["prompt_tokens"]))
        self.assertIn(call["finish_reason"], ("length", "stop"))
        self.assertGreaterEqual(call["tokens"], 1)
        self.assertEqual((call["in_force"]["n_threads"], call["in_force"]["n_ctx"]), (1, 512))
        self.assertLessEqual(0, call["first_token_ns"])
        self.assertLessEqual(call["first_token_ns"], call["total_ns"])

    def test_times_add_up(self) -> None:
        (call,) = self.calls("llama('one two three', max_tokens=8)")
        self.assertEqual(call["kind"], "call")
        self.assertLessEqual(call["prompt_ns"], call["first_token_ns"])
        self.assertLessEqual(call["decode_ns"], call["generation_ns"])
        self.assertLessEqual(call["first_token_ns"] + call["generation_ns"], call["total_ns"])
        self.assertAlmostEqual(call["tokens_per_s"], (call["tokens"] - 1) * 1e9 / call["generation_ns"], places=3)

    def test_no_text_is_stored(self) -> None:
        body = f"""
llama({SECRET!r}, max_tokens=3)
llama.create_chat_completion([dict(role="user", content={SECRET!r})], max_tokens=3)
try:
    llama({SECRET!r} * 1000)
except ValueError:
    pass
"""
        self.assertEqual(len(self.calls(body)), 3)
        for name in os.listdir(self.folder):
            path = os.path.join(self.folder, name)
            if os.path.isfile(path) and path != self.model:
                with open(path, encoding="utf-8") as file:
                    text = file.read()
                self.assertNotIn("secret", text)
                self.assertNotIn("word", text)

    def test_the_prefix_that_is_reused_is_counted(self) -> None:
        body = "llama('a b c d e f', max_tokens=1)\nllama('a b c d e f g h', max_tokens=1)\nllama('a b c d e f g h', max_tokens=1)"
        first, second, third = self.calls(body)
        self.assertEqual(first["reused_tokens"], 0)
        self.assertGreaterEqual(second["reused_tokens"], first["prompt_tokens"])
        self.assertEqual(second["reused_tokens"] + second["evaluated_tokens"], second["prompt_tokens"])
        self.assertGreaterEqual(third["reused_tokens"], third["prompt_tokens"] - 1)

    def test_a_chat_is_one_call_of_its_own_kind(self) -> None:
        body = "llama.create_chat_completion([dict(role='user', content='hello')], max_tokens=4)"
        (call,) = self.calls(body)
        self.assertEqual((call["kind"], call["generations"], call["state"]), ("create_chat_completion", 1, "complete"))
        self.assertGreaterEqual(call["tokens"], 1)

    def test_streams_are_measured_while_they_are_consumed(self) -> None:
        body = """
chunks = list(llama("hello there", max_tokens=6, stream=True))
chat = list(llama.create_chat_completion([dict(role="user", content="hello")], max_tokens=6, stream=True))
print(json.dumps([len(chunks), len(chat)]))
"""
        plain, chat = self.calls(body)
        self.assertEqual((plain["kind"], plain["stream"], plain["state"]), ("call", True, "complete"))
        self.assertEqual((chat["kind"], chat["stream"], chat["state"]), ("create_chat_completion", True, "complete"))
        own = self.python(HEAD + body, self.model)
        self.assertEqual([len(json.dumps(one)) > 0 for one in (self.ran.printed(), own.printed())], [True, True])
        if not IS_REAL:
            self.assertEqual((self.ran.printed(), plain["tokens"], chat["tokens"]), (own.printed(), 6, 6))

    def test_a_stream_may_be_consumed_on_another_thread_and_left_early(self) -> None:
        body = """
stream = llama("hello there", max_tokens=6, stream=True)
worker = threading.Thread(target=lambda: (next(stream), next(stream), stream.close()))
worker.start()
worker.join()
list(llama("next", max_tokens=2, stream=True))
llama("unused", max_tokens=2, stream=True)
"""
        early, whole = self.calls(body)
        self.assertEqual((early["state"], whole["state"]), ("closed", "complete"))
        self.assertGreaterEqual(early["tokens"], 1)

    def test_two_streams_at_once_are_two_calls(self) -> None:
        if IS_REAL:
            self.skipTest("the real one has one context for both")
        first, second = self.calls("pair = zip(llama('one', 3, True), llama('two two', 3, True))\nlist(pair)")
        self.assertEqual(sorted((first["prompt_tokens"], second["prompt_tokens"])), [3, 7])

    def test_a_prompt_that_does_not_fit_raises_as_ever_and_is_counted(self) -> None:
        body = """
try:
    llama("word " * 2000)
except ValueError as error:
    print(json.dumps(str(error)))
"""
        (call,) = self.calls(body)
        self.assertEqual((call["state"], call["error"], call["does_not_fit"]), ("failed", "ValueError", True))
        self.assertGreater(call["prompt_tokens"], 512)
        self.assertIsNone(call["first_token_ns"])
        self.assertIsNone(call["tokens_per_s"])
        self.assertIn("exceed context window", self.ran.printed())

    @unittest.skipIf(IS_REAL, "the real one does not fail by order")
    def test_an_error_in_the_middle_raises_as_ever_and_stores_no_message(self) -> None:
        body = """
for stream in (False, True):
    try:
        list(llama("hello", 9, stream, fail_after=2))
    except RuntimeError as error:
        print(error)
"""
        plain, stream = self.calls(body)
        for call in (plain, stream):
            self.assertEqual((call["state"], call["error"], call["tokens"]), ("failed", "RuntimeError", 2))
        self.assertEqual(self.ran.stdout.count("secret"), 2)

    def test_generate_by_itself_is_a_call_and_takes_what_is_sent(self) -> None:
        body = """
made = llama.generate(llama.tokenize(b"hello"))
first = next(made)
second = made.send(None)
made.close()
print(json.dumps([int(first), int(second)]))
"""
        (call,) = self.calls(body)
        self.assertEqual((call["kind"], call["state"], call["tokens"]), ("generate", "closed", 2))
        own = self.python(HEAD + body, self.model).printed()
        if not IS_REAL:
            self.assertEqual(self.ran.printed(), own)

    @unittest.skipIf(IS_REAL, "the real one needs a context for embeddings")
    def test_embeddings_are_calls_without_tokens(self) -> None:
        (call,) = self.calls("llama.create_embedding('hello')")
        self.assertEqual((call["kind"], call["tokens"], call["first_token_ns"]), ("create_embedding", 0, None))

    def test_a_file_that_cannot_be_written_is_one_line(self) -> None:
        paths = [self.folder, os.path.join(self.folder, "absent", "calls.jsonl")]
        for path in paths + (["/dev/full"] if os.path.exists("/dev/full") else []):
            settings = self.settings(measure=path)
            ran = self.python(HEAD + "llama('a', max_tokens=2)\nllama('b', max_tokens=2)\nprint(1)", self.model, settings=settings)
            self.assertEqual((ran.code, ran.printed(), len(ran.said)), (0, 1, 1), ran.stderr)

    def test_without_a_file_no_method_is_wrapped(self) -> None:
        body = "print(json.dumps(hasattr(type(llama).generate, '__wrapped__')))"
        ran = self.python(HEAD + body, self.model, settings=self.settings({"n_threads": 1}))
        self.assertEqual(ran.printed(), False)

    def test_an_error_of_the_meter_ends_the_measurement_and_not_the_call(self) -> None:
        body = """
import sys
sys.modules["workly_settings.measure"].in_force.read = lambda *_: 1 // 0
llama("a", max_tokens=2)
llama("b", max_tokens=2)
print(1)
"""
        self.assertEqual(self.calls(body), [])
        self.assertEqual((self.ran.printed(), len(self.ran.said)), (1, 1))


if __name__ == "__main__":
    unittest.main()
