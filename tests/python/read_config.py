"""Reads texts of data/config.json like Workly: a single invalid value makes it reject the whole configuration.

Usage: read_config.py TEXTS

TEXTS is a JSON array of texts. Prints {"accepted": N, "refused": [[index, reason], ...], "saved": [section or null, ...]}:
saved holds what is left of each accepted text's section "performance" after Workly has saved its own settings.
"""

import json
import sys

SECTIONS = ("audio", "avatar", "window", "ai", "discord")
PROFILES = ("performance", "balanced", "cpu_fallback", "auto")
OWN_KEYS = (
    "model_path",
    "context_limit",
    "gpu_profile",
    "temperature",
    "top_p",
    "max_tokens",
    "system_prompt",
    "auto_switching_enabled",
)


def once(pairs):
    """An object without duplicate keys."""
    keys = [key for key, _ in pairs]
    if len(keys) != len(set(keys)):
        raise ValueError(f"a key occurs twice: {keys}")
    return dict(pairs)


def is_whole(value):
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def check(config):
    """Raises ValueError if Workly would reject it."""
    if not isinstance(config, dict):
        raise ValueError("no object")
    for section in SECTIONS:
        if not isinstance(config.get(section, {}), dict):
            raise ValueError(f"{section} is no section")
    ai = config.get("ai", {})
    knows_auto = "auto_switching_enabled" in ai
    if "gpu_profile" in ai:
        profile = ai["gpu_profile"]
        if profile not in PROFILES or (profile == "auto" and not knows_auto):
            raise ValueError(f"gpu_profile {profile!r}")
    for key in ("context_limit", "max_tokens"):
        if key in ai and not (is_whole(ai[key]) and ai[key] >= 1):
            raise ValueError(f"{key} {ai[key]!r}")
    for key, most in (("temperature", 2), ("top_p", 1)):
        if key in ai and not (is_number(ai[key]) and 0 <= ai[key] <= most):
            raise ValueError(f"{key} {ai[key]!r}")
    for key in ("model_path", "system_prompt"):
        if key in ai and not (isinstance(ai[key], str) and ai[key]):
            raise ValueError(f"{key} {ai[key]!r}")


def saved(config):
    """The configuration as saved by Workly, which keeps only its own keys in ai."""
    ai = {key: value for key, value in config.get("ai", {}).items() if key in OWN_KEYS}
    return json.loads(json.dumps({**config, "ai": ai}, indent=4, ensure_ascii=False))


def main(path):
    with open(path, encoding="utf-8") as file:
        texts = json.load(file)
    refused, sections = [], []
    for index, text in enumerate(texts):
        try:
            config = json.loads(text, object_pairs_hook=once)
            check(config)
            sections.append(saved(config).get("performance"))
        except ValueError as error:
            refused.append([index, str(error)])
    json.dump({"accepted": len(sections), "refused": refused, "saved": sections}, sys.stdout)


main(sys.argv[1])
