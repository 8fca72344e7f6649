"""Laws of the hook for libvirt, kept by Debian's own libvirtd on the machine that is made up.

Its guests have no hardware: QEMU starts them without KVM, and those that ask for a device come as far as
QEMU's opening it.
"""

import contextlib
import ctypes
import os
import pathlib
import shutil
import signal
import subprocess
import sys

from law import as_before, law, nothing_written
from world import AS_BEFORE, finish, mount, skip, until

NIC = "0000:01:00.0"
HOOK = pathlib.Path(__file__).resolve().parents[2] / "packaging/libvirt-hook"
FOLDERS = ["/etc/libvirt", "/etc/vfioplan", "/var/cache/libvirt", "/var/log/libvirt", "/run"]
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


def hostdev(address, managed="no"):
    return HOSTDEV.format(*address.replace(".", ":").split(":"), managed=managed)


class Libvirt:
    """A libvirtd with the hook in place."""

    def __init__(self, world):
        self.world = world
        self.calls = world.scratch / "calls"
        self.daemon = None

    def start(self):
        """Starts the daemon."""
        environment = {**os.environ, "LD_PRELOAD": self.unlimited()}
        self.daemon = subprocess.Popen(
            [sys.executable, __file__, "libvirtd"], start_new_session=True, env=environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: self.virsh("version").status == 0, "libvirtd's answer", 20)

    def unlimited(self):
        """What has libvirtd believe that it may raise limits."""
        library = self.world.folder / "unlimited.so"
        if not library.exists():
            source = pathlib.Path(__file__).with_name("unlimited.c")
            subprocess.run(
                ["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, source],
                check=True)
        return str(library)

    def stop(self):
        """Ends the daemon, which guests outlive."""
        os.killpg(self.daemon.pid, signal.SIGKILL)
        self.daemon.wait()

    def virsh(self, *words, seconds=30):
        environment = {**os.environ, "LC_ALL": "C"}
        return finish(self.world.start(*words, program="virsh", env=environment), seconds)

    def create(self, name, *devices):
        """Starts a domain."""
        path = self.world.scratch / f"{name}.xml"
        path.write_text(DOMAIN.format(name=name, devices="".join(devices)))
        return self.virsh("create", path)

    def operations(self, name):
        """The operations that libvirt has told the hook of, for a domain, and what came of each."""
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        return [tuple(line.split()[1:]) for line in lines if line.split()[0] == name]


@contextlib.contextmanager
def libvirt(world):
    """A libvirt in folders of its own, with our hook, which notes its calls."""
    for folder in FOLDERS:
        os.makedirs(folder, exist_ok=True)
        mount("-t", "tmpfs", "none", folder)
    made = Libvirt(world)
    try:
        for name, text in SETTINGS.items():
            pathlib.Path("/etc/libvirt", name).write_text(text)
        hook = pathlib.Path("/etc/libvirt/hooks/qemu.d/50-vfioplan")
        hook.parent.mkdir(parents=True)
        hook.write_text(
            f'#!/bin/sh\nPATH={world.folder}:$PATH {HOOK} "$@" >/run/hook.out\nstatus=$?\n'
            f'echo "$1 $2 $status $(wc -c </run/hook.out)" >>{made.calls}\nexit $status\n')
        hook.chmod(0o755)
        made.start()
        yield made
    finally:
        made.stop()
        world.end_strangers()
        for folder in reversed(FOLDERS):
            subprocess.run(["umount", "--lazy", folder], check=True)


def with_libvirt(function):
    """A law that needs libvirtd; said to be skipped where there is none."""
    def tried(world):
        missing = [name for name in PROGRAMS if shutil.which(name) is None]
        if missing:
            skip(function.__name__, f"there is no {missing[0]}")
            return
        with libvirt(world) as server:
            function(world, server)
    tried.__name__ = function.__name__
    return law(tried)


def answered(server, name, *operations):
    """The hook was called for so many operations, all with status 0 and no byte on standard output."""
    found = server.operations(name)
    assert found == [(word, "0", "0") for word in operations], f"{name}: the hook: {found}"


@with_libvirt
def libvirt_starts_a_domain_without_devices_as_if_there_were_no_hook(world, server):
    run = server.create("plain")
    assert run.status == 0, run.all
    answered(server, "plain", "prepare", "start", "started")
    assert server.virsh("destroy", "plain").status == 0
    answered(server, "plain", "prepare", "start", "started", "stopped", "release")
    nothing_written(world)


@with_libvirt
def libvirt_finds_its_guest_again_however_the_hook_is_asked(world, server):
    assert server.create("kept").status == 0
    # libvirt kills a guest if a hook fails when the daemon comes back.
    server.stop()
    server.start()
    until(lambda: len(server.operations("kept")) > 3, "the hook's call for the reconnection")
    answered(server, "kept", "prepare", "start", "started", "reconnect")
    assert "running" in server.virsh("domstate", "kept").out, "the guest did not live on"


@with_libvirt
def libvirt_shows_why_the_hook_refuses_a_domain(world, server):
    run = server.create("refused", hostdev("0000:0f:00.0"))
    assert run.status != 0, "a domain with a device that is not there was started"
    assert "0000:0f:00.0" in run.err, f"libvirt does not say what is wrong: {run.err}"
    reason = [line for line in run.err.splitlines() if "0000:0f:00.0" in line]
    assert len(reason) == 1, f"the reason has {len(reason)} lines: {run.err}"
    assert server.operations("refused")[0][1] != "0", "the hook did not refuse it"
    assert all(status == "0" for _, status, _ in server.operations("refused")[1:])
    nothing_written(world)


@with_libvirt
def libvirt_finds_a_device_that_is_not_managed_on_vfio_and_a_failed_start_gives_it_back(
        world, server):
    run = server.create("bound", hostdev(NIC))
    assert run.status != 0, "QEMU started with a device that is made up"
    # libvirt would say this of a device that is not on vfio-pci.
    assert "must be manually detached" not in run.err, run.err
    assert [write for write in world.state()["writes"] if "vfio-pci" in str(write)], "never bound"
    as_before(world)


@with_libvirt
def libvirt_changes_the_driver_of_a_managed_device_itself(world, server):
    run = server.create("managed", hostdev(NIC, managed="yes"))
    assert run.status != 0, "QEMU started with a device that is made up"
    assert [status for _, status, _ in server.operations("managed")] == ["0"] * 4, run.err
    assert not world.journals(), "the hook has written a journal"
    until(lambda: world.devices() == {name: list(was) for name, was in AS_BEFORE.items()},
          "the device's own driver")


def serve(*command):
    """Runs a daemon, and is process 1 to what it leaves behind: libvirt waits for the end of those."""
    ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER of linux/prctl.h
    daemon = subprocess.Popen(command)
    while os.wait()[0] != daemon.pid:
        pass


if __name__ == "__main__":
    serve(*sys.argv[1:])
