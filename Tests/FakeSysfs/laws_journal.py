"""Laws of the journal and of `restore`."""

import os
import pathlib
import signal
import subprocess
import time

from law import as_before, ended, law, nothing_written, untouched
from world import HAND_OVER, JOURNALS, finish, living, mount, remove, until

NIC, DISK = "0000:01:00.0", "0000:02:00.0"
NOBODY = 65534
REFUSED = (69, 71, 73, 74, 77)  # a status of its own for each reason; nothing was touched
OVERRIDES = [
    b"my driver", b" spaces ", b"tab\there", b"a=b override=c", b"end", b"\xff\x80", b"\x1b[31m",
    "gerät".encode(), b"%41%0a", b"\\n", b"\"quoted'", b"\r", b"..", b"a/b", b"x" * 4094]


def as_user(*command):
    return ["setpriv", f"--reuid={NOBODY}", "--clear-groups", *map(str, command)]


@law
def an_override_of_any_bytes_outlives_sigkill(world):
    for override in OVERRIDES:
        text = override.decode("latin-1")
        world.renew()
        world.control(set={NIC: ["igc", text], DISK: [None, text]})
        world.killed_apply()
        ended(world.run("restore"), 0)
        as_before(world, **{NIC: ["igc", text], DISK: [None, text]})


@law
def an_override_of_any_bytes_is_given_back_at_the_end(world):
    for override in OVERRIDES:
        text = override.decode("latin-1")
        world.control(reset=True, set={NIC: ["igc", text]})
        ended(world.run("apply", world.vm, *HAND_OVER, "--", "true"), 0)
        as_before(world, **{NIC: ["igc", text]})


@law
def restore_takes_a_device_only_from_the_driver_of_its_run(world):
    world.killed_apply()
    world.control(set={NIC: ["pci-stub", "pci-stub"]})
    ended(world.run("restore"), 74, saying=NIC)
    untouched(world, **{NIC: ["pci-stub", "pci-stub"]})
    assert world.journals(), "the journal is gone"


@law
def restore_leaves_what_somebody_uses(world):
    for name in ("vfio0", "11"):
        world.renew()
        world.killed_apply()
        node = pathlib.Path("/dev/vfio") / ("devices/vfio0" if name == "vfio0" else name)
        with node.open("rb+") as file, living("sleep", "60", stdin=file):
            file.close()
            run = world.run("restore", seconds=5)
            driver, _ = world.devices()[NIC]
        assert driver == "vfio-pci", f"{node} is open: {run.all.strip()}"
        ended(run, *REFUSED, saying=NIC)
        ended(world.run("restore"), 0)
        as_before(world)


@law
def restore_leaves_what_a_receiver_of_files_uses(world):
    socket = world.scratch / "s"
    process = world.apply("--target", "iommufd", "--send-fds", f"unix:{socket}")
    with living("python3", "-c", RECEIVE, socket, stdout=subprocess.PIPE) as receiver:
        receiver.stdout.readline()
        process.kill()
        finish(process)
        run = world.run("restore", seconds=5)
        assert world.devices()[NIC][0] == "vfio-pci", run.all.strip()
    ended(run, *REFUSED, saying=NIC)
    ended(world.run("restore"), 0)
    as_before(world)


RECEIVE = """
import socket, sys, time
peer = socket.socket(socket.AF_UNIX)
peer.connect(sys.argv[1])
_, files, _, _ = socket.recv_fds(peer, 65536, 253)
peer.send(b'x')
print(len(files), flush=True)
time.sleep(60)
"""


@law
def restore_leaves_a_run_that_goes_on(world):
    process = world.apply()
    ended(world.run("restore"), 0, saying=str(process.pid))
    assert world.devices()[NIC] == ["vfio-pci", "vfio-pci"]
    process.terminate()
    ended(finish(process), 0)
    as_before(world)


@law
def a_driver_that_does_not_let_go_is_given_up_and_the_journal_stays(world):
    world.control(stubborn=["igc"])
    start = time.monotonic()
    run = world.run("apply", world.vm, *HAND_OVER, "--unbind-timeout", "1", "--", "true")
    ended(run, 74, saying=("VP4042", NIC, "within 1 second"))
    assert 1 <= time.monotonic() - start < 8, "it was not given up in time"
    untouched(world)
    assert world.journals(), "the journal is gone"
    # The write still waits, and may come to its end at any time.
    run = world.run("restore", "--unbind-timeout", "1")
    ended(run, 0, saying=("has ended", "is still there"))
    assert "is still running" not in run.all, run.all.strip()
    assert world.journals(), "the journal is gone"
    world.control(stubborn=[])
    until(lambda: world.devices()[NIC][0] is None, "the end of the write")
    until(lambda: not world.strangers(), "the end of the process that wrote")
    ended(world.run("restore"), 0, saying=NIC)
    as_before(world)


