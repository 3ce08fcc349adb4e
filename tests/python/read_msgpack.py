"""Reads length-prefixed messages with the PyPI package msgpack and prints their content as JSON.

Usage: read_msgpack.py FILE

Prints [{"read": the message, "same_bytes": whether the package packs it to the same bytes, "as_json": its JSON}, ...].
"""

import json
import struct
import sys

import msgpack


def payloads(data):
    at = 0
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        at += 4
        if at + length > len(data):
            sys.exit("a payload is shorter than its length says")
        yield data[at : at + length]
        at += length


def described(payload):
    message = msgpack.unpackb(payload, raw=False, strict_map_key=True)
    return {
        "read": message,
        "same_bytes": msgpack.packb(message, use_bin_type=True) == payload,
        "as_json": json.dumps(message, ensure_ascii=False),
    }


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with open(sys.argv[1], "rb") as file:
        json.dump([described(payload) for payload in payloads(file.read())], sys.stdout)
