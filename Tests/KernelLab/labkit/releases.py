"""Releases of kernels as numbers, which compare as releases do."""

Release = tuple[int, ...]


def parsed(text: str) -> Release:
    """A release from its text; what stands behind a minus does not count."""
    return tuple(map(int, text.partition("-")[0].split(".")))


def dotted(release: Release) -> str:
    """A release as people write it."""
    return ".".join(map(str, release))
