"""A world of its own for vfioplan: private mounts and processes, a fake machine, an empty /var/lib.

`enter()` starts the calling script once more inside; `World` is what a script then works with.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import fuse
from machine import Machine

INSIDE = "VFIOPLAN_FAKE_WORLD"
RELEASE = "6.12.0"
JOURNALS = pathlib.Path("/var/lib/vfioplan")
AS_BEFORE = {
    address: [device.driver, None] for address, device in Machine().devices.items()}
VM = """\
apiVersion: vfioplan/v1
kind: VM
name: guest
memory: [ { gpa: 0x0, size: 4MiB } ]
kvm: { owner: command }
devices:
  - { name: nic, address: "0000:01:00.0" }
  - { name: disk, address: "0000:02:00.0" }
"""
# Changes drivers and nothing else; every call that the plan makes.
HAND_OVER = ("--hand-over", "--target", "type1")
WHOLE = ("--target", "iommufd")


def obstacle():
    """Why there can be no such world here; None if there can."""
    if os.geteuid() != 0:
        return "it needs root: sudo make"
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as error:
        return f"it needs FUSE: /dev/fuse: {error.strerror}"
    test = subprocess.run([*UNSHARE, "true"], capture_output=True, text=True)
    return None if test.returncode == 0 else f"it needs namespaces: {test.stderr.strip()}"


UNSHARE = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
           "--propagation", "private", "--"]


def skip(what, why):
    """Says loudly that something was not tested; the status of the process."""
    line = "!" * 78
    print(f"{line}\n! SKIPPED: {what}: {why}\n{line}", flush=True)
    return 0


@contextlib.contextmanager
def started(arguments, **options):
    """Runs this script with arguments in a world of its own."""
    with tempfile.TemporaryDirectory(prefix="vfioplan-world-") as folder:
        command = [*UNSHARE, "env", f"{INSIDE}={folder}", sys.executable, *arguments]
        os.chmod(folder, 0o755)
        with subprocess.Popen(command, **options) as process:
            yield process


def enter():
    """Runs the script that calls this once more, in a world of its own; its status."""
    with started(sys.argv) as process:
        return process.wait()


def is_inside():
    return INSIDE in os.environ


def mount(*arguments):
    subprocess.run(["mount", *map(str, arguments)], check=True)


def remove(path):
    """Removes whatever is at a path."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def bind(source, target):
    """Puts a file or folder over another, which is made if it is not there."""
    if not target.exists():
        target.mkdir() if source.is_dir() else target.touch()
    mount("--bind", source, target)


def text_over(path, text, folder):
    """Puts a file of a text over another."""
    source = folder / path.strip("/").replace("/", "-")
    source.write_text(text)
    bind(source, pathlib.Path(path))


@dataclasses.dataclass
class Ended:
    """What came of a run."""

    status: int  # as a shell has it: 128 and the signal
    out: str
    err: str

    @property
    def all(self):
        return self.out + self.err


