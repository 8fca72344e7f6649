#!/usr/bin/env python3
"""Tries the hook of libvirt with a real libvirtd, in mounts and processes of its own.

    libvirt_hook.py PROGRAM     starts, refuses and ends domains; needs root, libvirtd and QEMU

Nothing of this machine's libvirt is touched. Where something is missing, that is said and nothing is
tried. Exit code 0: all as expected, or nothing tried; 1: not.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORLD = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
         "--propagation", "private", "--"]
HOOKS = pathlib.Path("/etc/libvirt/hooks/qemu.d")
RECORD = pathlib.Path("/run/hooks")
LOG = pathlib.Path("/run/libvirtd.log")
LIBVIRTD = "/usr/sbin/libvirtd"
QEMU = "/usr/bin/qemu-system-x86_64"
# What is written over in the private mounts.
COVERED = ["/run", "/etc/libvirt", "/var/lib", "/var/cache", "/var/log"]
FOLDERS = ["/run/libvirt", "/run/lock", "/run/dbus", "/var/lib/libvirt", "/var/cache/libvirt",
           "/var/log/libvirt/qemu", HOOKS, "/run/program"]
DOMAIN = """<domain type='qemu'>
  <name>{name}</name>
  <memory unit='MiB'>64</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <devices>
    <emulator>{qemu}</emulator>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>{more}
  </devices>
</domain>
"""
# A device that this machine does not have.
DEVICE = """
    <hostdev mode='subsystem' type='pci' managed='no'>
      <source><address domain='0x0000' bus='0xfe' slot='0x1f' function='0x7'/></source>
    </hostdev>"""


def obstacle():
    """Why nothing can be tried here; None if it can."""
    if os.geteuid() != 0:
        return "it needs root"
    for program in (LIBVIRTD, "/usr/bin/virsh", QEMU):
        if not os.access(program, os.X_OK):
            return f"it needs {program}: Debian's libvirt-daemon-system, libvirt-clients, qemu-system-x86"
    test = subprocess.run([*WORLD, "true"], capture_output=True, text=True)
    return None if test.returncode == 0 else f"it needs namespaces: {test.stderr.strip()}"


class Libvirt:
    """A libvirtd with the hook, and one that writes down what is called."""

    def __init__(self, program):
        for folder in COVERED:
            subprocess.run(["mount", "-t", "tmpfs", "none", folder], check=True)
        for folder in FOLDERS:
            pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
        shutil.copy(program, "/run/program/vfioplan")
        shutil.copy(ROOT / "packaging/libvirt-hook", HOOKS / "vfioplan")
        recorder = HOOKS / "a-recorder"
        recorder.write_text(f"#!/bin/sh\ncat >/dev/null\necho \"$@\" >>{RECORD}\n")
        recorder.chmod(0o755)
        pathlib.Path("/etc/libvirt/libvirtd.conf").write_text(
            'auth_unix_rw = "none"\nauth_unix_ro = "none"\n'
            f'log_outputs = "2:file:{LOG}"\n')
        pathlib.Path("/etc/libvirt/qemu.conf").write_text(
            'user = "root"\ngroup = "root"\nsecurity_driver = "none"\ncgroup_controllers = []\n'
            "dynamic_ownership = 0\nremember_owner = 0\nnamespaces = []\nstdio_handler = \"file\"\n")
        self.start()

    def start(self):
        path = "/run/program:/usr/sbin:/usr/bin:/sbin:/bin"
        self.process = subprocess.Popen(
            [LIBVIRTD], env={"PATH": path}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            if self.virsh("list").returncode == 0:
                return
            time.sleep(0.1)
        raise AssertionError(f"libvirtd does not answer: {LOG.read_text()[-2000:]}")

    def restart_after_sigkill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        pathlib.Path("/run/libvirtd.pid").unlink(missing_ok=True)
        self.start()

    def virsh(self, *words):
        return subprocess.run(
            ["virsh", "-c", "qemu:///system", *words], capture_output=True, text=True, timeout=60)

    def create(self, name, more=""):
        file = pathlib.Path(f"/run/{name}.xml")
        file.write_text(DOMAIN.format(name=name, qemu=QEMU, more=more))
        return self.virsh("create", str(file))

    def is_running(self, name):
        return name in self.virsh("list", "--name").stdout.split()

    def calls(self, name):
        """The operations that the hooks were called with for a domain."""
        lines = RECORD.read_text().splitlines() if RECORD.exists() else []
        return [" ".join(line.split()[1:3]) for line in lines if line.split()[0] == name]


def domain_without_devices(libvirt):
    """A domain without host devices starts, outlives libvirtd and ends."""
    run = libvirt.create("plain")
    assert run.returncode == 0 and libvirt.is_running("plain"), run.stderr
    assert libvirt.calls("plain")[:3] == ["prepare begin", "start begin", "started begin"]
    libvirt.restart_after_sigkill()
    assert "reconnect begin" in libvirt.calls("plain"), libvirt.calls("plain")
    assert libvirt.is_running("plain"), "the hook of 'reconnect' has killed the guest"
    assert libvirt.virsh("destroy", "plain").returncode == 0
    assert libvirt.calls("plain")[-2:] == ["stopped end", "release end"], libvirt.calls("plain")


def refused_domain(libvirt):
    """A domain with a device that can't be given is refused by the hook, with its reason."""
    run = libvirt.create("refused", DEVICE)
    assert run.returncode != 0 and not libvirt.is_running("refused")
    said = "vfioplan refuses to start libvirt domain 'refused': VP"
    assert said in run.stderr, run.stderr
    assert libvirt.calls("refused")[0] == "prepare begin", libvirt.calls("refused")
    assert "start begin" not in libvirt.calls("refused"), libvirt.calls("refused")
    print(f"  {run.stderr.strip().splitlines()[-1][:400]}")


def reaped(trials):
    """Waits, as process 1 has to, for what others leave, until the trials end; their status."""
    while True:
        process, status = os.wait()
        if process == trials:
            return os.waitstatus_to_exitcode(status)


def main():
    if len(sys.argv) == 2:
        why = obstacle()
        if why:
            line = "!" * 78
            print(f"{line}\n! SKIPPED: the hook with a real libvirtd: {why}\n{line}", flush=True)
            return 0
        program = pathlib.Path(sys.argv[1]).resolve()
        return subprocess.run(
            [*WORLD, sys.executable, __file__, str(program), "inside"]).returncode
    trials = os.fork()
    if trials:
        return reaped(trials)
    libvirt = Libvirt(sys.argv[1])
    for trial in (domain_without_devices, refused_domain):
        try:
            trial(libvirt)
        except AssertionError as error:
            print(f"FAIL {trial.__name__}: {error}")
            return 1
        print(f"ok   {trial.__name__}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