@law
def a_device_of_another_run_is_refused(world):
    process = world.apply()
    ended(world.run("apply", world.vm, *HAND_OVER, "--", "true"), 69, saying="VP5008")
    process.kill()
    finish(process)
    ended(world.run("apply", world.vm, *HAND_OVER, "--", "true"), 69, saying="VP5009")
    ended(world.run("restore"), 0)
    ended(world.run("restore"), 0)
    as_before(world)


@law
def a_command_can_not_write_the_journal(world):
    command = as_user("sh", "-c", """
        for file in /proc/self/fd/*; do case $(readlink $file) in *.journal)
          echo forged >&${file##*/} && echo WRITTEN; echo forged >> $file && echo WRITTEN;;
        esac; done 2>/dev/null; true""")
    run = world.run("apply", world.vm, *HAND_OVER, "--", *command)
    assert "WRITTEN" not in run.out, "it wrote into the journal"
    as_before(world)


@law
def a_command_can_not_free_the_journal(world):
    script = (
        "for file in 3 4 5 6 7; do flock -u $file 2>/dev/null; done; "
        f"{world.program} restore >/dev/null 2>&1; "
        f"basename $(readlink /sys/bus/pci/devices/{NIC}/driver)")
    run = world.run("apply", world.vm, *HAND_OVER, "--", "sh", "-c", script)
    assert run.out.strip() == "vfio-pci", f"its device went back to {run.out.strip()} meanwhile"
    as_before(world)


def journal_of_a_killed_run(world):
    world.killed_apply()
    path, = world.journals()
    return path, path.read_bytes()


@law
def a_journal_that_is_cut_short_is_of_a_run_that_changed_nothing(world):
    path, whole = journal_of_a_killed_run(world)
    for length in sorted({*range(0, len(whole), 11), 1, len(whole) - 1}):
        world.control(reset=True)
        path.write_bytes(whole[:length])
        ended(world.run("restore"), 0)
        assert not world.journals(), f"{length} bytes of a journal stay"
        nothing_written(world)


@law
def what_is_not_a_journal_stays_and_is_named(world):
    path, whole = journal_of_a_killed_run(world)
    world.control(reset=True)
    changed = whole.replace(b"0000:01:00.0", b"0000:0z:00.0")
    for text in (b"hello\n", b"\0" * 40, whole + b"more\n", changed, b"\xff" + whole[1:],
                 whole.replace(b"journal ", b"journal 9"), whole.replace(b"\n", b"\r\n"),
                 b"x" * (17 << 20)):
        path.write_bytes(text)
        ended(world.run("restore"), 74, saying=str(path))
        assert path.exists() and path.read_bytes() == text, f"{text[:40]} was removed or changed"
        run = world.run("apply", world.vm, *HAND_OVER, "--", "true")
        ended(run, *REFUSED, saying=str(path))
        assert path.exists() and path.read_bytes() == text, f"{text[:40]} was removed or changed"
        nothing_written(world)


@law
def a_journal_is_a_plain_file_of_ours(world):
    path, whole = journal_of_a_killed_run(world)
    other = world.scratch / "other"
    other.write_bytes(whole)
    other.chmod(0o600)
    makers = {
        "a link": lambda: path.symlink_to(other), "a second name": lambda: os.link(other, path),
        "a pipe": lambda: os.mkfifo(path), "a folder": path.mkdir,
        "of another user": lambda: (path.write_bytes(whole), os.chown(path, NOBODY, NOBODY)),
        "open to others": lambda: (path.write_bytes(whole), path.chmod(0o666))}
    for what, make in makers.items():
        world.renew()
        world.control(set={NIC: ["vfio-pci", "vfio-pci"], DISK: ["vfio-pci", "vfio-pci"]})
        JOURNALS.mkdir(mode=0o700)
        other.parent.mkdir(exist_ok=True)
        if what == "a second name":
            other = JOURNALS.parent / "other"
        other.write_bytes(whole)
        other.chmod(0o600)
        make()
        run = world.run("restore", seconds=5)
        assert not world.state()["writes"], f"{what} is taken for a journal"
        assert run.status == 74 and str(path) in run.all, f"{what}: {run.status}, {run.all}"
        assert os.path.lexists(path), f"{what} was removed"


