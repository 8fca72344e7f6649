#!/usr/bin/env python3
"""A guest boots in a QEMU under `emulate`: SeaBIOS and Linux find the device's ids, BARs and capabilities,
its memory takes what is written to it, and vfio-pci of the guest binds it.

    boots.py PROGRAM
"""

import pathlib
import re
import subprocess
import sys
import tempfile

import qemus

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "KernelLab"))

from labkit import initramfs  # noqa: E402

CACHE = qemus.CACHE
DEVICE = "0000:01:00.0"
HOST = f"""\
apiVersion: vfioplan/v1
kind: Host
name: boots
kernel: {{ release: "6.12", iommufd: true, vfioCdev: true, type1: true, kvm: true }}
iommus:
  - {{ name: dmar0, type: intel-vtd, enforceSnoop: true, isolatedMSI: true }}
devices:
  - {{ address: "{DEVICE}", vendor: 0x8086, device: 0x1572, class: 0x020000, iommu: dmar0, group: 1,
      driver: vfio-pci, bars: [ {{ index: 0, size: 64KiB }}, {{ index: 2, size: 16MiB, bits: 64,
      prefetchable: true }} ] }}
"""
# What the guest says of the one device that is not QEMU's, and of four bytes in the middle of a BAR.
INIT = b"""#!/bin/sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
cd /sys/bus/pci/devices
for one in *; do
  test "$(cat $one/vendor)$(cat $one/device)" = 0x80860x1572 || continue
  echo "guest: found $(cat $one/class)"
  sed 's/^/guest: resource /' $one/resource | head -4
  for at in 06 34 3d; do
    echo "guest: byte $at $(od -An -t x1 -j $((0x$at)) -N 1 $one/config | tr -d ' ')"
  done
  echo 1 > $one/enable
  poke $one/resource0 0x1008 0xcafe0123 >/dev/null
  echo "guest: memory $(poke $one/resource2 0xff0000 0x12345678) $(od -An -t x1 -N 4 $one/config)"
  echo vfio-pci > $one/driver_override
  echo $one > /sys/bus/pci/drivers_probe
  echo "guest: driver $(basename "$(readlink $one/driver)")"
done
echo "guest: end"
poweroff -f
"""
WANTED = {
    "found": r"guest: found 0x020000",
    "BAR 0, 64 KiB": r"guest: resource 0x0+[0-9a-f]*0000 0x0+[0-9a-f]*ffff 0x0*140204",
    "BAR 2, 16 MiB": r"guest: resource 0x0+[0-9a-f]*000000 0x0+[0-9a-f]*ffffff 0x0*14220c",
    "capabilities": r"guest: byte 06 [13579bdf].",
    "memory": r"guest: memory 12345678",
    "driver": r"guest: driver vfio-pci",
    "end": r"guest: end"}


def image(folder):
    """What the guest runs."""
    archive = initramfs.Archive()
    archive.add_console()
    archive.add_program("bin/busybox", CACHE / "busybox")
    archive.add_link("bin/sh", "busybox")
    poke = folder / "poke"
    source = pathlib.Path(__file__).with_name("poke.c")
    subprocess.run(["gcc", "-O1", "-Wall", "-Werror", "-static", "-o", poke, source], check=True)
    archive.add_program("bin/poke", poke)
    for name in ("proc", "sys"):
        archive.add_directory(name)
    archive.add("init", INIT, 0o100755)
    path = folder / "initrd"
    path.write_bytes(archive.bytes())
    return path


def kernel():
    """A kernel of the lab; None if there is none yet."""
    found = sorted(CACHE.glob("kernels/6.12-*/bzImage"))
    return found[0] if found else None


def boot(program, qemu, backend, folder):
    """Boots the guest; what its console says, and the report."""
    host = folder / "host.yaml"
    host.write_text(HOST)
    words = [*qemu.words, "-M", "q35,kernel-irqchip=split", "-m", "256", "-display", "none",
             "-nodefaults", "-accel", "tcg", "-no-reboot", "-kernel", str(kernel()), "-initrd",
             str(image(folder)), "-append", "console=ttyS0 quiet panic=-1 tsc=reliable "
             "no_timer_check intel_iommu=on", "-serial", "stdio",
             "-device", "intel-iommu,intremap=on,caching-mode=on"]
    if backend == "iommufd":
        words += ["-object", "iommufd,id=io"]
    words += ["-device", f"vfio-pci,host={DEVICE}" + (",iommufd=io" if backend == "iommufd" else "")]
    return subprocess.run(
        [program, "emulate", "--host", str(host), "--", *words], stdin=subprocess.DEVNULL,
        capture_output=True, text=True, errors="replace", timeout=240)


def complaints(done):
    """What the guest has not found."""
    missing = [what for what, line in WANTED.items() if not re.search(line, done.stdout)]
    if done.returncode != 0:
        missing.append(f"status 0 (it was {done.returncode})")
    return missing


def main():
    if kernel() is None or not (CACHE / "busybox").is_file():
        print("SKIPPED: boots: the lab has no kernel or busybox yet; 'make lab' makes them")
        return 0
    failed = 0
    for qemu in qemus.available():
        for backend in ["type1", "iommufd"] if qemu.knows_iommufd else ["type1"]:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    done = boot(sys.argv[1], qemu, backend, pathlib.Path(folder))
                except subprocess.TimeoutExpired as error:
                    failed += 1
                    print(f"FAIL QEMU {qemu.version} {backend}: no end: {(error.stdout or b'')[-500:]}")
                    continue
                missing = complaints(done)
                failed += bool(missing)
                print(f"{'FAIL' if missing else 'ok  '} a guest in QEMU {qemu.version} with {backend}"
                      + "".join(f"; not seen: {what}" for what in missing), flush=True)
                if missing:
                    print(done.stdout[-3000:], done.stderr[-2000:])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
