"""For the time of the change: the old calls, as measurements."""

from zfhelpers.paper.measurements import measure


def check(name, value, reference=None, tolerance=None, unit="", paper=None, interval=None, note=None):
    """A measurement."""
    measure(name, value, unit, paper, interval, note)


def at_least(name, value, bound=None, unit="", paper=None, interval=None, note=None):
    """A measurement."""
    measure(name, value, unit, paper, interval, note)


at_most = at_least
