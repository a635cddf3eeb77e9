"""Reads lines of {"value": ..., "yaml": "..."} and says which documents a reader does not read back equal."""

import io
import json
import sys
import warnings

import ruamel.yaml
import yaml


def ruamel_reader(version):
    def read(text):
        reader = ruamel.yaml.YAML(typ="safe", pure=True)
        reader.version = version
        reader.allow_duplicate_keys = False
        return reader.load(io.StringIO(text))

    return read


READERS = {
    "PyYAML": lambda text: yaml.load(text, Loader=yaml.SafeLoader),
    "libyaml": lambda text: yaml.load(text, Loader=yaml.CSafeLoader),
    "ruamel.yaml, YAML 1.1": ruamel_reader((1, 1)),
    "ruamel.yaml, YAML 1.2": ruamel_reader((1, 2)),
}


def is_same(read, value):
    """As ==, but 1, 1.0 and True are three, except that a float may have lost its point."""
    if isinstance(read, bool) or isinstance(value, bool):
        return read is value
    if isinstance(value, dict):
        return (
            isinstance(read, dict)
            and read.keys() == value.keys()
            and all(isinstance(key, str) for key in read)
            and all(is_same(read[key], value[key]) for key in value)
        )
    if isinstance(value, list):
        return isinstance(read, list) and len(read) == len(value) and all(map(is_same, read, value))
    if isinstance(value, (int, float)):
        # PyYAML reads 1e-07 as text, as YAML 1.1 wants a point; kubectl prints such numbers all the same.
        return not isinstance(read, bool) and (read == value or isinstance(read, str) and float(read) == value)
    return type(read) is type(value) and read == value


def main():
    # That floats without a point are none in YAML 1.1; see is_same.
    warnings.simplefilter("ignore")
    documents = wrong = 0
    for line in sys.stdin:
        line = json.loads(line)
        documents += 1
        for name, reader in READERS.items():
            try:
                read = reader(line["yaml"])
            except Exception as error:  # noqa: BLE001
                read = error
            if not is_same(read, line["value"]):
                wrong += 1
                print(f"{name}: {line['value']!r}: {line['yaml']!r} as {read!r}")
    print(f"{documents} documents, {wrong} wrong", file=sys.stderr)
    return 1 if wrong or not documents else 0


sys.exit(main())
