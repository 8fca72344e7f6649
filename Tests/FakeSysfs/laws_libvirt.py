"""Laws of the hook for libvirt, kept by Debian's own libvirtd on the machine that is made up.

Guests that ask for a device come as far as QEMU's opening it.
"""

import contextlib
import pathlib

import libvirtd
from law import as_before, law, nothing_written
from libvirtd import hostdev
from world import AS_BEFORE, skip, until

NIC = "0000:01:00.0"
HOOK = pathlib.Path(__file__).resolve().parents[2] / "packaging/libvirt-hook"


@contextlib.contextmanager
def libvirt(world):
    """A libvirt with our hook."""
    with libvirtd.covered():
        made = libvirtd.Libvirt(world.folder / "libvirt")
        made.folder.mkdir(exist_ok=True)
        made.calls.unlink(missing_ok=True)
        made.install(f"env PATH={world.folder}:/usr/sbin:/usr/bin:/sbin:/bin {HOOK}")
        try:
            made.start()
            yield made
        finally:
            made.stop()
            world.end_strangers()


def with_libvirt(function):
    """A law that needs libvirtd; said to be skipped where there is none."""
    def tried(world):
        missing = libvirtd.missing()
        if missing:
            skip(function.__name__, f"there is no {missing}")
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
    assert run.returncode == 0, run.stderr
    answered(server, "plain", "prepare", "start", "started")
    assert server.virsh("destroy", "plain").returncode == 0
    answered(server, "plain", "prepare", "start", "started", "stopped", "release")
    nothing_written(world)


@with_libvirt
def libvirt_finds_its_guest_again_however_the_hook_is_asked(world, server):
    assert server.create("kept").returncode == 0
    # libvirt kills a guest if a hook fails when the daemon comes back.
    server.stop()
    server.start()
    until(lambda: len(server.operations("kept")) > 3, "the hook's call for the reconnection")
    answered(server, "kept", "prepare", "start", "started", "reconnect")
    assert "running" in server.virsh("domstate", "kept").stdout, "the guest did not live on"


@with_libvirt
def libvirt_shows_why_the_hook_refuses_a_domain(world, server):
    run = server.create("refused", hostdev("0000:0f:00.0"))
    assert run.returncode != 0, "a domain with a device that is not there was started"
    reason = [line for line in run.stderr.splitlines() if "0000:0f:00.0" in line]
    assert len(reason) == 1, f"the reason has {len(reason)} lines: {run.stderr}"
    assert server.operations("refused")[0][1] != "0", "the hook did not refuse it"
    assert all(status == "0" for _, status, _ in server.operations("refused")[1:])
    nothing_written(world)


@with_libvirt
def libvirt_finds_a_device_that_is_not_managed_on_vfio_and_a_failed_start_gives_it_back(
        world, server):
    run = server.create("bound", hostdev(NIC))
    assert run.returncode != 0, "QEMU started with a device that is made up"
    # libvirt would say this of a device that is not on vfio-pci.
    assert "must be manually detached" not in run.stderr, run.stderr
    assert [write for write in world.state()["writes"] if "vfio-pci" in str(write)], "never bound"
    as_before(world)


@with_libvirt
def libvirt_changes_the_driver_of_a_managed_device_itself(world, server):
    run = server.create("managed", hostdev(NIC, managed="yes"))
    assert run.returncode != 0, "QEMU started with a device that is made up"
    assert [status for _, status, _ in server.operations("managed")] == ["0"] * 4, run.stderr
    assert not world.journals(), "the hook has written a journal"
    until(lambda: world.devices() == {name: list(was) for name, was in AS_BEFORE.items()},
          "the device's own driver")
