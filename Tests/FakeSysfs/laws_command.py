"""Laws of commands, terminals, signals and statuses of `apply`."""

import contextlib
import os
import pathlib
import pty
import signal
import subprocess
import sys
import time

from law import as_before, ended, law, nothing_written
from world import HAND_OVER, finish, until

NIC, DISK = "0000:01:00.0", "0000:02:00.0"
PEERS = pathlib.Path(__file__).resolve().parents[1] / "Fixtures/peers"


def state_of(process):
    """The letter of a process's state, such as T; None without it."""
    try:
        return pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return None


@law
def a_command_that_can_not_run_touches_nothing(world):
    def file(name, contents, mode):
        path = world.scratch / name
        path.write_bytes(contents)
        path.chmod(mode)
        return path
    commands = {
        "/usr": 126, "": 127, "/nonexistent": 127, "nonexistent": 127, "/etc/passwd/x": 127,
        file("plain", b"#!/bin/sh\n", 0o644): 126,
        file("lost", b"#!/nonexistent\n", 0o755): 127,
        file("garbage", b"\x7fELF garbage", 0o755): 126,
        file("empty", b"", 0o755): 126}
    for command, status in commands.items():
        run = world.run("apply", world.vm, *HAND_OVER, "--", command)
        # Which of the two is a matter of what a shell would say of it.
        assert run.status in (126, 127), f"'{command}': status {run.status}, not {status}"
        assert run.err, f"'{command}': nothing is said"
        nothing_written(world)


