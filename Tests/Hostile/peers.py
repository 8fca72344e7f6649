"""Processes at the other end of sockets."""

import array
import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import time

from campaign import Case, judge
from world import finish, until

ROUNDS = 3
SECONDS = 5
PATIENCE = 0.3


def cases(world, random):
    """Receivers that `--send-fds` meets and servers that `--iommufd-from` meets, some with a
    signal in between."""
    for number in range(ROUNDS):
        for behaviour in RECEIVERS:
            yield receiver(world, behaviour, number, random.random() / 50)
        for behaviour in SERVERS:
            yield server(world, behaviour, number, random.random() / 50)


def receiver(world, behaviour, number, pause):
    def attempt():
        path = str(world.scratch / "socket")
        process = world.apply("--target", "iommufd", "--send-fds", f"unix:{path}")
        with contextlib.suppress(ConnectionError):
            behaviour(path)
        end(world, process, pause, number)
    return Case(f"receiver {behaviour.__name__}, {number}", attempt)


def server(world, behaviour, number, pause):
    def attempt():
        path = str(world.scratch / "socket")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen(1)
            process = world.start(
                "apply", world.vm, "--target", "iommufd", "--check", "--iommufd-from",
                f"unix:{path}")
            listener.settimeout(SECONDS)
            peer, _ = listener.accept()
            with peer, contextlib.suppress(ConnectionError):
                behaviour(peer)
                end(world, process, pause, number, path)
    return Case(f"server {behaviour.__name__}, {number}", attempt)


def end(world, process, pause, number, path=None):
    """Asks a run that goes on to end, and looks at what is left."""
    time.sleep(pause)
    sent = signal.SIGTERM if number % 2 else signal.SIGINT
    process.send_signal(sent)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(PATIENCE)
    # A driver of VFIO is not taken away before its users have gone.
    while stay:
        stay.pop().close()
    run = finish(process, SECONDS)
    if path:
        os.unlink(path)
    judge(world, run.status, run.all, [sent])


def connected(path):
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(SECONDS)
    peer.connect(path)
    return peer


def with_files(peer, files, data=b"\0"):
    peer.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))])


# What receivers do.

def nobody_comes(path):
    pass


def goes_at_once(path):
    connected(path).close()


def takes_and_goes(path):
    with connected(path) as peer:
        peer.recv(4096)


def answers_before_it_takes(path):
    with connected(path) as peer:
        peer.send(b"x" * 1000)


def sends_files(path):
    with connected(path) as peer, open("/dev/null") as file:
        with_files(peer, [file.fileno()] * 200)
        peer.recv(4096)


def sends_without_end(path):
    with connected(path) as peer:
        peer.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                peer.send(b"x" * 65536)


def closes_one_direction(path):
    with connected(path) as peer:
        peer.shutdown(socket.SHUT_WR)
        peer.recv(4096)


def takes_nothing_and_stays(path):
    stay.append(connected(path))


def takes_answers_and_stays(path):
    peer = connected(path)
    stay.append(peer)
    _, files, _, _ = socket.recv_fds(peer, 65536, 253)
    for file in files:
        os.close(file)
    peer.send(b"x")


def comes_many_times(path):
    for _ in range(50):
        with contextlib.suppress(FileNotFoundError, BlockingIOError, TimeoutError):
            peer = socket.socket(socket.AF_UNIX)
            peer.setblocking(False)
            peer.connect(path)
            peer.close()


def is_somebody_else(path):
    subprocess.run(
        ["setpriv", "--reuid=65534", "--clear-groups", "python3", "-c",
         "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])", path],
        stderr=subprocess.DEVNULL)


def puts_something_else_there(path):
    os.unlink(path)
    pathlib.Path(path).symlink_to("/etc/passwd")
    until(lambda: os.path.lexists(path), "the link")
    os.unlink(path)


stay = []
RECEIVERS = [
    nobody_comes, goes_at_once, takes_and_goes, answers_before_it_takes, sends_files,
    sends_without_end, closes_one_direction, takes_nothing_and_stays, takes_answers_and_stays,
    comes_many_times, is_somebody_else, puts_something_else_there]


# What servers do.

def says_nothing(peer):
    pass


def closes(peer):
    peer.shutdown(socket.SHUT_RDWR)


def sends_no_file(peer):
    peer.send(b"\0")


def sends_another_file(peer):
    with open("/dev/null") as file:
        with_files(peer, [file.fileno()])


def sends_two_files(peer):
    with open("/dev/iommu", "rb+") as file:
        with_files(peer, [file.fileno()] * 2)


def sends_all_files(peer):
    with open("/dev/null") as file:
        with_files(peer, [file.fileno()] * 253)


def sends_much(peer):
    peer.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            peer.send(b"\0" * 4096)


def sends_a_socket(peer):
    with_files(peer, [peer.fileno()])


SERVERS = [
    says_nothing, closes, sends_no_file, sends_another_file, sends_two_files, sends_all_files,
    sends_much, sends_a_socket]
