"""One line for one figure."""


def row(figure, value, limit, unit, detail, verdict=None):
    """A figure as it was measured beside its limit, and whether it keeps that if that is to be said."""
    judged = "" if verdict is None else f"{verdict:6}  "
    return f"{figure:45} {value:>7.2f} {unit:2} {limit:>4} {unit:2} {judged}{detail}"


def verdict(value, limit):
    return "ok" if value <= limit else "MISSED"
