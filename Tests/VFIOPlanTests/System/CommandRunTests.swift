import TestSupport
import Testing

/// `apply -- COMMAND` and a hold, as processes among others.
///
/// A plan without devices runs anywhere: it opens nothing, changes nothing and needs no rights.
struct CommandRunTests {
  private let folder: TemporaryFolder
  private let apply: String

  init() throws {
    folder = try TemporaryFolder()
    let vm = try folder.write(
      """
      apiVersion: vfioplan/v1
      kind: VM
      name: empty
      memory: [ { gpa: 0x0, size: 64MiB } ]
      devices: []
      """, to: "vm.yaml")
    let host = PackageFiles.path(UsageTests.host)
    apply = "'\(Tool.vfioplan)' apply '\(vm)' --host '\(host)' --hand-over --target type1"
  }

  /// Runs lines of the shell, in which `apply` runs the plan, in the folder.
  private func shell(_ lines: String) throws -> Tool.Outcome {
    try Tool.run(
      "/bin/bash", ["-c", "apply() { \(apply) \"$@\"; }; \(lines)"], folder: folder.path(""))
  }

  @Test func argumentsAndEnvironmentAreBytes() throws {
    let line =
      "printf '%s|' $'\\xff{x' $'e\\xcc\\x81' $'\\xf4\\x8f\\xbf\\xbf\\xc3' '' $'\\xed\\xa0\\x80'"
    let direct = try shell("\(line) | od -An -tx1")
    #expect(try shell("apply -- \(line) | od -An -tx1") == direct)
    let variable = try shell("V=$'\\xe9='; export V; apply -- printenv V | od -An -tx1")
    #expect(variable.output == " e9 3d 0a\n")
  }

  @Test func namesOfFilesAreBytes() throws {
    let named = try shell(
      """
      printf '#!/bin/sh\\nexit 5' > $'c\\xff'; chmod +x $'c\\xff'; apply -- ./$'c\\xff'; echo $?
      cp vm.yaml $'v\\xff'; '\(Tool.vfioplan)' apply $'v\\xff' --dry-run \
        --host '\(PackageFiles.path(UsageTests.host))' >/dev/null; echo $?
      """)
    #expect(named == .init(code: 0, output: "5\n0\n", errors: ""))
    let missing = try shell("'\(Tool.vfioplan)' compile $'x\\xff.yaml'")
    #expect(missing.code == 66 && missing.errors.contains("can't read 'x\\xff.yaml': no such"))
  }

  @Test func whatSystemdSaidToUsIsNotForTheCommand() throws {
    let outcome = try shell(
      """
      export LISTEN_PID=1 LISTEN_PIDFDID=2 LISTEN_FDS=9 LISTEN_FDNAMES=$'a\\xcc\\x81'
      apply -- sh -c 'env | grep ^LISTEN | sort; echo $$'
      """)
    let lines = outcome.output.split(separator: "\n")
    #expect(lines.count == 4)
    #expect(lines.first == "LISTEN_FDNAMES=" && lines.dropFirst().first == "LISTEN_FDS=0")
    #expect(lines.dropFirst(2).first == "LISTEN_PID=\(lines.last ?? "")")
  }

  @Test(arguments: [
    ("''", 127, "there is no command ''"), ("./nowhere", 127, "there is no command"),
    ("vm.yaml/x", 127, "there is no command"), ("/usr", 126, "is a directory"),
    ("./vm.yaml", 126, "permission denied"), ("/dev/null", 126, "permission denied"),
    ("./text", 126, "exec format error"), ("./script", 126, "the interpreter that it names"),
    ("folder/script", 126, "permission denied"),
  ])
  func whatCanNotBeExecutedIsSaidBeforeAnythingIsTouched(
    command: String, code: Int32, message: String
  ) throws {
    let outcome = try shell(
      """
      echo text > text; printf '#!/nonexistent' > script; mkdir folder
      printf '#!/usr\\n' > folder/script; chmod +x text script folder/script
      apply --format json -- \(command)
      """)
    #expect(outcome.code == code && outcome.output == "")
    #expect(outcome.errors.contains("error[VP5903]") && outcome.errors.contains(message))
  }

  @Test func theSearchGoesOnAfterWhatCanNotBeExecuted() throws {
    let outcome = try shell(
      """
      mkdir a b; echo > a/tool; printf '#!/bin/sh\\necho b' > b/tool; chmod +x b/tool
      PATH=$PWD/a:$PWD/b:$PATH; apply -- tool; PATH=$PWD/a:$PATH; rm b/tool; apply -- tool
      """)
    #expect(outcome.output == "b\n" && outcome.code == 126)
  }

  @Test func tooFewDescriptorsAreAnError() throws {
    let outcome = try shell("ulimit -n 4; apply -- true")
    #expect(outcome.code == 71 && outcome.errors.contains("can't start 'true': too many open"))
  }

  @Test func signalsAreToTheCommandWhatTheyWereToUs() throws {
    let line = "grep -E '^Sig(Blk|Ign)' /proc/self/status"
    for traps in ["", "trap '' PIPE XFSZ HUP;", "trap '' INT QUIT TSTP USR1;"] {
      #expect(try shell("\(traps) apply -- \(line)") == shell("\(traps) \(line)"))
    }
  }

  /// Waits in a shell until a condition holds; the test's process is the one that gives up.
  private static let wait = "wait_for() { until eval \"$1\"; do sleep .1; done; };"

  /// The command lines of our processes, for `pgrep`.
  private static let ours = "\"^[^ ]*/vfioplan apply $PWD/vm.yaml\""
  /// Whether a keeper runs, for a shell.
  private static let isKept = "pgrep -f \(ours) >/dev/null"