@law
def a_command_with_any_bytes_gets_them(world):
    words = [b"\xff\xfe", b"", b"a\nb", "ü".encode()]
    run = world.run("apply", world.vm, *HAND_OVER, "--", "od", "-An", "-c", "/proc/self/cmdline")
    process = subprocess.Popen(
        [world.program, "apply", str(world.vm), *HAND_OVER, "--", "sh", "-c",
         "tr '\\0' '|' < /proc/$$/cmdline; env | tr '\\n' '|'", "sh", *words],
        env={**os.environb, b"ODD": b"\xff\xfe"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = process.communicate(timeout=10)
    assert process.returncode == 0, err.decode(errors="replace")
    assert b"|".join(words) + b"|" in out, f"arguments are {out[:200]}"
    assert b"ODD=\xff\xfe" in out, "the environment is another"
    ended(run, 0)
    as_before(world)


@law
def a_commands_status_is_ours(world):
    for script, status in (("exit 0", 0), ("exit 3", 3), ("kill -9 $$", 137)):
        ended(world.run("apply", world.vm, *HAND_OVER, "--", "sh", "-c", script), status)
        as_before(world)


@law
def a_command_in_the_background_keeps_its_devices(world):
    script = "setsid sh -c 'sleep 1; basename $(readlink " \
        f"/sys/bus/pci/devices/{NIC}/driver) > {world.scratch}/found' </dev/null >/dev/null 2>&1 &"
    run = world.run("apply", world.vm, *HAND_OVER, "--", "sh", "-c", script)
    until((world.scratch / "found").exists, "what the command found")
    until(lambda: not world.strangers(), "the end of what it has started", 10)
    found = (world.scratch / "found").read_text().strip()
    assert found == "vfio-pci", f"its device went back to {found} (status {run.status})"
    as_before(world)


@law
def sighup_that_is_ignored_ends_nothing(world):
    for arguments in ((), ("--", "sleep", "60")):
        process = subprocess.Popen(
            ["nohup", world.program, "apply", str(world.vm), *HAND_OVER, *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        until(lambda: world.devices()[DISK][0] == "vfio-pci", "the driver of a plan in force")
        time.sleep(0.1)
        process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        assert process.poll() is None, f"SIGHUP ended it {arguments}"
        process.terminate()
        ended(finish(process), 0, 143)
        as_before(world)


@law
def a_signal_ends_a_hold(world):
    for one, status in ((signal.SIGINT, 0), (signal.SIGTERM, 0)):
        process = world.apply()
        process.send_signal(one)
        ended(finish(process), status)
        as_before(world)


@law
def control_z_stops_both_and_gives_the_terminal_back(world):
    process, terminal = pty.fork()
    if process == 0:
        # A shell with job control, as people have it: it takes the terminal back after a stop.
        os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
    command = f"{world.program} apply {world.vm} {' '.join(HAND_OVER)} -- sleep 2"
    try:
        os.write(terminal, f"{command}; echo came-back-$?\n".encode())
        until(lambda: find("sleep"), "the command")
        time.sleep(0.2)
        ours = min(find(world.program))  # the one that the shell waits for
        sleeper, = find("sleep")
        os.write(terminal, b"\x1a")
        until(lambda: state_of(sleeper) == "T", "the stop of the command")
        until(lambda: state_of(ours) == "T", "the stop of vfioplan")
        assert world.devices()[NIC][0] == "vfio-pci", "the device went back meanwhile"
        os.write(terminal, b"fg\n")
        until(lambda: state_of(sleeper) == "S", "the command's going on")
        until(lambda: state_of(ours) is None, "the end", 10)
    finally:
        os.close(terminal)
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    as_before(world)


@law
def a_terminal_is_asked_before_the_console_goes(world):
    world.control(console=NIC)
    words = ["apply", world.vm, *HAND_OVER]
    for answer, status in ((b"n\n", 77), (b"\n", 77), (b"\x04", 77), (b"y\n", 3), (b"yes\n", 3)):
        out, found = on_terminal(world, [*words, "--", "sh", "-c", "exit 3"], answer)
        assert found == status, f"{answer}: status {found}, not {status}: {out}"
        assert "Go on? [y/N]" in out and "is this machine's console" in out, out
        if status == 77:
            assert "VP5910" in out, out
            nothing_written(world)
        as_before(world)


@law
def nobody_is_asked_without_a_terminal_or_with_yes(world):
    world.control(console=NIC)
    words = ["apply", world.vm, *HAND_OVER]
    ended(world.run(*words, "--", "true"), 0, saying="VP4032")
    out, status = on_terminal(world, [*words, "--yes", "--", "true"], b"")
    assert status == 0 and "Go on?" not in out, f"status {status}: {out}"
    as_before(world)


@law
def nobody_is_asked_where_no_way_in_goes(world):
    out, status = on_terminal(world, ["apply", world.vm, *HAND_OVER, "--", "true"], b"")
    assert status == 0 and "Go on?" not in out, f"status {status}: {out}"
    as_before(world)


def on_terminal(world, words, answer):
    """What a run on a terminal says, and its status; what it asks is answered."""
    process, terminal = pty.fork()
    if process == 0:
        os.execv(world.program, [world.program, *map(str, words)])
    said = b""
    with contextlib.suppress(OSError):  # the terminal is gone with its last process
        while piece := os.read(terminal, 4096):
            said += piece
            if b"[y/N]" in said and answer:
                os.write(terminal, answer)
                answer = b""
    os.close(terminal)
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    return said.decode(errors="replace"), status


def find(program):
    """The processes of this world whose command line begins with a program's name."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = pathlib.Path("/proc", name, "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0] == program.encode():
            found.append(int(name))
    return found


@law
def a_call_that_fails_is_rolled_back(world):
    for attribute in ("unbind", "driver_override", "drivers_probe"):
        for errno, status in (("EIO", 71), ("EBUSY", 71), ("ENOMEM", 71), ("EPERM", 77)):
            world.renew()
            world.control(faults={attribute: [errno, 1]})
            ended(world.run("apply", world.vm, *HAND_OVER, "--", "true"), status, saying=errno)
            as_before(world)


@law
def what_can_not_be_rolled_back_is_named_and_restored(world):
    for attribute in ("bind", "driver_override"):
        world.renew()
        process = world.apply()
        world.control(faults={attribute: ["EIO", None]})
        process.terminate()
        ended(finish(process), 74, saying=(NIC, "EIO"))
        ended(world.run("restore"), 74, saying=(NIC, "EIO"))
        assert world.journals(), "the journal is gone"
        world.control(faults={attribute: None})
        ended(world.run("restore"), 0)
        as_before(world)


@law
def a_whole_plan_runs_on_iommufd(world):
    ended(world.run("apply", world.vm, "--check", "--target", "iommufd"), 0, saying="accepted")
    as_before(world)
    assert not world.state()["open"], "files stay open"


@law
def only_the_socket_that_was_made_is_removed(world):
    socket = world.scratch / "socket"
    process = world.apply(*HAND_OVER, "--send-fds", f"unix:{socket}")
    socket.unlink()
    socket.write_text("precious")
    process.terminate()
    finish(process)
    assert socket.exists() and socket.read_text() == "precious", "another file was removed"
    as_before(world)


@law
def what_is_in_the_place_of_a_socket_ends_a_run_before_it_begins(world):
    socket = world.scratch / "socket"
    socket.write_text("precious")
    run = world.run("apply", world.vm, *HAND_OVER, "--send-fds", f"unix:{socket}")
    ended(run, 73, saying="VP5906")
    assert socket.read_text() == "precious"
    nothing_written(world)


def with_iommufd_from(world):
    """Arguments of an apply that receives its iommufd, by which no driver changes; its socket."""
    world.renew()
    world.control(set={NIC: ["vfio-pci", None], DISK: ["vfio-pci", None]})
    socket = world.scratch / "socket"
    return socket, ("apply", world.vm, "--target", "iommufd", "--iommufd-from", f"unix:{socket}")


@law
def what_is_not_an_iommufd_is_refused(world):
    for behaviour, file, message in (
            ("good", "/dev/null", "the file it sent is another one"),
            ("good", "/proc/self/oom_score_adj", "the file it sent is another one"),
            ("two", "/dev/null", "it sent 2 files, not one"),
            ("no", "/dev/null", "it sent 0 files, not one"),
            ("empty", "/dev/null", "it closed the connection")):
        socket, arguments = with_iommufd_from(world)
        with giver(socket, file, behaviour) as peer:
            run = world.run(*arguments, "--", "true")
            ended(run, 69, saying=("VP5909", f"'{socket}': {message}"))
            answer = peer.stdout.read().decode()
        assert answer == ("" if behaviour == "empty" else "answer none\n"), answer
        assert not world.state()["writes"], "something was written"
    for name, message in (("none", "(ENOENT)"), ("file", "(ECONNREFUSED)")):
        socket, arguments = with_iommufd_from(world)
        (world.scratch / "file").touch()
        path = world.scratch / name
        run = world.run(*arguments[:-1], f"unix:{path}", "--", "true")
        ended(run, 69, saying=("VP5909", message))


@law
def a_signal_ends_the_wait_for_an_iommufd(world):
    socket, arguments = with_iommufd_from(world)
    sent = world.scratch / "sent"
    with giver(socket, "/dev/null", "slow"):
        process = world.start(*arguments, "--send-fds", f"unix:{sent}")
        until(sent.exists, "the socket")
        process.terminate()
        ended(finish(process), 143, saying="a signal came first")
    assert not sent.exists(), "its socket stays"


@contextlib.contextmanager
def giver(*arguments):
    """A process that serves a file, once it is ready."""
    with subprocess.Popen(
            [sys.executable, str(PEERS / "give.py"), *map(str, arguments)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE) as peer:
        try:
            assert peer.stdout.readline() == b"ready\n"
            yield peer
        finally:
            peer.stdin.close()
            peer.wait(10)


@law
def without_proc_or_descriptors_nothing_is_touched(world):
    arguments = ["apply", str(world.vm), *HAND_OVER, "--", "/bin/true"]
    for limit in range(3, 9):
        run = finish(subprocess.Popen(
            ["sh", "-c", f'ulimit -n {limit}; exec "$@"', "sh", world.program, *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        assert run.status < 128 and "USAGE" not in run.all, \
            f"{limit} descriptors: status {run.status}: {run.all.strip()}"
        assert run.status != 0 or world.state()["writes"], f"{limit} descriptors: status 0"
        as_before(world)
    run = finish(subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /proc; exec "$@"', "sh",
         world.program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE))
    ended(run, 69, saying="/proc")
    nothing_written(world)
