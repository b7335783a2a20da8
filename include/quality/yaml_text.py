"""YAML with one meaning: text that YAML 1.1 and 1.2 read differently is refused, with its line.

PyYAML reads `010` as 8, `1:00` as 60 and `no` as false, Soda's parser as 10 and as texts; `1e3` is the other way
round. So a scalar without quotes must be an ordinary decimal number, true, false, null or text that neither of them
takes for anything else. What one of them forgives (a key that stands twice) or expands (aliases, merges, tags, Soda's
variables) is refused too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import yaml

# libyaml's parser is six times faster, which a source of thirty tables feels.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STR, _MAP, _SEQ = (f"tag:yaml.org,2002:{name}" for name in ("str", "map", "seq"))
_PLAIN = re.compile(r"|~|null|true|false|[-+]?(0|[1-9][0-9]*)|[-+]?(0|[1-9][0-9]*)\.[0-9]+([eE][-+][0-9]+)?")
"""What both take for the same null, truth value or number."""
_NUMBER = re.compile(
    r"[-+]?(0[oO][0-7]+|0[xX][0-9a-fA-F]+|0[bB][01]+|(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|\.inf)|\.nan",
    re.IGNORECASE,
)
"""What either of them may take for a number, underscores aside."""
_VARIABLE = re.compile(r"\$\{")


class Ambiguous(ValueError):
    """A text that is no YAML, or can be read in two ways."""


def load(text: str) -> Any:
    """What the text says, as dicts, lists, texts, numbers, truth values and None. Raises Ambiguous."""
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return None
        for node, why in _trouble(loader, root, set()):
            raise Ambiguous(f"line {node.start_mark.line + 1}: {why}")
        return loader.construct_document(root)
    except yaml.YAMLError as error:
        raise Ambiguous(str(error)) from error
    finally:
        loader.dispose()


def _trouble(loader: Any, node: yaml.Node, seen: set[int]) -> Iterator[tuple[yaml.Node, str]]:
    """The places that can be read in two ways, and why."""
    if id(node) in seen:
        yield node, "an alias (*name) is refused; write it out where it is needed"
        return
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        if why := _scalar(loader, node):
            yield node, why
    elif node.tag not in {_MAP, _SEQ}:
        yield node, f"the tag {node.tag!r} is refused"
    elif isinstance(node, yaml.MappingNode):
        keys = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                yield key, "a key is a single word or text"
                continue
            yield from _trouble(loader, key, seen)
            if key.value in keys:
                yield key, f"the key {key.value!r} stands twice; one of them would be lost"
            keys.add(key.value)
            yield from _trouble(loader, value, seen)
    else:
        for item in node.value:
            yield from _trouble(loader, item, seen)


def _scalar(loader: Any, node: yaml.ScalarNode) -> str | None:
    """Why a scalar has no single meaning; None where it has."""
    plain, text = not node.style, node.value
    read = loader.resolve(yaml.ScalarNode, text, (plain, not plain))
    if node.tag != read:
        return f"the tag {node.tag!r} at {text!r} is refused"
    if _VARIABLE.search(text):
        return f"{text!r} holds a variable, which Soda would replace by text from its environment"
    if not plain:
        return None
    meant = bool(_PLAIN.fullmatch(text)) if read != _STR else not _NUMBER.fullmatch(text.replace("_", ""))
    if not meant:
        return (
            f"{text!r} without quotes is read in different ways by YAML 1.1 and 1.2, or is no finite decimal number: "
            "put it in quotes if it is text, else write a number like 10 or 0.5, true or false"
        )
    if read != _STR and "." in text and not math.isfinite(float(text)):
        return f"{text!r} is beyond what a number can hold"
    return None
