"""Read a sample as somebody who knows pyuvdata would, and tell what is in it as JSON.

python looking.py peaks|strengths INBOX SUBBAND [SUBBAND ...]

Of the first tile: peaks looks for the two brightest sources, strengths leaves that out.

Runs in the environment for imaging. Of the sample it takes what was injected, and of its geometry nothing: directions
are those of pyuvdata.
"""

import json
import sys
from pathlib import Path

import h5py
import numpy as np
from pyuvdata import UVData

from sandbox.dsa110 import oracle
from sandbox.dsa110.sky import LIGHT, beam
from sandbox.dsa110.world import World

SECOND = np.pi / 180 / 3600
SEARCHED = 4
"""Seconds of arc around a source in which its peak is looked for."""


class Tile:
    """A sub-band of a tile, its gains taken out, phased to the middle of the tile."""

    def __init__(self, inbox: Path, subband: int) -> None:
        self.truth = oracle.read(inbox.with_name(f"{inbox.name}-sky"))
        self.world = World(self.truth.settings)
        self.tile = self.truth.tiles[0]
        self.observed = oracle.observed(self.world, self.tile)
        self.subband = subband
        self.path = inbox / self.tile.files[subband].name
        self.data = self._read()
        times, channels = len(self.observed.jd), len(self.data.freq_array)
        # (times, baselines, channels, polarisations)
        self.vis = self.data.data_array.reshape(times, -1, channels, 2)
        self.uvw = self.data.uvw_array.reshape(times, -1, 3)
        first, second = (
            each.reshape(times, -1)[0] for each in (self.data.ant_1_array, self.data.ant_2_array)
        )
        dead = np.array(self.truth.dead, int) - 1
        self.cross = first != second
        self.deaf = np.isin(first, dead) | np.isin(second, dead)
        self.good = self.cross & ~self.deaf

    def _read(self) -> UVData:
        data = UVData()
        data.read(self.path, file_type="uvh5", run_check=False)
        data.uvw_array = data.uvw_array.astype(np.float64)
        station = {number: place for place, number in enumerate(self.truth.stations)}
        first, second = (
            np.array([station[antenna + 1] for antenna in antennas])
            for antennas in (data.ant_1_array, data.ant_2_array)
        )
        moment = np.repeat(np.arange(len(self.observed.jd)), data.Nbls)
        gains = oracle.gains(self.world, self.observed, self.subband).transpose(0, 2, 1, 3)
        data.data_array = data.data_array / (gains[moment, first] * gains[moment, second].conj())
        # What the header calls drift is stopped at hour angle 0: a fixed place over the ground
        declination = data.extra_keywords["phase_center_dec"]
        place = data._add_phase_center(
            "meridian",
            cat_type="driftscan",
            cat_lon=np.pi,
            cat_lat=np.pi / 2 - (data.telescope.location.lat.rad - declination),
            cat_frame="altaz",
            cat_epoch=2000.0,
        )
        data.phase_center_id_array[:] = place
        data._set_app_coords_helper()
        self.stored_uvw = data.uvw_array.copy()
        data.set_uvws_from_antenna_positions(update_vis=False)
        self.uvw_error = float(np.abs(data.uvw_array - self.stored_uvw).max())
        data.phase(
            lon=np.radians(self.tile.ra_deg),
            lat=np.radians(self.tile.dec_deg),
            phase_frame="icrs",
            cat_type="sidereal",
            cat_name="tile",
        )
        return data

    def cosines(self, ra, dec):
        """l, m, n of ICRS places in radians from the middle of the tile."""
        ra0, dec0 = np.radians([self.tile.ra_deg, self.tile.dec_deg])
        return np.stack(
            [
                np.cos(dec) * np.sin(ra - ra0),
                np.sin(dec) * np.cos(dec0) - np.cos(dec) * np.sin(dec0) * np.cos(ra - ra0),
                np.sin(dec) * np.sin(dec0) + np.cos(dec) * np.cos(dec0) * np.cos(ra - ra0),
            ],
            axis=-1,
        )

    def fringe(self, cosines):
        """exp(2 pi i f / c (u l + v m + w (n - 1))), shape (times, baselines, channels)."""
        path = self.uvw @ (cosines - [0, 0, 1])
        return np.exp(2j * np.pi / LIGHT * path[..., None] * self.data.freq_array)

    def model(self, names):
        """Visibilities of sources at their catalogued places, shape (times, baselines, channels)."""
        correlator, sky = self.world.correlator(), self.world.sky
        which = np.array([sky.name.index(name) for name in names])
        seen = correlator.seen(self.observed, which)
        pole = self.observed.declination
        middle = np.array([np.cos(pole), 0.0, np.sin(pole)])
        found = np.zeros(self.vis.shape[:3], complex)
        for place, source in enumerate(which):
            cosines = self.cosines(sky.ra[source], sky.dec[source])
            flux = sky.fluxes(self.data.freq_array, source[None])[:, 0]
            strength = np.stack(
                [beam(each[place][None], middle, self.data.freq_array)[:, 0] for each in seen]
            )
            found += self.fringe(cosines) * (strength * flux)[:, None]
        return found


