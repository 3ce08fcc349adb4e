"""What `launch_pairs.py` makes of its figures: no run of six pairs or more passes without a gain that was shown."""

from __future__ import annotations

import unittest
from typing import Any, Dict, List, Optional, Tuple

import launch_pairs


def pairs(n: int, ratio: float) -> List[Dict[str, Any]]:
    """Pairs in which the settings make the program this many times as fast."""

    def side(speed: float) -> Dict[str, Any]:
        return {"tokens_per_s": speed, "first_token_ms": 100.0, "late_percent": 1.0, "main_wait_ms_per_s": None}

    return [{"before": side(10.0 + number), "after": side((10.0 + number) * ratio)} for number in range(n)]


def judged(n: int, ratio: float, estimated: Optional[float]) -> Tuple[int, str]:
    """The judgement on that many pairs with this ratio, and this estimate."""
    gain = None if estimated is None else {"speed_ratio": estimated, "n": 8, "interval": [1.5, 2.5]}
    return launch_pairs.judged(launch_pairs.summary(pairs(n, ratio), gain))


class Judgement(unittest.TestCase):
    """The exit code."""

    def test_a_gain_is_judged_as_a_share_of_the_estimate(self) -> None:
        self.assertEqual(judged(12, 1.95, 2.0), (0, "passed: 95 % of the estimated gain"))
        self.assertEqual(judged(12, 1.5, 2.0), (1, "failed: 50 % of the estimated gain, and 90 % are wanted"))

    def test_pairs_without_an_estimate_do_not_pass(self) -> None:
        for estimated in (None, 1.0, 0.8):
            code, judgement = judged(12, 2.0, estimated)
            self.assertEqual((code, judgement.split(":")[0]), (1, "failed"), judgement)

    def test_few_pairs_are_not_judged(self) -> None:
        for estimated in (None, 2.0):
            self.assertEqual(judged(1, 0.5, estimated), (0, "not judged: a judgement needs 6 pairs"))

    def test_the_estimate_is_for_the_programs_own_lengths(self) -> None:
        lengths = launch_pairs.lengths_of({"prompt_tokens": 811.6, "reply_tokens": 47.5})
        self.assertEqual(lengths, {"prompt_tokens": 812, "reply_tokens": 48})
        gain = {"speed_ratio": 2.0, "n": 8, "interval": None}
        table = launch_pairs.table({"lengths": lengths, **launch_pairs.summary(pairs(6, 2.0), gain)})
        self.assertIn("replies of 48 tokens behind 812", table)
        self.assertIn("recommend has estimated 2.00 (n 8)", table)
