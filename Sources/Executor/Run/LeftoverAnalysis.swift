import Planner

/// Finds out what is left after a rollback in which some undos failed.
///
/// An undo that failed matters only while the object it was about exists: an HWPT that could not be
/// destroyed is gone once its iommufd is. And a file that was closed is still there while another
/// one holds on to it: a bound device its iommufd, KVM's list a device. The rules are those of §4,
/// read off the program: a file that was given to another is held by it until that request is
/// undone (memory by what maps it), and a file that a request made holds its maker (but a VM does
/// not need `/dev/kvm`, which has no state).
struct LeftoverAnalysis {
  private let program: Program
  private let ran: Int
  /// Whether the undo of a step failed (with which errno), by step.
  private var refused: [Errno?]
  private var undone: [Bool]
  /// The step that made a result, by result; `nil` if none did.
  private var makers: [Int?]
  /// For each file, the files it holds.
  private var held: [[Int]]
  /// For each file that is alive, the step that opened the file at the root of what holds it.
  private var roots: [Int?]
  /// The containers that a group is still in.
  private var driven: Set<Int> = []

  /// Looks at the first `ran` steps of a program after their undo.
  init(_ program: Program, ran: Int, outcomes: [UndoOutcome], closed: Set<ResultID>) {
    self.program = program
    self.ran = ran
    let results = program.results.count
    refused = [Errno?](repeating: nil, count: ran)
    undone = [Bool](repeating: false, count: ran)
    makers = [Int?](repeating: nil, count: results)
    held = [[Int]](repeating: [], count: results)
    roots = [Int?](repeating: nil, count: results)
    for outcome in outcomes {
      refused[outcome.step] = outcome.errno
      undone[outcome.step] = outcome.errno == nil
    }
    for step in 0..<ran { record(step) }
    findLiveFiles()
    for step in 0..<ran where !undone[step] { recordContainer(step) }
  }

  /// What is left, by step.
  var leftovers: [Leftover] {
    (0..<ran).compactMap { step in
      if let errno = refused[step] {
        return concernsLiveObjects(step) ? Leftover(step: step, reason: .refused(errno)) : nil
      }
      guard undone[step], let file = fileMade(by: step), let root = roots[file] else { return nil }
      return Leftover(step: step, reason: .heldBy(step: root))
    }
  }

  private mutating func record(_ step: Int) {
    let action = program.steps[step].action
    let made = action.results.map(\.id)
    if case .ioctl(let receiver, _, let arguments, _) = action {
      // What a request made goes with its objects: a mapping with its address space.
      for case .result(let id) in arguments
      where !undone[step] && isFile(id) && id != receiver && areKept(arguments) {
        held[Int(receiver.index)].append(Int(id.index))
      }
      let holdsMaker = program.results[Int(receiver.index)].kind != .kvm
      for id in made where isFile(id) && holdsMaker {
        held[Int(id.index)].append(Int(receiver.index))
      }
    }
    for id in made { makers[Int(id.index)] = step }
  }

  /// Whether no object among the arguments was destroyed; files are asked for later.
  private func areKept(_ arguments: [Operand]) -> Bool {
    arguments.allSatisfy { argument in
      guard case .result(let id) = argument, !isFile(id), let maker = makers[Int(id.index)] else {
        return true
      }
      return !undone[maker]
    }
  }

  private mutating func findLiveFiles() {
    var pending: [Int] = []
    for step in 0..<ran where refused[step] != nil {
      guard let file = fileMade(by: step) else { continue }
      roots[file] = step
      pending.append(file)
    }
    while let file = pending.popLast() {
      for other in held[file] where roots[other] == nil {
        roots[other] = roots[file]
        pending.append(other)
      }
    }
  }

  /// The driver of a container, and with it all mappings, leaves with the last group.
  private mutating func recordContainer(_ step: Int) {
    guard case .ioctl(let group, let request, let arguments, _) = program.steps[step].action,
      request.establishes.contains(.contained), roots[Int(group.index)] != nil
    else { return }
    for case .result(let container) in arguments { driven.insert(Int(container.index)) }
  }

  private func isFile(_ id: ResultID) -> Bool { program.results[Int(id.index)].kind.isFile }

  /// The file whose opening a step's undo would close.
  private func fileMade(by step: Int) -> Int? {
    let file = program.steps[step].action.results.first { isFile($0.id) }
    return file.map { Int($0.id.index) }
  }

  private func concernsLiveObjects(_ step: Int) -> Bool {
    guard case .ioctl(let receiver, let request, let arguments, _) = program.steps[step].action
    else { return true }
    if fileMade(by: step) != nil { return true }
    guard roots[Int(receiver.index)] != nil else { return false }
    if request.requires.contains(.driven), !driven.contains(Int(receiver.index)) { return false }
    return arguments.allSatisfy { argument in
      guard case .result(let id) = argument else { return true }
      switch program.results[Int(id.index)].kind {
      // Outlived by what used them.
      case .boundDevice, .deviceLabel, .memory, .memoryFile, .number: return true
      default: return isAlive(id)
      }
    }
  }

  private func isAlive(_ id: ResultID) -> Bool {
    let index = Int(id.index)
    if isFile(id) { return roots[index] != nil }
    guard let maker = makers[index], !undone[maker] else { return false }
    guard case .ioctl(let receiver, _, _, _) = program.steps[maker].action else { return true }
    return roots[Int(receiver.index)] != nil
  }
}
