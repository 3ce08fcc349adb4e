"""Parses a PowerShell script with tree-sitter's grammar, which shares no code with PowerShell. Prints JSON: the lines (from 1) that
the grammar cannot parse, and the names of defined functions."""

import json
import sys

import tree_sitter
import tree_sitter_powershell


def nodes(node):
    yield node
    for child in node.children:
        yield from nodes(child)


def main():
    language = tree_sitter.Language(tree_sitter_powershell.language())
    with open(sys.argv[1], "rb") as script:
        tree = tree_sitter.Parser(language).parse(script.read())
    found = list(nodes(tree.root_node))
    faults = sorted({node.start_point[0] + 1 for node in found if node.is_error or node.is_missing})
    names = [node.text.decode() for node in found if node.type == "function_name"]
    print(json.dumps({"faults": faults, "functions": names}))


main()
