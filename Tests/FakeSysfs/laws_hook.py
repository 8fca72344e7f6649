"""Laws of the hooks of libvirt and Proxmox VE, of what restore leaves to a VM, and of status."""

import contextlib
import json
import os
import pathlib
import re
import socket
import subprocess

from law import as_before, ended, law, nothing_written, untouched
from world import HAND_OVER, JOURNALS, finish, living, until

NIC, DISK = "0000:01:00.0", "0000:02:00.0"
TAKEN = {NIC: ["vfio-pci", "vfio-pci"], DISK: ["vfio-pci", "vfio-pci"]}
# Every other operation that libvirt has for domains of QEMU, and some that it may get.
OTHERS = [
    "prepare end", "start begin", "started begin", "stopped end", "release begin",
    "migrate begin", "restore begin", "reconnect begin", "attach begin", "dance begin"]


def libvirt(world, operation, *options, name="win 11", vm=None):
    with (vm or world.vm).open("rb") as domain:
        return world.run(
            "hook", "libvirt", *options, "--", name, *operation.split(), "-", stdin=domain)


def proxmox(world, phase, vm=None):
    return world.run("hook", "proxmox", "--configuration", vm or world.vm, "--", "100", phase)


def written(world, text):
    """A file of the scratch folder with the configuration of a VM."""
    path = world.scratch / "configuration"
    path.write_text(text)
    return path


def silent(run, status=0):
    ended(run, status)
    assert not run.all, f"it said: {run.all}"


@contextlib.contextmanager
def using(path):
    """A process that has a node open."""
    with pathlib.Path(path).open("rb+") as file, living("sleep", "60", stdin=file) as process:
        file.close()
        yield process


@law
def a_hook_of_libvirt_takes_devices_and_gives_them_back(world):
    silent(libvirt(world, "prepare begin"))
    untouched(world, **TAKEN)
    assert b"owner libvirt:win%2011\n" in world.journals()[0].read_bytes()
    for operation in OTHERS:
        silent(libvirt(world, operation))
    untouched(world, **TAKEN)
    silent(libvirt(world, "release end", name="other"))
    untouched(world, **TAKEN)
    silent(libvirt(world, "release end"))
    as_before(world)
    silent(libvirt(world, "release end"))
    as_before(world)


@law
def a_hook_of_proxmox_takes_devices_and_gives_them_back(world):
    silent(proxmox(world, "pre-start"))
    untouched(world, **TAKEN)
    for phase in ("post-start", "pre-stop", "dance"):
        silent(proxmox(world, phase))
    untouched(world, **TAKEN)
    silent(proxmox(world, "post-stop"))
    as_before(world)


@law
def what_libvirt_changes_by_itself_is_left_to_it(world):
    silent(libvirt(world, "prepare begin", vm=written(world, DOMAIN)))
    untouched(world, **{NIC: TAKEN[NIC]})
    silent(libvirt(world, "release end"))
    as_before(world)


@law
def a_domain_or_vm_without_host_devices_starts(world):
    domain = re.sub("<hostdev.*</hostdev>", "", DOMAIN, flags=re.S)
    silent(libvirt(world, "prepare begin", vm=written(world, domain)))
    plain = "memory: 512\nname: plain\nnet0: virtio=BC:24:11:00:00:01\n"
    silent(proxmox(world, "pre-start", vm=written(world, plain)))
    nothing_written(world)
    as_before(world)


@law
def a_configuration_of_proxmox_is_read(world):
    vm = written(world, "memory: 512\nmachine: q35\nhostpci0: 01:00.0,pcie=1\n")
    silent(proxmox(world, "pre-start", vm=vm))
    untouched(world, **{NIC: TAKEN[NIC]})
    silent(proxmox(world, "post-stop"))
    as_before(world)


DOMAIN = """<domain type='kvm'><name>win 11</name><memory unit='MiB'>512</memory>
<os><type arch='x86_64' machine='q35'>hvm</type></os><devices>
<hostdev mode='subsystem' type='pci' managed='no'>
  <source><address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></source></hostdev>
<hostdev mode='subsystem' type='pci' managed='yes'>
  <source><address domain='0x0000' bus='0x02' slot='0x00' function='0x0'/></source></hostdev>
</devices></domain>
"""


