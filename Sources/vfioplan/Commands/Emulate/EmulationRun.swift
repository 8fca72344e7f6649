import Executor
import Glibc
import Parser
import Planner

/// What is run on an emulated machine, found and checked.
struct EmulatedImage {
  /// Its name, as typed.
  let name: String
  /// Where it is.
  let path: String
  /// Its name and arguments, as typed.
  let words: [String]

  /// Finds a command as shells do.
  init(_ words: [String]) throws(CommandFailure) {
    self.words = words
    name = words.first ?? ""
    do throws(CommandFile.Failure) {
      path = try CommandFile.path(of: name)
    } catch {
      throw .notStarted(name, error)
    }
  }

  /// Our environment, as it is.
  static var environment: [[CChar]] {
    var entries: [[CChar]] = []
    var next = environ
    while let entry = next.pointee {
      entries.append(Array(UnsafeBufferPointer(start: entry, count: strlen(entry) + 1)))
      next += 1
    }
    return entries
  }
}

/// A run of a command on an emulated machine.
struct EmulationRun {
  /// What came of it.
  struct Outcome {
    /// What it made of the machine.
    var record: EmulationRecord
    /// How the command ended, as shells have it.
    var status: Int32
  }

  private static let forwarded =
    Signals.ending + [SIGCONT, SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH]

  private let image: EmulatedImage
  private let start: EmulationStart

  /// Finds a command and begins to make room for it, before its machine is known.
  init(_ words: [String], waitsAtEnds: Bool) throws(CommandFailure) {
    image = try EmulatedImage(words)
    var mask = sigset_t()
    sigprocmask(SIG_BLOCK, nil, &mask)
    var command = EmulatedCommand(
      path: image.path, words: image.words, environment: EmulatedImage.environment, mask: mask,
      forwarded: Self.forwarded)
    command.waitsAtEnds = waitsAtEnds
    do throws(EmulationFailure) { start = try EmulationStart(command) } catch {
      throw .notEmulated(image.name, at: image.path, error)
    }
  }

  /// Runs the command to its end.
  func run(
    on host: EmulatedHost, _ kernel: SimulatedKernel, faults: [EmulatedFault], dma: [EmulatedDMA],
    log: ((Double, String) -> Void)?, simulatesKVM: Bool
  ) throws(CommandFailure) -> Outcome {
    var held = Signals.set(of: Self.forwarded)
    sigprocmask(SIG_BLOCK, &held, nil)
    do throws(EmulationFailure) {
      let emulation = try Emulation(
        host.description, kernel, start, release: host.release,
        configurations: host.configurations, simulatesKVM: simulatesKVM || !Self.hasKVM)
      emulation.faults = faults
      emulation.dma = dma
      emulation.log = log
      let end = try emulation.run()
      let status = end & 0x7f == 0 ? end >> 8 & 0xff : 128 + end & 0x7f
      return Outcome(record: emulation.record, status: status)
    } catch {
      throw .notEmulated(image.name, at: image.path, error)
    }
  }

  /// Whether this machine has a KVM that we may use.
  private static var hasKVM: Bool {
    let file = open("/dev/kvm", O_RDWR | O_CLOEXEC)
    if file >= 0 { close(file) }
    return file >= 0
  }
}