  @Test func whatGoesToTheBackgroundKeepsThePlan() throws {
    let outcome = try shell(
      """
      \(Self.wait) mkfifo end
      apply -- sh -c 'echo said; setsid -f sh -c "read line < end"; exit 3'; echo $?
      \(Self.isKept) && echo kept; echo > end; wait_for '! \(Self.isKept)'; echo gone
      """)
    #expect(outcome == .init(code: 0, output: "said\n3\nkept\ngone\n", errors: ""))
  }

  @Test func whatIsInTheBackgroundGetsTheKeepersSignals() throws {
    let outcome = try shell(
      """
      \(Self.wait)
      apply -- setsid -f sh -c '
        trap "echo asked > out; exit" TERM; : > up; while :; do sleep .1; done'
      wait_for '[ -e up ]'; pkill -TERM -f \(Self.ours); wait_for '! \(Self.isKept)'; cat out
      """)
    #expect(outcome.output == "asked\n", "\(outcome)")
  }

  @Test func aSignalIsPassedOnAndItsEndIsOurs() throws {
    let outcome = try shell(
      """
      \(Self.wait)
      apply -- sh -c 'trap "exit 9" TERM; : > up; while :; do sleep .1; done' & us=$!
      wait_for '[ -e up ]'; pkill -TERM -P $us -f \(Self.ours); wait $us; echo $?
      apply -- sh -c 'kill -KILL $$'; echo $?
      """)
    #expect(outcome.output == "9\n137\n")
  }

  @Test func whoKillsUsMeansTheKeeper() throws {
    let outcome = try shell(
      """
      \(Self.wait)
      exec 3>&1; (exec \(apply) -- sh -c ': > up; exec sleep 50' >/dev/null 2>&1) & us=$!
      wait_for '[ -e up ]'; kill -KILL $us; wait $us; wait_for '! \(Self.isKept)'; echo gone >&3
      pkill -f '^sleep 50$'
      """)
    #expect(outcome.output == "gone\n")
  }

  @Test func childrenFromBeforeUsAreNotWaitedFor() throws {
    let outcome = try shell(
      """
      (sleep 50 >/dev/null 2>&1 & echo $! > pid; exec \(apply) -- sh -c 'exit 4'); code=$?
      kill "$(cat pid)" && exit $code
      """)
    #expect(outcome.code == 4)
  }

  @Test func anIgnoredHangUpEndsNothing() throws {
    let outcome = try shell(
      """
      \(Self.wait)
      (trap '' HUP; exec \(apply) > out) & us=$!; wait_for 'grep -q holding out'
      kill -HUP $us; sleep .5; kill $us; wait $us; echo $?
      (exec \(apply) > out2) & us=$!; wait_for 'grep -q holding out2'
      kill -HUP $us; wait $us; echo $?
      """)
    #expect(outcome.output == "0\n0\n")
  }

  @Test func anInterruptEndsAHoldThatAScriptLeftInTheBackground() throws {
    // A shell without job control has it ignore SIGINT.
    let outcome = try shell(
      """
      \(Self.wait)
      (exec \(apply) > out) & us=$!; wait_for 'grep -q holding out'
      kill -INT $us; wait $us; echo $?
      """)
    #expect(outcome.output == "0\n")
  }

  /// Types keys into an interactive shell, each after a text has appeared; the shell's end.
  private func terminal(_ steps: KeyValuePairs<String, String>) throws -> Tool.Outcome {
    try Tool.run(
      "/usr/bin/python3",
      [PackageFiles.path("Tests/Fixtures/peers/terminal.py")] + steps.flatMap { [$0, $1] },
      folder: folder.path(""))
  }

  @Test func aTerminalStopsAndContinuesACommandAndUs() throws {
    let outcome = try terminal([
      "ready> ": "\(apply) -- cat\n", "-- cat": "one\n", "one\r\none": "\u{1A}",
      "Stopped": "fg\n", "-- cat": "two\n", "two\r\ntwo": "\u{1A}",
      // In the background it stops again as soon as it reads the terminal.
      "Stopped": "bg; until jobs > jobs; grep -q Stopped jobs; do sleep .1; done; echo sto''pped\n",
      "stopped": "fg\n", "-- cat": "three\n", "three\r\nthree": "\u{4}", "ready> ": "exit 7\n",
    ])
    #expect(outcome.code == 7, "\(outcome.errors)")
  }

  @Test func aTerminalStopsAndContinuesAHold() throws {
    let outcome = try terminal([
      "ready> ": "\(apply)\n", "holding:": "\u{1A}",
      // A key could be typed before the job has the terminal.
      "Stopped": "jobs -p > job; (sleep .2; kill -INT $(cat job)) & fg %1\n",
      "ready> ": "exit $?7\n",
    ])
    #expect(outcome.code == 7, "\(outcome.errors)")
  }

  @Test func aTerminalInterruptsACommandOnce() throws {
    let script = try folder.write(
      """
      import signal, time
      count = []
      signal.signal(signal.SIGINT, lambda *_: count.append(1))
      print("armed", flush=True)
      while not count: time.sleep(.05)
      time.sleep(.5)
      print("count", len(count))
      """, to: "count.py")
    let outcome = try terminal([
      "ready> ": "\(apply) -- python3 '\(script)'\n", "armed": "\u{3}", "count 1": "",
      "ready> ": "exit 7\n",
    ])
    #expect(outcome.code == 7, "\(outcome.errors)")
  }
}