@law
def another_operation_of_a_hook_touches_nothing(world):
    for operation in OTHERS:
        silent(libvirt(world, operation))
        silent(libvirt(world, operation, name="-v"))
    silent(world.run("hook", "libvirt", "--", "a", "reconnect", "begin", "-", "b", "--c", "d"))
    nothing_written(world)
    as_before(world)


@law
def a_hook_takes_what_an_earlier_start_has_left_as_if_it_had_ended(world):
    silent(libvirt(world, "prepare begin"))
    silent(libvirt(world, "prepare begin"))
    untouched(world, **TAKEN)
    assert len(world.journals()) == 1, world.journals()
    silent(libvirt(world, "release end"))
    as_before(world)


@law
def a_device_of_a_vm_is_refused_to_others(world):
    silent(libvirt(world, "prepare begin"))
    run = world.run("apply", world.vm, *HAND_OVER, "--", "true")
    ended(run, 69, saying=("VP5008", "libvirt domain 'win 11'"))
    run = libvirt(world, "prepare begin", name="other")
    ended(run, 69, saying="refuses to start libvirt domain 'other': VP5008")
    assert run.err.count("\n") == 1, run.err
    untouched(world, **TAKEN)
    silent(libvirt(world, "release end"))
    as_before(world)


@law
def restore_leaves_a_vm_that_has_a_device_open(world):
    for node in ("/dev/vfio/devices/vfio0", "/dev/vfio/11"):
        world.renew()
        silent(libvirt(world, "prepare begin"))
        with using(node) as process:
            ended(world.run("restore"), 0, saying=("libvirt domain 'win 11'", str(process.pid)))
            untouched(world, **TAKEN)
            found = status(world)["journals"][0]
            assert found["state"] == "owned", found
            assert found["holder"]["process"] == process.pid, found
            # The VM is said to have ended, and the device is still open.
            ended(world.run("restore", "--owner", "libvirt:win 11"), 74, saying=("VP4036", NIC))
        assert status(world)["journals"][0]["state"] == "idle"
        ended(world.run("restore"), 0)
        as_before(world)


@law
def restore_of_one_vm_leaves_runs(world):
    world.killed_apply()
    ended(world.run("restore", "--owner", "win 11"), 0, saying="nothing to give back")
    untouched(world, **TAKEN)
    ended(world.run("restore"), 0)
    as_before(world)


@law
def a_start_that_fails_half_way_is_undone(world):
    for attribute in ("unbind", "driver_override", "drivers_probe"):
        world.control(faults={attribute: ["EIO", 1]})
        run = libvirt(world, "prepare begin")
        ended(run, 71, saying="VP5911")
        assert run.err.count("\n") == 1, run.err
        as_before(world)


@law
def a_driver_that_does_not_let_go_keeps_a_vm_from_starting(world):
    world.control(stubborn=["igc"])
    run = libvirt(world, "prepare begin", "--unbind-timeout", "1")
    ended(run, 74, saying=("VP5911", NIC, "does not let the device go"))
    assert run.err.count("\n") == 1, run.err
    untouched(world)
    assert world.journals(), "the journal is gone"
    # The write still waits, and may come to its end at any time.
    ended(libvirt(world, "prepare begin"), 69, saying="VP5008")
    world.control(stubborn=[])
    until(lambda: world.devices()[NIC][0] is None, "the end of the write")
    until(lambda: not world.strangers(), "the end of the process that wrote")
    silent(libvirt(world, "release end"))
    as_before(world)


@law
def a_hook_that_is_killed_is_given_back_by_the_next(world):
    for phase in ("release end", "prepare begin"):
        world.renew()
        world.control(stubborn=["nvme"])
        with world.vm.open("rb") as domain:
            hook = world.start(
                "hook", "libvirt", "--", "win 11", "prepare", "begin", "-", stdin=domain)
        until(lambda: world.devices()[NIC][0] == "vfio-pci", "the first device")
        hook.kill()
        finish(hook)
        world.end_strangers()
        world.control(stubborn=[])
        until(lambda: not world.strangers(), "the end of the process that wrote")
        silent(libvirt(world, phase))
        if phase == "prepare begin":
            untouched(world, **TAKEN)
            silent(libvirt(world, "release end"))
        as_before(world)


