"""A drift-scan sky of our own making, as the correlator of the DSA-110 would write it: UVH5, sub-band by sub-band.

It needs numpy, scipy, h5py and astropy, which the worker has not, and so runs in the environment for imaging:

    make setup-imaging
    .venv-imaging/bin/python -m sandbox.dsa110 INBOX                       3 tiles, 24 antennas, 8 channels a sub-band
    .venv-imaging/bin/python -m sandbox.dsa110 INBOX --size full --tiles 1   96 antennas, 48 channels a sub-band
    .venv-imaging/bin/python -m sandbox.dsa110 INBOX --tiles 10 --antennas 24 --channels 8 --seed 7 \
        --start 2026-01-25T22:00:10
    .venv-imaging/bin/python -m sandbox.dsa110 INBOX advance               the next sidereal day: the same sky again
    .venv-imaging/bin/python -m sandbox.dsa110 INBOX --fault missing@0 --fault growing@2    see sandbox/dsa110/faults.py
    .venv-imaging/bin/python -m sandbox.dsa110 INBOX late                  what came late is there, what grew is whole
    .venv-imaging/bin/python -m sandbox.dsa110 INBOX --tiles 10 --every 372.3      from its start to its end 61 minutes

INBOX gets files YYYY-MM-DDTHH:MM:SS_sbNN.hdf5 and nothing else. Beside it, in INBOX-sky:

- `catalogue.csv`: the sources that a survey would know, for quality checks: name, ra_deg, dec_deg (ICRS), flux_jy at
  1,400 MHz, spectral_index (flux goes as frequency to its power), calibrator (1 for the one to calibrate on);
- `truth.json`: what was put into the files: see sandbox.dsa110.oracle, which reads it and has the injected gains;
- `state.json`: what `advance` goes on from.

What is true of the data, for whoever reads them:

- Phases: V_12 = sum of S A exp(+2 pi i f/c (b . (s - s0))), b from antenna 1 to antenna 2, s0 at hour angle 0 and the
  apparent declination `phase_center_dec` at the middle of each integration. So uvw in the header is constant in time.
- A channel is sampled at its centre and an integration at its middle: nothing is smeared, as wide as a channel may be.
- The power beam A is the Airy pattern of an unblocked dish of 4.65 m that looks at hour angle 0; XX and YY are alike,
  and each of them is Stokes I.
- The correlator's numbers are g_1 conj(g_2) (V + noise), with gains of about 0.07 and bandpasses that differ by antenna
  and polarisation. A dead antenna has noise alone. No sample is flagged and none is missing; interference is in some.
- Fields bend: aberration makes a degree 0.36" larger or smaller by the time of year, as it does in real data.
- Of 117 stations the header names all, and data have those that were correlated.
"""

import os

# Many small products of matrices: threads of the linear algebra would only wait for each other. Read when numpy loads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
