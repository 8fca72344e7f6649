import CLinux
import Glibc
import Parser
import Planner

/// A command that runs on an emulated machine: the calls by which it uses VFIO, iommufd and KVM's
/// VFIO device are answered by the simulator, all others by the kernel.
public final class Emulation: SimulatedNumbers {
  /// The machine.
  public let kernel: SimulatedKernel
  /// Whether KVM is the simulator's, too, as there is none here.
  let simulatesKVM: Bool
  /// What is told of every call: a line, and the seconds since the start.
  public var log: ((Double, String) -> Void)?
  /// Calls that fail without being made.
  public var faults: [EmulatedFault] = []
  /// What devices do by themselves.
  public var dma: [EmulatedDMA] {
    get { pendingDMA.map(\.transfer.request) }
    set { pendingDMA = newValue.map { PendingDMA($0) } }
  }
  var pendingDMA: [PendingDMA] = []
  /// What was there when most devices were attached, and most was mapped.
  public internal(set) var record = EmulationRecord()

  let files: EmulatedFiles
  var tree: EmulatedTree
  var paths: EmulatedPaths
  var processes = EmulatedProcesses()
  /// The call that is being answered and its process.
  var call: EmulatedCall?
  var caller: EmulatedProcess?
  /// What a file that is handed out looks like, and whether it goes when a program is executed.
  var node: EmulatedNode?
  var closesOnExec = true
  /// Why the last file could not be handed out.
  var refusal: Errno?
  /// KVM's VMs by the number that their processes have for them.
  var machines: [MachineKey: SimulatedVM] = [:]
  /// Writes that are not answered yet.
  var waitingWrites: [EmulatedWrite] = []
  /// Whether a call was answered since what there is was looked at.
  var hasChanged = false
  /// How many calls there were of each name, as far as one is to fail.
  var seen: [String: Int] = [:]
  private let start: EmulationStart
  private let poll: Int32
  private var signals = sigset_t()
  private var listener: Int32 = -1
  private var end: Int32?
  private var executionError: Int32?
  private let ready = UnsafeMutablePointer<Int32>.allocate(capacity: Emulation.most)
  private let room = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 4096)
  private let begin = Emulation.now
  private var hasLookedAtRest = false
  /// Whether there is nobody any more who could be told anything.
  private var isOver = false
  /// The thread of the latest call; 0 if something else has happened since.
  private var latest: pid_t = 0
  /// How many files are looked at at once.
  private static let most = 64
  /// How long it takes at most to see a signal when nobody is left to call, in milliseconds.
  private static let pause: Int32 = 50

  /// Which VM of KVM.
  struct MachineKey: Hashable {
    /// The process that has it.
    var process: pid_t
    /// Its number there.
    var number: Int32
  }

  /// Makes a machine for a command, which does not run yet; of some devices configuration space was
  /// read.
  public init(
    _ host: HostDescription, _ kernel: SimulatedKernel, _ start: EmulationStart,
    release: String, configurations: [BDF: [UInt8]] = [:], simulatesKVM: Bool
  ) throws(EmulationFailure) {
    self.kernel = kernel
    self.simulatesKVM = simulatesKVM && kernel.host.nodes.hasKVM
    self.start = start
    poll = epoll_create1(Int32(EPOLL_CLOEXEC))
    files = EmulatedFiles(poll)
    let root = open(
      "/proc/\(start.first)/root", OPEN_PLACE_ONLY | O_DIRECTORY | O_CLOEXEC)
    if root < 0 { throw .system(errno) }
    tree = EmulatedTree(host, release: release, configurations, below: root)
    for (address, bytes) in configurations {
      if let device = kernel.host.device(address) {
        kernel.host.setConfiguration(bytes, of: device)
      }
    }
    paths = EmulatedPaths(hasKVM: self.simulatesKVM)
    tree.build(kernel.host)
    // After the machine's own, so that nothing of it is written through a link.
    start.bringBackPart(below: root)
    showNodes()
    kernel.files.outside = self
    sigemptyset(&signals)
    for signal in start.command.forwarded { sigaddset(&signals, signal) }
  }

  deinit {
    for file in [poll, listener, tree.root] where file >= 0 { close(file) }
    room.deallocate()
    ready.deallocate()
  }

  /// Runs the command to its end, and everything it has started; how it ended, as `waitpid` says.
  public func run() throws(EmulationFailure) -> Int32 {
    listener = try start.begin(catchesKVM: simulatesKVM)
    // Without a call to answer that is ENOENT, where the request is known.
    if add_file(listener, 0, 0, 0) < 0, errno == EINVAL { throw .addition }
    wake_callers_here(listener)
    watch_file(poll, start.control, UInt32(EPOLLIN.rawValue))
    begin_events(&signals)
    for file in [start.control, files.notifier] { tell_of_file(file) }
    while !isOver { answerNext() }
    end_events(&signals)
    start.waitForEnd()
    see()
    files.end()
    kernel.files.outside = nil
    if let executionError { throw .execution(executionError) }
    guard let end else { throw .system(EIO) }
    return end
  }

  /// Seconds since the start.
  var elapsed: Double { Self.now - begin }

  private static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  /// Waits for the next call or for what happens first, and answers it.
  ///
  /// What has ended before a call was made is seen before it is answered, as its program knows of
  /// it. Ends of processes make no signal; a thread that goes on has none of them to hide.
  private func answerNext() {
    var notification = emulated_notification()
    let isCall = receive_notification(listener, &notification) == 0
    let thread = pid_t(notification.thread)
    if take_events() != 0 || thread != latest || !machines.isEmpty {
      passSignals()
      // Before Linux 6.11 the listener waits even if nobody is left.
      see(waiting: isCall || is_listener_idle(listener) == 0 ? 0 : Self.pause)
    }
    latest = thread
    guard isCall else { return }
    let call = EmulatedCall(
      listener: listener, id: notification.id, thread: thread, number: notification.number,
      arguments: notification.arguments)
    answer(call, room)
    self.call = nil
    caller = nil
  }

  /// Sees everything that has ended so far, and what the first process says.
  private func see(waiting milliseconds: Int32 = 0) {
    var count = Int(wait_for_files(poll, ready, Int32(Self.most), milliseconds))
    while count > 0 {
      for index in 0..<count where ready[index] != start.control { see(ready[index]) }
      if (0..<count).contains(where: { ready[$0] == start.control }) { readStage() }
      count = Int(wait_for_files(poll, ready, Int32(Self.most), 0))
    }
    if end != nil, !hasLookedAtRest {
      hasLookedAtRest = true
      // What the command itself had open is closed by now.
      see()
      lookAtRest()
      start.pass(0)
    }
  }

  private func readStage() {
    var (stage, value, file): (Int32, Int32, Int32) = (0, 0, -1)
    guard receive_stage(start.control, &stage, &value, &file) == 0 else {
      epoll_ctl(poll, EPOLL_CTL_DEL, start.control, nil)
      isOver = true
      return
    }
    if stage == Int32(EMULATION_EXECUTION.rawValue) { executionError = value }
    if stage == Int32(EMULATION_ENDED.rawValue) {
      takeSnapshot()
      end = value
    }
  }

  private func passSignals() {
    var isFromProcess: Int32 = 0
    while case let signal = next_signal(&isFromProcess), signal > 0 {
      // A terminal sends its signals to everybody by itself.
      if isFromProcess != 0 { start.pass(signal) }
    }
  }

  /// Sees that a file was closed for the last time, or that a process has ended.
  private func see(_ file: Int32) {
    if files.isEnd(file) {
      for closed in files.closed(file) {
        takeSnapshot()
        note("close \(closed.label)")
        kernel.dropLast(closed)
      }
      resumeWrites()
    } else if let process = processes.process(endingWith: file) {
      epoll_ctl(poll, EPOLL_CTL_DEL, file, nil)
      processes.remove(process)
      // What is open of KVM goes with its process at the latest.
      for (key, vm) in machines where key.process == process.number {
        machines[key] = nil
        kernel.dropLast(vm)
      }
    }
  }

  // The answers.

  /// Gives a call its value.
  func give(_ value: Int64, to call: EmulatedCall) {
    _ = answer_notification(call.listener, call.id, value, 0)
  }

  /// Has a call fail.
  func refuse(_ call: EmulatedCall, with errno: Errno) {
    _ = answer_notification(call.listener, call.id, 0, errno.rawValue)
  }

  /// Leaves a call to the kernel.
  func pass(_ call: EmulatedCall) { _ = continue_notification(call.listener, call.id) }

  /// Finds the process of a call, on whose behalf the simulator acts from now on.
  func enter(_ call: EmulatedCall) -> EmulatedProcess {
    let (process, isNew) = processes.process(of: call.thread, files)
    if isNew, process.end >= 0 { watch_file(poll, process.end, UInt32(EPOLLIN.rawValue)) }
    self.call = call
    caller = process
    refusal = nil
    kernel.memory = process.memory
    return process
  }

  /// Notes the nodes that there are now.
  func showNodes() {
    paths.devices = Dictionary(uniqueKeysWithValues: tree.numbers.map { ($1, $0) })
  }

  /// Writes a line of the log.
  func note(_ line: @autoclosure () -> String) { log?(elapsed, line()) }

  // Numbers.

  func file(_ number: Int32) throws(Errno) -> SimulatedFile {
    guard let caller else { throw .ebadf }
    return try files.file(number, of: caller.number)
  }

  func add(_ file: SimulatedFile) -> Int32 {
    guard let call else { return -1 }
    do throws(Errno) {
      let number = try files.hand(file, as: node, to: call, closesOnExec: closesOnExec)
      if let device = file as? SimulatedDeviceFile { showConfiguration(of: device) }
      return number
    } catch {
      refusal = error
      return -1
    }
  }
}
