"""The same change for 6.1, which looks at snoop control in two places only.

It has no iommufd that user space could ask, and its capability is the same for all devices.
"""

from pathlib import Path

from .mixed import DRIVER, FIRST_FUNCTION, HELPER, PER_DEVICE, remove

__all__ = ["insert", "remove"]

ATTACH = (
    "if (dmar_domain->force_snooping && !ecap_sc_support(iommu->ecap))",
    "if (dmar_domain->force_snooping && !lab_snoop_control(dev_iommu_priv_get(dev)))",
)


def insert(tree: Path):
    """Changes the driver, keeping the original beside it; stops if the source is not as known."""
    path = tree / DRIVER
    text = path.read_text()
    original = path.with_suffix(".c.lab-original")
    if original.exists():
        return
    if [text.count(piece) for piece in (PER_DEVICE, ATTACH[0], "\n" + FIRST_FUNCTION)] != [1] * 3:
        raise RuntimeError(f"{DRIVER} looks at snoop control in another way than the lab knows")
    changed = text.replace(PER_DEVICE, "lab_snoop_control(info)").replace(*ATTACH)
    original.write_text(text)
    path.write_text(changed.replace("\n" + FIRST_FUNCTION, HELPER + FIRST_FUNCTION))
