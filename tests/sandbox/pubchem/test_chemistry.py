"""Structures whose values agree with each other."""

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.pubchem.chemistry import MIRROR, PARENT, SALT, draws, structure

names = st.text(min_size=1, max_size=20)


def atoms(formula: str) -> Counter[str]:
    found = {symbol: int(count or 1) for symbol, count in re.findall(r"([A-Z][a-z]?)(\d*)", formula)}
    return Counter(found)


@given(names, st.sampled_from([PARENT, SALT, MIRROR]), st.integers(0, 3))
def test_the_same_structure_has_the_same_values(name: str, variant: int, number: int) -> None:
    assert structure(7, name, variant, number) == structure(7, name, variant, number)
    assert structure(7, name, variant, number) != structure(8, name, variant, number)


@given(names, st.sampled_from([PARENT, SALT, MIRROR]))
def test_formula_weight_and_smiles_agree(name: str, variant: int) -> None:
    found = structure(3, name, variant)
    formula = atoms(found["MolecularFormula"])
    heavy = {symbol: count for symbol, count in formula.items() if symbol != "H"}
    written = Counter(re.findall(r"Cl|[CNOSF]", found["SMILES"]))
    assert written == heavy
    assert found["HeavyAtomCount"] == sum(heavy.values())
    masses = {"C": 12.011, "H": 1.008, "N": 14.007, "O": 15.999, "S": 32.06, "F": 18.998, "Cl": 35.45}
    weight = sum(masses[symbol] * count for symbol, count in formula.items())
    assert float(found["MolecularWeight"]) == pytest.approx(weight, abs=0.2)
    assert float(found["ExactMass"]) == pytest.approx(weight, rel=0.01)
    assert found["InChI"].startswith(f"InChI=1S/{found['MolecularFormula']}/")
    assert found["CovalentUnitCount"] == found["SMILES"].count(".") + 1


@given(names)
def test_numbers_are_text_where_pubchem_sends_text(name: str) -> None:
    found = structure(3, name, PARENT)
    for weight in ("MolecularWeight", "ExactMass", "MonoisotopicMass"):
        assert isinstance(found[weight], str)
    assert isinstance(found["XLogP"], float) and isinstance(found["TPSA"], float)


@given(names)
def test_variants_share_the_first_block_of_the_key_and_nothing_but_it(name: str) -> None:
    keys = [structure(3, name, variant)["InChIKey"] for variant in (PARENT, SALT, MIRROR)]
    keys.append(structure(3, name, SALT, 1)["InChIKey"])
    assert all(re.fullmatch(r"[A-Z]{14}-[A-Z]{10}-[A-Z]", key) for key in keys)
    assert len({key[:14] for key in keys}) == 1
    assert len(set(keys)) == 4


def test_a_mirror_image_differs_in_stereochemistry_alone() -> None:
    parent, mirror = structure(3, "x", PARENT), structure(3, "x", MIRROR)
    differing = {key for key in parent if parent[key] != mirror[key]}
    assert differing == {"SMILES", "InChIKey"}


def test_a_salt_is_its_parent_and_a_counterion() -> None:
    parent, salt = structure(3, "x", PARENT), structure(3, "x", SALT)
    assert salt["SMILES"].startswith(parent["SMILES"] + ".")
    assert float(salt["MolecularWeight"]) > float(parent["MolecularWeight"])


@given(st.lists(st.text(max_size=8), min_size=1, max_size=4))
def test_draws_depend_on_every_part_of_the_key(key: list[str]) -> None:
    assert list(draws(*key)) == list(draws(*key))
    assert list(draws(*key)) != list(draws(*key, "more"))
    assert all(0 <= draw < 65_536 for draw in draws(*key))
