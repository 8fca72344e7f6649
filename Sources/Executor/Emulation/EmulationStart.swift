import CLinux
import Glibc

/// What is run on an emulated machine.
public struct EmulatedCommand {
  /// Where it is.
  public var path: String
  /// Its name and arguments.
  public var words: [String]
  /// Its environment, as `NAME=value`.
  public var environment: [[CChar]]
  /// Signals that it holds back, and those that are passed on to it.
  public var mask: sigset_t
  /// Whether the ends of processes are waited for, as devices are to reach their memory.
  public var waitsAtEnds = false
  /// What ends or stops a run, and is for the command.
  public var forwarded: [Int32]

  /// Names a command.
  public init(
    path: String, words: [String], environment: [[CChar]], mask: sigset_t, forwarded: [Int32]
  ) {
    self.path = path
    self.words = words
    self.environment = environment
    self.mask = mask
    self.forwarded = forwarded
  }
}

/// Why a command can't be run on an emulated machine.
public enum EmulationFailure: Error, Equatable {
  /// Namespaces are not to be had: the errno.
  case namespaces(Int32)
  /// The files of the machine can't be shown: the errno.
  case mounts(Int32)
  /// The kernel gives no listener: the errno; EBUSY below another one.
  case listener(Int32)
  /// The kernel can't give a program files (before 5.14).
  case addition
  /// The command can't be executed: the errno.
  case execution(Int32)
  /// The system lacks what it takes: the errno.
  case system(Int32)
}

/// The processes of an emulated machine: the first one of its namespaces and the command.
///
/// It can be begun before it is known what the machine is: what takes the first process longest is
/// the same for all of them.
public final class EmulationStart {
  /// What is run.
  let command: EmulatedCommand
  /// The first process, whose end is that of all.
  let first: pid_t
  /// Where it says how far it is, and is told what to do.
  let control: Int32
  /// Whether the first process has ended and was waited for.
  private var isOver = false

  /// Makes namespaces; the first process waits in them.
  public init(_ command: EmulatedCommand) throws(EmulationFailure) {
    self.command = command
    // Root needs no user namespace, unless it is the root of a container.
    var failure = EmulationFailure.namespaces(EPERM)
    for hasUserNamespace in geteuid() == 0 ? [false, true] : [true] {
      do throws(EmulationFailure) {
        (first, control) = try Self.start(command, hasUserNamespace)
        return
      } catch {
        failure = error
        guard case .namespaces(EPERM) = error else { throw error }
      }
    }
    throw failure
  }

  deinit {
    close(control)
    waitForEnd()
  }

  private static func start(
    _ command: EmulatedCommand, _ hasUserNamespace: Bool
  ) throws(EmulationFailure) -> (pid_t, Int32) {
    let texts = ([command.path] + command.words).map { strdup($0) }
    let variables = command.environment.map { strdup($0) }
    defer { for text in texts + variables { free(text) } }
    var control: Int32 = -1
    let words = texts[1...] + [nil]
    let environment = variables + [nil]
    let first = Array(words).withUnsafeBufferPointer { words in
      environment.withUnsafeBufferPointer { environment in
        var start = emulation_start()
        start.path = UnsafePointer(texts[0])
        start.words = words.baseAddress
        start.environment = environment.baseAddress
        start.mask = command.mask
        start.restores_signals = 1
        start.catches_ends = command.waitsAtEnds ? 1 : 0
        start.has_user_namespace = hasUserNamespace ? 1 : 0
        return start_emulation(&start, &control)
      }
    }
    if first < 0 { throw .namespaces(errno) }
    let said = nextStage(control)
    guard said?.stage == Int32(EMULATION_READY.rawValue) else {
      close(control)
      waitpid(first, nil, 0)
      let isMount = said?.stage == Int32(EMULATION_MOUNTS.rawValue)
      throw isMount ? .mounts(said?.value ?? EIO) : .namespaces(said?.value ?? EIO)
    }
    return (first, control)
  }

  /// Brings back the supervisor's part of this machine's folders, below the first process's root.
  func bringBackPart(below root: Int32) { bring_back_part(root) }

  /// Lets the command begin, for which KVM is the simulator's or not; its listener.
  func begin(catchesKVM: Bool) throws(EmulationFailure) -> Int32 {
    var go = emulation_message(stage: 0, value: catchesKVM ? 1 : 0)
    send(control, &go, MemoryLayout<emulation_message>.size, Int32(MSG_NOSIGNAL))
    guard let stage = Self.nextStage(control) else { throw .system(EIO) }
    switch stage.stage {
    case Int32(EMULATION_STARTED.rawValue) where stage.listener >= 0: return stage.listener
    case Int32(EMULATION_LISTENER.rawValue): throw .listener(stage.value)
    default: throw .execution(stage.value)
    }
  }

  /// Waits until the first process has ended, and all others with it.
  func waitForEnd() {
    if !isOver { waitpid(first, nil, 0) }
    isOver = true
  }

  /// Passes a signal on to the command.
  func pass(_ signal: Int32) {
    var message = emulation_message(stage: 0, value: signal)
    send(control, &message, MemoryLayout<emulation_message>.size, Int32(MSG_NOSIGNAL))
  }

  /// What the first process says next; `nil` when it is gone.
  static func nextStage(_ control: Int32) -> (stage: Int32, value: Int32, listener: Int32)? {
    var ready = pollfd(fd: control, events: Int16(POLLIN), revents: 0)
    while poll(&ready, 1, -1) < 0 && errno == EINTR {}
    var (stage, value, listener): (Int32, Int32, Int32) = (0, 0, -1)
    return receive_stage(control, &stage, &value, &listener) == 0 ? (stage, value, listener) : nil
  }
}
