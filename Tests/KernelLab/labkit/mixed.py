"""The mixed-coherency change: an Intel IOMMU that cannot enforce snoop for listed devices only.

QEMU has one Intel IOMMU a machine, so every device has the same snoop control. This makes the
kernel's driver answer "cannot enforce" for the PCI addresses of `lab_incoherent=` on the kernel's
command line, in the four places where it looks at snoop control for a device: the capability, the
check of an attach, the question whether a table with devices can be switched to enforcing (type1
asks that), and what user space is told of the hardware.
"""

import re
from pathlib import Path

DRIVER = Path("drivers/iommu/intel/iommu.c")

HELPER = """
/* The lab: devices listed by address in lab_incoherent= have no snoop control. */
static char lab_incoherent[256];

static int __init lab_incoherent_setup(char *text)
{
	strscpy(lab_incoherent, text, sizeof(lab_incoherent));
	return 1;
}
__setup("lab_incoherent=", lab_incoherent_setup);

static bool lab_snoop_control(struct device_domain_info *info)
{
	return ecap_sc_support(info->iommu->ecap) &&
	       !strstr(lab_incoherent, dev_name(info->dev));
}

"""

PER_DEVICE = "ecap_sc_support(info->iommu->ecap)"
ATTACH_6_12 = (
    "if (dmar_domain->force_snooping && !ecap_sc_support(iommu->ecap))",
    "if (dmar_domain->force_snooping && !lab_snoop_control(info))",
)
ATTACH_7_3 = (
    "	if (ret)\n		return ret;\n\n"
    "	if (sm_supported(iommu) && !dev_is_real_dma_subdevice(dev) &&\n",
    "	if (ret)\n		return ret;\n"
    "	if (intel_domain_is_ss_paging(dmar_domain) &&\n"
    "	    dmar_domain->force_snooping && !lab_snoop_control(info))\n		return -EINVAL;\n\n"
    "	if (sm_supported(iommu) && !dev_is_real_dma_subdevice(dev) &&\n",
)
HARDWARE_INFO = re.compile(r"(vtd->ecap_reg = )(\S+->ecap);")
FIRST_FUNCTION = "#define ROOT_SIZE"


def insert(tree: Path):
    """Changes the driver, keeping the original beside it; stops if the source is not as known."""
    path = tree / DRIVER
    text = path.read_text()
    original = path.with_suffix(".c.lab-original")
    if original.exists():
        return
    if text.count(PER_DEVICE) != 2:
        raise RuntimeError(f"{DRIVER} asks for snoop control in other places than the lab knows")
    changed = text.replace(PER_DEVICE, "lab_snoop_control(info)")
    attaches = [pair for pair in (ATTACH_6_12, ATTACH_7_3) if changed.count(pair[0]) == 1]
    if len(attaches) != 1 or changed.count("\n" + FIRST_FUNCTION) != 1:
        raise RuntimeError(f"{DRIVER} checks an attach in another way than the lab knows")
    changed = changed.replace(*attaches[0])
    changed, told = HARDWARE_INFO.subn(
        r"\1lab_snoop_control(info) ? \2 : \2 & ~(1ULL << 7);", changed)
    if told != 1:
        raise RuntimeError(f"{DRIVER} tells of the hardware in another way than the lab knows")
    changed = changed.replace("\n" + FIRST_FUNCTION, HELPER + FIRST_FUNCTION)
    original.write_text(text)
    path.write_text(changed)


def remove(tree: Path):
    """Gives the original back."""
    original = (tree / DRIVER).with_suffix(".c.lab-original")
    if original.exists():
        (tree / DRIVER).write_text(original.read_text())
        original.unlink()