def peak(tile: Tile, rest, name: str) -> dict[str, float]:
    """Where a source is brightest in the image of what is left, and how bright."""
    sky = tile.world.sky
    source = sky.name.index(name)
    centre = tile.cosines(sky.ra[source], sky.dec[source])
    steps = np.arange(-SEARCHED, SEARCHED + 1)
    best = (-np.inf, 0.0, 0.0)
    # The field is flat over some seconds of arc: one pass over the data for each axis and its turns
    turned = rest * tile.fringe(centre).conj()
    turned = turned[:, tile.good]
    uvw = tile.uvw[:, tile.good]
    wave = 2j * np.pi / LIGHT * tile.data.freq_array
    for right in steps:
        for up in steps:
            path = (uvw[..., 0] * right + uvw[..., 1] * up) * SECOND
            flux = float((turned * np.exp(-wave * path[..., None])).mean().real)
            best = max(best, (flux, float(right), float(up)))
    mirrored = rest * tile.fringe(centre * [-1, -1, 1]).conj()
    return {
        "flux": best[0],
        "right": best[1],
        "up": best[2],
        "mirrored": float(np.abs(mirrored[:, tile.good].mean())),
    }


def main() -> None:
    what, inbox, *subbands = sys.argv[1:]
    answers = {}
    for subband in map(int, subbands):
        tile = Tile(Path(inbox), subband)
        stokes = tile.vis.mean(axis=-1)
        sources = sorted(tile.tile.sources, key=lambda each: -each.flux_jy * each.beam)
        correlator = tile.world.correlator()
        names = [tile.world.sky.name[source] for source in correlator.in_sight(tile.observed)]
        model = tile.model(names)
        expected = tile.model([sources[0].name, sources[1].name])
        good = tile.good
        noise = (tile.vis[..., 0] - tile.vis[..., 1]) / np.sqrt(2)
        deaf = tile.vis[:, tile.deaf & tile.cross]
        with h5py.File(tile.path) as file:
            header = file["Header"]
            layout = {
                "visdata": list(file["Data/visdata"].shape),
                "flags": int(np.count_nonzero(file["Data/flags"])),
                "uvw": str(header["uvw_array"].dtype),
                "phase_type": header["phase_type"][()].decode(),
                "lsts": "lst_array" in header,
                "frequencies": header["freq_array"][0].tolist(),
                "polarisations": header["polarization_array"][()].tolist(),
                "stations": int(header["Nants_telescope"][()]),
                "autos": int(np.count_nonzero(header["ant_1_array"][()] == header["ant_2_array"][()])),
                "seconds": float(header["integration_time"][0]),
                "rows": int(header["Nblts"][()]),
            }
        answers[subband] = {
            "layout": layout,
            "uvw_error": tile.uvw_error,
            "brightest": [each.name for each in sources[:2]],
            "calibrator": tile.truth.calibrator,
            "expected": [
                float(
                    np.abs(
                        (
                            tile.model([each.name])
                            * tile.fringe(tile.cosines(*np.radians([each.ra_deg, each.dec_deg]))).conj()
                        )[:, good].mean()
                    )
                )
                for each in sources[:2]
            ],
            "peaks": [
                peak(tile, stokes - model + tile.model([each.name]), each.name)
                for each in sources[:2]
                if what == "peaks"
            ],
            "total": float(np.abs(expected[:, good]).max()),
            "noise": float(np.median(np.abs(noise[:, good].real)) / 0.6745),
            "deaf": float(np.abs(deaf.mean())) if deaf.size else None,
            "autos": float(np.median(tile.vis[:, ~tile.cross & ~tile.deaf].real)),
            "loud": np.abs(stokes - model)[:, good].mean(axis=1).tolist(),
        }
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
