"""The parts of an archive as a CycloneDX 1.5 document, on standard output.

    sbom.py FOLDER VERSION EPOCH <PARTS

Standard input has a part a line: `crate|NAME|VERSION|LICENCE` or `other|NAME|VERSION|LICENCE`. The files of FOLDER follow, with their
SHA-256. Equal inputs give equal documents: the time is EPOCH, and the serial number is made from the contents. cargo-cyclonedx would
list the crates alone, without llama.cpp, the libraries of GCC and the files.
"""

import datetime
import hashlib
import json
import pathlib
import sys
import uuid


def main():
    folder, version, epoch = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    components = [part(line.rstrip("\n")) for line in sys.stdin]
    components += [file(path, folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    moment = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc)
    name = {"type": "application", "bom-ref": "workly-perf", "name": "workly-perf", "version": version}
    contents = json.dumps([version, components])
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, contents)}",
        "version": 1,
        "metadata": {
            "timestamp": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {**name, "licenses": [{"license": {"id": "MIT"}}]},
        },
        "components": components,
    }
    json.dump(document, sys.stdout, indent=1)
    print()


def part(line):
    kind, name, version, licence = line.split("|")
    component = {"type": "library", "bom-ref": f"{kind}:{name}@{version}", "name": name, "version": version}
    if licence:
        # Older crates separate alternatives with a slash.
        component["licenses"] = [{"expression": licence.replace("/", " OR ")}]
    if kind == "crate":
        component["purl"] = f"pkg:cargo/{name}@{version}"
    return component


def file(path, folder):
    name = path.relative_to(folder).as_posix()
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"type": "file", "bom-ref": f"file:{name}", "name": name, "hashes": [{"alg": "SHA-256", "content": digest}]}


if __name__ == "__main__":
    main()