@law
def a_policy_refuses_a_start_before_anything_is_touched(world):
    policy = world.scratch / "policy.yaml"
    policy.write_text(
        "apiVersion: vfioplan/v1\nkind: Policy\nrequire: [ objective=page-tables ]\n")
    run = libvirt(world, "prepare begin", "--policy", policy)
    ended(run, 1, saying="refuses to start libvirt domain 'win 11': VP35")
    assert run.err.count("\n") == 1 and not run.out, run.all
    nothing_written(world)
    as_before(world)


@law
def a_manager_of_services_is_told_when_a_plan_is_in_force(world):
    for name in (str(world.scratch / "notify"), "@vfioplan-notify"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(name.replace("@", "\0", 1) if name[0] == "@" else name)
            manager.settimeout(5)
            process = world.apply(env={**os.environ, "NOTIFY_SOCKET": name})
            assert manager.recv(64) == b"READY=1"
            process.terminate()
            ended(finish(process), 0)
    for name in ("", "@", "relative", "/none", "/" * 200):
        process = world.apply(env={**os.environ, "NOTIFY_SOCKET": name})
        process.terminate()
        ended(finish(process), 0)
    as_before(world)


@law
def status_tells_a_run_from_what_was_left(world):
    ended(world.run("status"), 0, saying="nothing is in force, and nothing was left behind")
    process = world.apply()
    found = status(world)["journals"][0]
    assert (found["state"], found["holder"]["process"]) == ("running", process.pid), found
    assert {device["address"]: device["before"] for device in found["devices"]} == {
        NIC: "igc", DISK: "nvme"}, found
    assert {device["now"] for device in found["devices"]} == {"vfio-pci"}, found
    writes = len(world.state()["writes"])
    process.kill()
    process.wait()
    run = world.run("status")
    ended(run, 0, saying=("1 journal left behind", "mend: vfioplan restore", "igc before"))
    assert len(world.state()["writes"]) == writes, "status writes"
    ended(world.run("restore"), 0)
    as_before(world)


@contextlib.contextmanager
def vmm(*arguments, node):
    """A process with the command line of a QEMU and a node open, that waits for ever."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, bytes(4096))
    os.set_blocking(writer, True)
    with pathlib.Path(node).open("rb+") as file:
        process = subprocess.Popen(
            ["qemu-system-x86_64", *arguments], executable="/bin/echo", stdin=file, stdout=writer)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        os.close(reader)
        os.close(writer)


@law
def status_applies_the_rule_of_a_vmm_to_its_command_line(world):
    silent(libvirt(world, "prepare begin"))
    arguments = ("-m", "512M", "-device", f"vfio-pci,host={NIC}")
    with vmm(*arguments, node="/dev/vfio/11") as process:
        ended(world.run("status"), 0, saying=(
            f"process {process.pid} (echo): {NIC}", "today, as QEMU",
            f"vfioplan import --pid {process.pid}"))
        user = status(world)["processes"][0]
        assert user["devices"] == [NIC] and "KVM" in user["today"], user
    silent(libvirt(world, "release end"))
    as_before(world)


@law
def status_shows_names_that_a_terminal_would_act_on_as_text(world):
    silent(libvirt(world, "prepare begin", name="a\x1b[31m'b"))
    silent(libvirt(world, "release end", name="a\x1b[31m'b"))
    JOURNALS.mkdir(mode=0o700, exist_ok=True)
    (JOURNALS / "\x1b[2J.journal").write_bytes(b"?")
    (JOURNALS / "\x1b[2J.journal").chmod(0o600)
    silent(libvirt(world, "release end", name="a\x1b[31m'b"))
    run = world.run("status")
    ended(run, 0, saying="\\u{1b}[2J.journal")
    assert "\x1b" not in run.all + world.run("status", "--format", "json").all
    as_before_but_for(world, 1)


def as_before_but_for(world, count):
    """Every device is as before, and some journals are left."""
    untouched(world)
    assert len(world.journals()) == count, world.journals()


@law
def status_is_for_who_may_read_journals(world):
    world.killed_apply()
    user = ["setpriv", "--reuid=65534", "--clear-groups"]
    run = world.run(*user[1:], world.program, "status", program=user[0])
    ended(run, 77, saying=("VP5012", "run as root"))
    ended(world.run("restore"), 0)
    as_before(world)


def status(world):
    run = world.run("status", "--format", "json")
    ended(run, 0)
    return json.loads(run.out)
