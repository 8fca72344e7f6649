"""A libvirtd of its own: folders of its own over those of the machine, and a hook that is noted.

Its guests have no hardware: QEMU starts them without KVM.
"""

import contextlib
import ctypes
import os
import pathlib
import shutil
import signal
import subprocess
import sys

from world import mount, until

FOLDERS = ["/etc/libvirt", "/etc/vfioplan", "/var/lib/libvirt", "/var/cache/libvirt",
           "/var/log/libvirt", "/run"]
# Whom libvirtd asks for as it starts, whatever its settings say; Debian makes them with the daemon's service.
USERS = {"/etc/passwd": "libvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin\n",
         "/etc/group": "libvirt-qemu:x:64055:\n"}
SETTINGS = {
    "libvirtd.conf": 'auth_unix_rw = "none"\n',
    # Neither another user, nor control groups, nor a daemon for logs: this is not a whole machine.
    "qemu.conf": 'stdio_handler = "file"\nsecurity_driver = "none"\nuser = "root"\ngroup = "root"\n'
                 "dynamic_ownership = 0\nnamespaces = []\ncgroup_controllers = []\n"}
HOSTDEV = """<hostdev mode='subsystem' type='pci' managed='{managed}'>
  <source><address domain='0x{0}' bus='0x{1}' slot='0x{2}' function='0x{3}'/></source>
</hostdev>"""
DOMAIN = """<domain type='qemu'>
  <name>{name}</name><memory unit='MiB'>64</memory>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <devices><emulator>/usr/bin/qemu-system-x86_64</emulator>{devices}</devices>
</domain>"""
PROGRAMS = ["libvirtd", "virsh", "qemu-system-x86_64"]


def missing():
    """A program that is needed and not there; None if all are."""
    return next((name for name in PROGRAMS if shutil.which(name) is None), None)


def hostdev(address, managed="no"):
    return HOSTDEV.format(*address.replace(".", ":").split(":"), managed=managed)


class Libvirt:
    """A libvirtd, whose guests outlive it."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.calls = self.folder / "calls"
        self.daemon = None

    def install(self, hook):
        """Puts a hook in place: a command, whose calls are noted with what came of them."""
        path = pathlib.Path("/etc/libvirt/hooks/qemu.d/50-hook")
        path.parent.mkdir(parents=True)
        path.write_text(
            f'#!/bin/sh\n{hook} "$@" >/run/hook.out\nstatus=$?\n'
            f'echo "$1 $2 $status $(wc -c </run/hook.out)" >>{self.calls}\nexit $status\n')
        path.chmod(0o755)

    def start(self):
        """Starts the daemon and waits until it answers."""
        environment = {**os.environ, "LD_PRELOAD": self.unlimited()}
        self.daemon = subprocess.Popen(
            [sys.executable, __file__, "libvirtd"], start_new_session=True, env=environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: self.virsh("version").returncode == 0, "libvirtd's answer", 30)

    def stop(self):
        """Ends the daemon."""
        os.killpg(self.daemon.pid, signal.SIGKILL)
        self.daemon.wait()

    def unlimited(self):
        """What has libvirtd believe that it may raise limits."""
        library = self.folder / "unlimited.so"
        if not library.exists():
            source = pathlib.Path(__file__).with_name("unlimited.c")
            subprocess.run(
                ["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, source],
                check=True)
        return str(library)

    def virsh(self, *words):
        return subprocess.run(
            ["virsh", *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=60, env={**os.environ, "LC_ALL": "C"})

    def create(self, name, *devices):
        """Starts a domain."""
        path = self.folder / f"{name}.xml"
        path.write_text(DOMAIN.format(name=name, devices="".join(devices)))
        return self.virsh("create", path)

    def operations(self, name):
        """The operations that libvirt has told the hook of, for a domain, and what came of each."""
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        return [tuple(line.split()[1:]) for line in lines if line.split()[0] == name]


@contextlib.contextmanager
def covered():
    """Folders of its own over those of the machine, in mounts that nobody else sees."""
    for folder in FOLDERS:
        os.makedirs(folder, exist_ok=True)
        mount("-t", "tmpfs", "none", folder)
    try:
        for name, text in SETTINGS.items():
            pathlib.Path("/etc/libvirt", name).write_text(text)
        for path, line in USERS.items():
            copy = pathlib.Path("/run", pathlib.Path(path).name)
            copy.write_text(pathlib.Path(path).read_text() + line)
            mount("--bind", copy, path)
        yield
    finally:
        for place in [*reversed(USERS), *reversed(FOLDERS)]:
            subprocess.run(["umount", "--lazy", place], check=True)


def serve(*command):
    """Runs a daemon, and is process 1 to what it leaves behind: libvirt waits for the end of those."""
    ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER of linux/prctl.h
    daemon = subprocess.Popen(command)
    while os.wait()[0] != daemon.pid:
        pass


if __name__ == "__main__":
    serve(*sys.argv[1:])
