"""What a process inherits: variables, arguments, descriptors, limits, masks, folders."""

import os
import resource
import signal
import subprocess

from campaign import Case, judge
from world import HAND_OVER, finish

COUNT = 200
WORDS = [
    b"", b"\xff\xfe", b"-1", b"0", b"999999999999", b"\x1b[31m", b"/", b".", b"..", b"a=b",
    b"\n", b"always", b"C.UTF-8", b"xterm", b"x" * 100000]
VARIABLES = [
    b"PATH", b"LISTEN_FDS", b"LISTEN_PID", b"LISTEN_FDNAMES", b"COLUMNS", b"TERM", b"NO_COLOR",
    b"CLICOLOR_FORCE", b"LANG", b"LC_ALL", b"TMPDIR", b"HOME", b"\xff\xfe", b"", b"SHELL"]


def cases(world, random):
    """Runs in surroundings that are drawn, one to three oddities each."""
    for number in range(COUNT):
        oddities = random.sample(ODDITIES, random.randint(1, 3))
        words = random.choices(WORDS, k=len(VARIABLES))
        chosen = random.choice(["apply", "restore", "host", "nonsense", "compile"])
        yield case(world, number, chosen, oddities, words)


def case(world, number, chosen, oddities, words):
    def attempt():
        argv = [os.fsencode(word) for word in commands(world)[chosen]]
        setting = Setting(argv, words)
        for oddity in oddities:
            oddity(setting)
        try:
            run = setting.run(world)
        except subprocess.SubprocessError:
            return  # one oddity leaves no room for another
        judge(world, run.status, run.all)
    names = ", ".join(oddity.__name__ for oddity in oddities)
    return Case(f"environment {number} of {chosen}: {names}", attempt)


def commands(world):
    return {
        "apply": ["apply", world.vm, *HAND_OVER, "--", "/bin/true"], "restore": ["restore"],
        "host": ["host"], "nonsense": ["nonsense", "--\x1b[2J"], "compile": ["compile", world.vm]}


class Setting:
    """What a run will find."""

    def __init__(self, argv, words):
        self.argv, self.words = argv, words
        self.environment = dict(os.environb)
        self.before = []  # what is done in the new process
        self.limits = []  # and what is done last of all

    def run(self, world):
        def prepare():
            for action in self.before + self.limits:
                action()
        process = subprocess.Popen(
            [os.fsencode(world.program), *self.argv], env=self.environment, cwd=world.scratch,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            preexec_fn=prepare, close_fds=False)
        return finish(process, 10)


def odd_variables(setting):
    for name, word in zip(VARIABLES, setting.words):
        if name and b"=" not in name:
            setting.environment[name] = word


def no_variables(setting):
    setting.environment = {}


def no_path(setting):
    setting.environment.pop(b"PATH", None)


def few_descriptors(setting):
    limit = 3 + len(setting.words[0]) % 6
    setting.limits.append(
        lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))


def small_files(setting):
    setting.limits.append(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10)))


def no_files(setting):
    setting.limits.append(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)))


def closed(*numbers):
    def close(setting):
        setting.limits.append(lambda: [os.close(number) for number in numbers])
    close.__name__ = f"closed{numbers}"
    return close


def full_output(setting):
    setting.before.append(lambda: os.dup2(os.open("/dev/full", os.O_WRONLY), 1))


def read_only_output(setting):
    setting.before.append(lambda: os.dup2(os.open("/dev/null", os.O_RDONLY), 1))


def output_without_reader(setting):
    def end():
        reader, writer = os.pipe()
        os.close(reader)
        os.dup2(writer, 1)
    setting.before.append(end)


def no_folder(setting):
    def leave():
        os.mkdir("gone")
        os.chdir("gone")
        os.rmdir("../gone")
    setting.before.append(leave)


def closed_umask(setting):
    setting.before.append(lambda: os.umask(0o777))


def open_umask(setting):
    setting.before.append(lambda: os.umask(0))


def ignored_children(setting):
    setting.before.append(lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))


def blocked_signals(setting):
    setting.before.append(
        lambda: signal.pthread_sigmask(signal.SIG_BLOCK, range(1, signal.NSIG)))


def many_descriptors(setting):
    def fill():
        for _ in range(200):
            os.set_inheritable(os.open("/dev/null", os.O_RDWR), True)
    setting.before.append(fill)


def odd_arguments(setting):
    setting.argv += [b"\xff\xfe\x1b[2J", b""]


def long_arguments(setting):
    setting.argv.append(b"x" * 100000)


ODDITIES = [
    odd_variables, no_variables, no_path, few_descriptors, small_files, no_files, closed(0),
    closed(1), closed(2), closed(0, 1, 2), full_output, read_only_output, output_without_reader,
    no_folder, closed_umask, open_umask, ignored_children, blocked_signals, many_descriptors,
    odd_arguments, long_arguments]
