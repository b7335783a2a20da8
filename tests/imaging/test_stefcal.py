"""Gains that were put into visibilities come out again."""

import numpy as np
import pytest

from imaging import stefcal

ANTENNAS = 20
FIRST, SECOND = np.triu_indices(ANTENNAS, 1)


def injected(rng, solutions):
    amplitude = 1 + 0.2 * rng.standard_normal((solutions, ANTENNAS)).clip(-2, 2)
    return amplitude * np.exp(2j * np.pi * rng.random((solutions, ANTENNAS)))


def visibilities(rng, gains, samples=12, noise=0.0):
    """Two point sources' worth of model, and data with gains and noise; (solution, baseline, sample)."""
    shape = (len(gains), len(FIRST), samples)
    model = 5 + 2 * np.exp(2j * np.pi * rng.random(shape))
    error = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    return gains[:, FIRST, None] * gains[:, SECOND, None].conj() * model + noise * error, model


def solved(data, model, weight=None, pieces=1, **options):
    sums = stefcal.Sums(len(data), ANTENNAS)
    weight = np.ones(data.shape) if weight is None else weight
    for part in np.array_split(np.arange(data.shape[2]), pieces):
        sums.add(slice(None), FIRST, SECOND, data[..., part], model[..., part], weight[..., part])
    return stefcal.solve(sums, **options)


def test_injected_gains_are_recovered() -> None:
    rng = np.random.default_rng(1)
    gains = injected(rng, 6)
    found = solved(*visibilities(rng, gains))
    assert found.converged.all()
    np.testing.assert_allclose(
        stefcal.referred(found.values, 3), stefcal.referred(gains, 3), rtol=1e-5, atol=1e-5
    )
    assert np.abs(np.angle(stefcal.referred(found.values, 3)[:, 3])).max() < 1e-12


def test_errors_are_those_of_the_noise() -> None:
    rng = np.random.default_rng(2)
    gains = injected(rng, 200)
    found = solved(*visibilities(rng, gains, noise=1.0))
    away = np.abs(found.values) - np.abs(gains)
    assert np.std(away / found.errors) == pytest.approx(1.0, abs=0.1)
    assert abs(np.mean(away / found.errors)) < 0.1


@pytest.mark.parametrize("pieces", [2, 5, 12])
def test_pieces_give_what_the_whole_gives(pieces: int) -> None:
    rng = np.random.default_rng(3)
    data, model = visibilities(rng, injected(rng, 2), noise=0.3)
    np.testing.assert_allclose(
        solved(data, model, pieces=pieces).values, solved(data, model).values, rtol=1e-9, atol=1e-9
    )


def test_flagged_samples_do_not_count_whatever_they_hold() -> None:
    rng = np.random.default_rng(4)
    gains = injected(rng, 3)
    data, model = visibilities(rng, gains)
    bad = rng.random(data.shape) < 0.3
    data[bad] = np.where(rng.random(bad.sum()) < 0.5, 1e6, np.nan)
    found = solved(data, model, np.where(bad, 0.0, 1.0))
    np.testing.assert_allclose(
        stefcal.referred(found.values, 0), stefcal.referred(gains, 0), rtol=1e-5, atol=1e-5
    )


def test_an_absent_antenna_and_one_with_few_baselines_have_no_solution() -> None:
    rng = np.random.default_rng(5)
    gains = injected(rng, 2)
    data, model = visibilities(rng, gains)
    weight = np.ones(data.shape)
    weight[:, (FIRST == 7) | (SECOND == 7)] = 0
    others = ((FIRST == 9) & (SECOND > 12)) | (SECOND == 9)
    weight[:, others] = 0  # leaves antenna 9 with three
    weight[:, (FIRST == 9) & (SECOND < 10)] = 0
    found = solved(data, model, weight)
    assert np.flatnonzero(~found.good[0]).tolist() == [7, 9]
    rest = [a for a in range(ANTENNAS) if a not in {7, 9}]
    np.testing.assert_allclose(
        stefcal.referred(found.values, 0)[:, rest], stefcal.referred(gains, 0)[:, rest], rtol=1e-5, atol=1e-5
    )


def test_a_solution_without_data_is_none_and_hurts_no_other() -> None:
    rng = np.random.default_rng(6)
    gains = injected(rng, 2)
    data, model = visibilities(rng, gains)
    weight = np.ones(data.shape)
    weight[0] = 0
    found = solved(data, model, weight)
    assert not found.good[0].any()
    assert not found.converged[0]
    assert found.good[1].all()


def test_what_has_not_converged_is_no_solution() -> None:
    rng = np.random.default_rng(7)
    found = solved(*visibilities(rng, injected(rng, 1)), most=2)
    assert not found.converged.any()
    assert not found.good.any()


def test_without_the_reference_antenna_there_is_no_phase() -> None:
    values = np.array([[np.nan + 0j, 1j, 2.0]])
    assert np.isnan(stefcal.referred(values, 0)).all()