def heed_signals():
    """Has programs heed what ends them, also where we were started in the background or by nohup:
    what is ignored here would stay so there."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


class World:
    """A fake machine around us, and the program that is tried on it."""

    def __init__(self, program):
        heed_signals()
        self.folder = pathlib.Path(os.environ.pop(INSIDE))
        mount("-t", "tmpfs", "-o", "mode=0755", "none", self.folder)
        # Where every user may run it.
        self.program = str(shutil.copy(program, self.folder / "vfioplan"))
        self.control_file = self.folder / "fake/control"
        self.serve()
        self.cover()
        os.environ["NO_COLOR"] = "1"
        self.vm = self.folder / "vm.yaml"
        self.vm.write_text(VM)
        self.scratch = self.folder / "scratch"
        self.renew()
        self.own = set(self.processes())

    def serve(self):
        """Starts what answers the kernel; it ends with us, process 1 of this world."""
        (self.folder / "fake").mkdir()
        file = fuse.mount(self.folder / "fake")
        if os.fork() == 0:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            fuse.serve(file, Machine())
            os._exit(0)
        os.close(file)

    def cover(self):
        """Puts the fake over what is there."""
        fake, dev = self.folder / "fake", self.folder / "dev"
        dev.mkdir()
        for name in ("null", "zero", "full", "random", "urandom", "tty"):
            bind(pathlib.Path("/dev", name), dev / name)
        for name in ("iommu", "kvm", "vfio"):
            bind(fake / "dev" / name, dev / name)
        (dev / "pts").mkdir()
        mount("-t", "devpts", "-o", "newinstance,ptmxmode=0666", "none", dev / "pts")
        (dev / "ptmx").symlink_to("pts/ptmx")
        (dev / "fd").symlink_to("/proc/self/fd")
        mount("--rbind", dev, "/dev")
        mount("--rbind", fake / "sys", "/sys")
        mount("-t", "tmpfs", "none", "/var/lib")
        text_over("/proc/sys/kernel/osrelease", RELEASE + "\n", self.folder)
        text_over("/proc/interrupts", " 1: 0 0 IR-PCI-MSI 0-edge nic\n", self.folder)

    # The machine.

    def control(self, **wanted):
        """Changes the machine; see `Machine.change`."""
        self.control_file.write_text(json.dumps(wanted))

    def state(self):
        return json.loads(self.control_file.read_text())

    def devices(self):
        """Each device's driver and override."""
        return self.state()["devices"]

    def journals(self):
        return sorted(JOURNALS.glob("*")) if JOURNALS.exists() else []

    def renew(self):
        """Everything as at first: drivers, journals, files."""
        self.control(reset=True)
        for path in (JOURNALS, self.scratch):
            remove(path)
        self.scratch.mkdir()

    # Processes.

    def processes(self):
        """Those of this world that are alive, but for us."""
        found = []
        for name in os.listdir("/proc"):
            if name.isdigit() and int(name) != os.getpid():
                with contextlib.suppress(OSError):
                    state = pathlib.Path("/proc", name, "stat").read_text().rsplit(")", 1)[1]
                    if state.split()[0] not in "ZX":
                        found.append(int(name))
        return found

    def strangers(self):
        """Processes that a run has left."""
        return [process for process in self.processes() if process not in self.own]

    def end_strangers(self):
        for process in self.strangers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass

    def start(self, *arguments, program=None, **options):
        """Starts the program, its output in pipes."""
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
                   "stderr": subprocess.PIPE, "cwd": self.scratch, **options}
        return subprocess.Popen([program or self.program, *map(str, arguments)], **options)

    def run(self, *arguments, seconds=20, **options):
        """Runs the program to its end; it is killed when it takes too long."""
        return finish(self.start(*arguments, **options), seconds)

    def apply(self, *options, **others):
        """Starts an apply of two devices and waits until it holds."""
        process = self.start("apply", self.vm, *(options or HAND_OVER), **others)
        line = process.stdout.readline()
        assert line.startswith(b"holding:"), (line + process.stderr.read()).decode()
        return process

    def killed_apply(self, *options):
        """Leaves what an apply leaves that is killed while it holds."""
        process = self.apply(*options)
        process.kill()
        finish(process)


def finish(process, seconds=20):
    """Waits for a process; what came of it."""
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise AssertionError(f"{process.args[1:3]} did not end within {seconds} seconds") from None
    status = process.returncode
    return Ended(128 - status if status < 0 else status,
                 (out or b"").decode(errors="replace"), (err or b"").decode(errors="replace"))


@contextlib.contextmanager
def living(*command, **options):
    """A process that lives for as long as something is done."""
    process = subprocess.Popen(
        [str(word) for word in command], start_new_session=True, **options)
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def until(condition, what, seconds=5):
    """Waits for something; fails when it does not come."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} did not come within {seconds} seconds"
        time.sleep(0.01)