@law
def the_folder_of_journals_is_ours_alone(world):
    elsewhere = world.scratch / "elsewhere"
    makers = {
        "a link": lambda: JOURNALS.symlink_to(elsewhere),
        "of another user": lambda: (JOURNALS.mkdir(0o700), os.chown(JOURNALS, NOBODY, NOBODY)),
        "open to others": lambda: (JOURNALS.mkdir(), JOURNALS.chmod(0o777)),
        "a file": JOURNALS.touch}
    for what, make in makers.items():
        world.control(reset=True)
        elsewhere.mkdir(mode=0o700, exist_ok=True)
        make()
        run = world.run("apply", world.vm, *HAND_OVER, "--", "true")
        assert run.status in REFUSED and "/var/lib/vfioplan" in run.all, \
            f"{what}: status {run.status}: {run.all.strip()}"
        nothing_written(world)
        run = world.run("restore")
        assert run.status in REFUSED, f"restore, {what}: status {run.status}"
        remove(JOURNALS)


@law
def without_a_journal_nothing_is_touched(world):
    for options in ("ro", "size=4k,nr_inodes=2", "size=4k"):
        mount("-t", "tmpfs", "-o", options, "none", "/var/lib")
        try:
            if options == "size=4k":
                pathlib.Path("/var/lib/full").write_bytes(bytes(4096))
            run = world.run("apply", world.vm, *HAND_OVER, "--", "true")
            ended(run, *REFUSED, saying="/var/lib/vfioplan")
            nothing_written(world)
            assert not world.journals(), f"{options}: half a journal is left"
        finally:
            subprocess.run(["umount", "/var/lib"], check=True)


@law
def an_ordinary_user_is_told_that_restore_needs_root(world):
    for prepare in (lambda: None, world.killed_apply):
        prepare()
        run = finish(subprocess.Popen(
            as_user(world.program, "restore"), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            cwd="/"))
        ended(run, 77, saying="root")


@law
def a_wait_for_the_lock_answers_signals(world):
    JOURNALS.mkdir(mode=0o700)
    with living("flock", JOURNALS, "sleep", "60"):
        time.sleep(0.2)
        for arguments in (("apply", world.vm, *HAND_OVER), ("restore",)):
            for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                process = world.start(*arguments)
                time.sleep(0.2)
                assert process.poll() is None, f"{arguments[0]} does not wait for the lock"
                process.send_signal(one)
                ended(finish(process, 10), 128 + one)
    nothing_written(world)


@law
def a_journal_of_0_1_0_is_read(world):
    boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    JOURNALS.mkdir(mode=0o700)
    path = JOURNALS / "1.journal"
    for which, changed in ((boot, True), (boot[::-1], False)):
        found = ["vfio-pci", "vfio-pci"]
        world.control(reset=True, set={NIC: found})
        path.write_text(
            f"vfioplan journal 1\nboot {which}\nprocess 4000000\n"
            f"device {NIC} driver=igc override=\nend\n")
        path.chmod(0o600)
        ended(world.run("restore"), 0)
        as_before(world, **({} if changed else {NIC: found}))


@law
def closed_streams_do_not_become_the_journal(world):
    for closed in range(1, 8):
        world.renew()
        redirections = " ".join(
            f"{number}>&-" for number in range(3) if closed >> number & 1)
        process = subprocess.Popen(
            ["sh", "-c", f'exec "$@" {redirections}', "sh", world.program, "apply", world.vm,
             *HAND_OVER], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if closed >> 1 & 1:  # nobody can be told that the plan is in force
            ended(finish(process), 73)
            as_before(world)
            continue
        until(lambda: world.devices()[DISK][0] == "vfio-pci", "the driver of a plan in force")
        time.sleep(0.1)
        path, = world.journals()
        text = path.read_text(errors="replace")
        assert "holding" not in text, f"with {redirections} the journal is an output"
        process.kill()
        finish(process)
        ended(world.run("restore"), 0)
        as_before(world)


@law
def a_stated_host_is_compared_with_the_machine(world):
    path = world.scratch / "host.yaml"
    run = world.run("host", "--format", "yaml")
    ended(run, 0)
    arguments = ("apply", world.vm, *HAND_OVER, "--host", path)
    path.write_text(run.out)
    ended(world.run(*arguments, "--", "true"), 0)
    # What the machine knows can be left out, and what it does not know be stated.
    known = "    noSnoopCapable: true"
    assert known in run.out, run.out
    lines = [line for line in run.out.splitlines() if not line.startswith(known)]
    path.write_text("\n".join(lines) + "\n")
    ended(world.run(*arguments, "--", "true"), 0)
    as_before(world)
    world.renew()
    for old, new, code in (
            ("driver: igc", "driver: nvme", "VP4912"), ("group: 11", "group: 15", "VP4912"),
            ("enforceSnoop: false", "enforceSnoop: true", "VP4914"),
            (known, "    noSnoopCapable: false", "VP4912")):
        assert old in run.out, f"{old} is not in {run.out}"
        path.write_text(run.out.replace(old, new))
        for mode in (("--", "true"), ("--check",)):
            ended(world.run(*arguments, *mode), 69, saying=(code, "on this machine"))
            nothing_written(world)
