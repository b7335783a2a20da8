"""What is wrong with data, apart from what is wrong with the machine."""

from __future__ import annotations


class Refused(Exception):
    """The data cannot be used, and another try would end the same way.

    The job's result says so, and the process ends with 0. Everything else that is raised is trouble of the machine.
    """


class ImagerFailed(RuntimeError):
    """The imager was killed, ran out of time or failed: another try may help."""
