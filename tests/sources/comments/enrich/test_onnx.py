"""An ONNX text classifier as a scorer, with a tiny model that is made here."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import yaml
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers

from include.sources.comments.enrich import Catalogue, Enrichment
from include.sources.comments.enrich import onnx as adapter
from include.sources.comments.enrich.onnx import InvalidModel, OnnxScorer
from include.sources.comments.enrich.sentiment import scored
from tests.sources.comments.enrich.conftest import Batch

WORDS = {"[PAD]": 0, "[UNK]": 1, "love": 2, "hate": 3, "it": 4}
LOGITS = np.array([[0, 0], [0, 0], [-4, 4], [4, -4], [0, 0]], dtype=np.float32)
"""What each word says of the labels negative and positive; the model adds them up."""


def written(folder: Path, *, input_name: str = "input_ids", **config: Any) -> Path:
    """A model that sums the logits of its words, its tokenizer, and its configuration."""
    table = numpy_helper.from_array(LOGITS, "table")
    axes = numpy_helper.from_array(np.array([1]), "axes")
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["table", input_name], ["each"]),
            helper.make_node("ReduceSum", ["each", "axes"], ["logits"], keepdims=0),
        ],
        "tiny",
        [helper.make_tensor_value_info(input_name, TensorProto.INT64, ["texts", "tokens"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["texts", 2])],
        [table, axes],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, folder / "model.onnx")
    tokenizer = Tokenizer(models.WordLevel(WORDS, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    told = {
        "name": "tiny",
        "model": "model.onnx",
        "tokenizer": "tokenizer.json",
        "labels": {"negative": -1, "positive": 1},
    }
    path = folder / "scorer.yml"
    path.write_text(yaml.safe_dump(told | config, sort_keys=False), encoding="utf-8")
    return path


def test_texts_are_scored_by_the_mean_of_the_labels(tmp_path: Path) -> None:
    scores = OnnxScorer.of_file(written(tmp_path)).score(["love it", "hate it", "it", "love hate"])
    assert scores == pytest.approx([np.tanh(4), -np.tanh(4), 0, 0])


def test_texts_of_any_length_and_number_are_scored_in_batches(tmp_path: Path) -> None:
    scorer = OnnxScorer.of_file(written(tmp_path, batch=3, max_tokens=4))
    texts = ["love it"] * 5 + ["it " * 50 + "hate"] + ["", "hate"]
    assert scorer.score(texts) == pytest.approx([np.tanh(4)] * 5 + [0, 0, -np.tanh(4)])
    assert scorer.score([]) == []


def test_a_model_enriches_comments_in_any_language(
    tmp_path: Path, catalogue: Catalogue, batch: Batch
) -> None:
    scorer = OnnxScorer.of_file(written(tmp_path))
    assert scorer.languages is None
    scores = Enrichment(catalogue, scorer).of(batch("love", "me encanta esta serie, es la mejor")).scores
    assert scores["score_state"].to_pylist() == ["scored", "scored"]
    assert scores["scorer"].to_pylist() == [f"tiny {scorer.version}"] * 2


def test_a_model_may_know_some_languages_only(tmp_path: Path) -> None:
    scorer = OnnxScorer.of_file(written(tmp_path, languages=["en"]))
    assert [each.state for each in scored(scorer, ["love", "encanta"], ["en", "es"])] == [
        "scored",
        "other_language",
    ]


def test_the_version_is_another_for_another_model_tokenizer_or_configuration(tmp_path: Path) -> None:
    versions = {OnnxScorer.of_file(written(tmp_path)).version, OnnxScorer.of_file(written(tmp_path)).version}
    assert len(versions) == 1
    versions.add(OnnxScorer.of_file(written(tmp_path, max_tokens=7)).version)
    path = written(tmp_path)
    for name in ("model.onnx", "tokenizer.json"):
        with (tmp_path / name).open("ab") as file:
            file.write(b" ")
        versions.add(OnnxScorer.of_file(path).version)
    assert len(versions) == 4


def test_a_model_can_go_to_a_worker_process(tmp_path: Path) -> None:
    scorer = OnnxScorer.of_file(written(tmp_path))
    scorer.score(["love"])
    assert pickle.loads(pickle.dumps(scorer)).score(["love"]) == scorer.score(["love"])


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"labels": {"negative": -2, "positive": 1}}, "labels"),
        ({"labels": {"positive": 1}}, "labels"),
        ({"model": "other.onnx"}, "model"),
        ({"tokenizer": 5}, "tokenizer"),
        ({"threads": 5}, "threads"),
        ({"batch": 0}, "batch"),
        ({"name": ""}, "name"),
    ],
)
def test_a_wrong_configuration_is_refused_by_file_and_field(
    tmp_path: Path, config: dict[str, Any], told: str
) -> None:
    path = written(tmp_path, **config)
    with pytest.raises(InvalidModel) as refused:
        OnnxScorer.of_file(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert told in str(refused.value)


@pytest.mark.parametrize("text", ["[1]", "a: [", ""])
def test_a_configuration_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "scorer.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidModel, match=r"scorer\.yml"):
        OnnxScorer.of_file(path)


def test_a_configuration_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidModel, match="absent"):
        OnnxScorer.of_file(tmp_path / "absent.yml")


def test_a_model_with_other_inputs_or_outputs_says_so(tmp_path: Path) -> None:
    with pytest.raises(InvalidModel, match="wants the input 'words'"):
        OnnxScorer.of_file(written(tmp_path, input_name="words")).score(["love"])
    three = OnnxScorer.of_file(written(tmp_path, labels={"a": -1, "b": 0, "c": 1}))
    with pytest.raises(InvalidModel, match=r"shape \(1, 2\) for 1 texts, and labels names 3"):
        three.score(["love"])


def test_a_file_that_is_no_model_fails_the_texts_and_makes_none_neutral(tmp_path: Path) -> None:
    path = written(tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"nothing")
    results = scored(OnnxScorer.of_file(path), ["love", "hate"], ["en", "en"])
    assert [each.state for each in results] == ["failed", "failed"]


@pytest.mark.parametrize("package", ["onnxruntime", "tokenizers"])
def test_a_package_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    path = written(tmp_path)
    there = adapter.find_spec
    monkeypatch.setattr(adapter, "find_spec", lambda name: None if name == package else there(name))
    with pytest.raises(InvalidModel, match=f"needs the package {package}, which is not installed. Install"):
        OnnxScorer.of_file(path)
