"""A text classifier in ONNX as a scorer: a model that a deployment brings, beside the lexicon that we ship.

Its configuration is a small YAML file or mapping:

    name: roberta-comments          stands in the tables as the scorer
    model: model.onnx               paths are relative to the file
    tokenizer: tokenizer.json       as the library tokenizers writes it
    labels: {negative: -1, neutral: 0, positive: 1}    in the order of the model's outputs, with the score of each
    languages: [en]                 left out: it knows any language
    max_tokens: 128                 longer texts are cut
    batch: 32                       texts that the model gets at once

The score is the mean of the labels' scores, weighted by their probabilities (softmax of the logits). The packages
onnxruntime and tokenizers are installed by whoever uses this.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import yaml

if TYPE_CHECKING:
    import numpy as np
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer


class InvalidModel(ValueError):
    """A configuration, model or tokenizer that cannot score; the message names file, field, value and what to do."""


class _Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(min_length=1)]
    model: str
    tokenizer: str
    labels: Annotated[dict[str, Annotated[float, msgspec.Meta(ge=-1, le=1)]], msgspec.Meta(min_length=2)]
    languages: tuple[str, ...] | None = None
    max_tokens: Annotated[int, msgspec.Meta(ge=2, le=8192)] = 128
    batch: Annotated[int, msgspec.Meta(ge=1, le=4096)] = 32


class OnnxScorer:
    """A Scorer around an ONNX text classifier. The model is loaded when the first text is scored."""

    def __init__(self, config: Mapping[str, Any], folder: Path, source: str = "the configuration") -> None:
        """`folder`: what relative paths in `config` are relative to.

        Raises InvalidModel for a wrong configuration, a file or a package that is not there.
        """
        for package in ("onnxruntime", "tokenizers"):
            if find_spec(package) is None:
                raise InvalidModel(
                    f"{source}: a scorer by an ONNX model needs the package {package}, which is not installed. Install "
                    "onnxruntime and tokenizers on the platform, or take the model out of the configuration."
                )
        try:
            self._config = msgspec.convert(dict(config), type=_Config)
        except msgspec.ValidationError as error:
            raise InvalidModel(
                f"{source}: {error}. include/sources/comments/enrich/onnx.py lists the keys."
            ) from error
        self._paths = {key: folder / getattr(self._config, key) for key in ("model", "tokenizer")}
        for key, path in self._paths.items():
            if not path.is_file():
                raise InvalidModel(
                    f"{source}: {key} {path} is no file. Correct the path, or put the file there."
                )

    @classmethod
    def of_file(cls, path: Path) -> OnnxScorer:
        """The scorer that a YAML file configures. Raises InvalidModel naming the file and what is wrong in it."""
        try:
            document: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
            raise InvalidModel(f"{path}: {error}") from error
        if not isinstance(document, dict):
            raise InvalidModel(
                f"{path}: {type(document).__name__} instead of a mapping. It holds keys and values."
            )
        return cls(document, path.parent, str(path))

    @property
    def name(self) -> str:
        """As the configuration says."""
        return self._config.name

    @cached_property
    def version(self) -> str:
        """A hash of model, tokenizer and configuration, 12 hex digits."""
        hashed = hashlib.sha256(msgspec.json.encode(self._config, order="deterministic"))
        for path in self._paths.values():
            with path.open("rb") as file:
                hashed.update(hashlib.file_digest(file, "sha256").digest())
        return hashed.hexdigest()[:12]

    @property
    def languages(self) -> Collection[str] | None:
        """As the configuration says; None for any."""
        return self._config.languages

    def score(self, texts: Sequence[str]) -> list[float]:
        """The score of each text. Raises InvalidModel for another form of outputs, and what the model raises."""
        size = self._config.batch
        return [
            score
            for start in range(0, len(texts), size)
            for score in self._scores(texts[start : start + size])
        ]

    def _scores(self, texts: Sequence[str]) -> list[float]:
        import numpy as np

        encodings = self._tokenizer.encode_batch(list(texts))
        known = {
            "input_ids": [encoding.ids for encoding in encodings],
            "attention_mask": [encoding.attention_mask for encoding in encodings],
            "token_type_ids": [encoding.type_ids for encoding in encodings],
        }
        wanted = [given.name for given in self._session.get_inputs()]
        if unknown := [name for name in wanted if name not in known]:
            raise InvalidModel(
                f"{self._paths['model']} wants the input {unknown[0]!r}; known are "
                f"{', '.join(known)}. Export the model as a text classifier."
            )
        inputs = {name: np.asarray(known[name], dtype=np.int64) for name in wanted}
        logits: np.ndarray[Any, Any] = np.asarray(self._session.run(None, inputs)[0], dtype=np.float64)
        values = np.asarray(list(self._config.labels.values()))
        if logits.shape != (len(texts), len(values)):
            raise InvalidModel(
                f"{self._paths['model']} gave outputs of shape {logits.shape} for {len(texts)} texts, and labels names "
                f"{len(values)}. Name each output of the model once."
            )
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        scores: list[float] = np.clip((weights * values).sum(axis=1) / weights.sum(axis=1), -1, 1).tolist()
        return scores

    @cached_property
    def _session(self) -> InferenceSession:
        from onnxruntime import InferenceSession

        return InferenceSession(str(self._paths["model"]), providers=["CPUExecutionProvider"])

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self._paths["tokenizer"]))
        tokenizer.enable_truncation(self._config.max_tokens)
        tokenizer.enable_padding()
        return tokenizer

    def __getstate__(self) -> dict[str, Any]:
        """For a worker process, which loads model and tokenizer by itself."""
        return {"_config": self._config, "_paths": self._paths}
