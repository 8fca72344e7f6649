import Executor
import Parser
import Planner

/// A program of raw calls on the simulator, in the text that `guest/conform.c` runs on a kernel.
///
/// The answers are the same text, too, so that a kernel's and the simulator's can be compared.
public struct ConformProgram {
  private let kernel: SimulatedKernel
  private let host: HostDescription
  private var values: [Substring: UInt64] = [:]
  /// The second process, which only the first one has beside it.
  private var second: SimulatedProcess?
  private var isFirst = true

  /// Prepares a program on a host, whose kernel's release says how it behaves.
  public init(on host: HostDescription) {
    self.host = host
    kernel = SimulatedKernel(host)
  }

  /// Runs programs, each on a machine of its own; what is said of every step, after the program's
  /// first line.
  public static func answers(to lines: [String], on host: HostDescription) -> [String] {
    let lines = lines.filter { !$0.isEmpty && !$0.hasPrefix("#") }
    let starts = lines.indices.filter { lines[$0].hasPrefix("program ") } + [lines.count]
    return zip(starts, starts.dropFirst()).flatMap { start, end in
      var program = ConformProgram(on: host)
      let answers = program.steps(lines[(start + 1)..<end])
      return [lines[start]] + answers + program.leftovers()
    }
  }

  /// What is left when the processes have ended: nothing.
  private mutating func leftovers() -> [String] {
    inSecond([], isLast: true)
    kernel.exit()
    let state = kernel.state()
    return state.isPristine ? [] : ["left \(state.openFiles) \(state.objects)"]
  }

  /// Takes steps; those after `fork N` as a child, which then ends, those after `beside N` as the
  /// second process, which stays.
  private mutating func steps(_ lines: ArraySlice<String>) -> [String] {
    var answers: [String] = []
    var rest = lines
    while let line = rest.popFirst() {
      let words = line.split(separator: " ")
      switch words[0] {
      case "beside" where !isFirst: answers.append("beside")
      case "fork", "beside":
        let count = Int(clamping: value(words[1]))
        let its = rest.prefix(count)
        rest = rest.dropFirst(its.count)
        answers +=
          words[0] == "fork"
          ? ["child"] + inChild(its) : ["beside"] + inSecond(its, isLast: count == 0)
      default: answers.append(step(words))
      }
    }
    return answers
  }

  private mutating func inChild(_ lines: ArraySlice<String>) -> [String] {
    let wasFirst = isFirst
    isFirst = false
    let parent = kernel.fork()
    let answers = steps(lines)
    kernel.exit(to: parent)
    isFirst = wasFirst
    return answers
  }

  /// Has the second process take steps, with which it begins if it is not there, or end.
  @discardableResult
  private mutating func inSecond(_ lines: ArraySlice<String>, isLast: Bool) -> [String] {
    if isLast, second == nil { return [] }
    let first = second.map(kernel.resume) ?? kernel.fork()
    second = nil
    isFirst = false
    let answers = steps(lines)
    isFirst = true
    if isLast { kernel.exit(to: first) } else { second = kernel.resume(first) }
    return answers
  }

  private mutating func step(_ words: [Substring]) -> String {
    var words = words
    var label: Substring?
    if words.count > 2, words[1] == "=" {
      label = words[0]
      words.removeFirst(2)
    }
    let answer = perform(words[0], Array(words.dropFirst()))
    if let label { values[label] = answer.value ?? .max }
    return answer.text
  }

  private mutating func perform(_ name: Substring, _ words: [Substring]) -> Answer {
    switch name {
    case "open": return Answer("fd") { () throws(Errno) in UInt64(try open(words)) }
    case "memory":
      return Answer("memory") { () throws(Errno) in
        let size = GuestMemory(size: value(words[0]))
        return try kernel.makeMemory(size, isMapped: true).address ?? 0
      }
    case "memfd":
      return Answer("fd") { () throws(Errno) in
        let size = GuestMemory(size: value(words[0]))
        return UInt64(try kernel.makeMemory(size, isMapped: false).file)
      }
    case "dup":
      return Answer("fd") { () throws(Errno) in UInt64(try kernel.duplicate(file(words[0]))) }
    case "close":
      return Answer(nil) { () throws(Errno) in
        try kernel.close(file(words[0]))
        return 0
      }
    case "sweep": return sweep(file(words[0]), Int(value(words[1])))
    default: return request(words, says: name == "fdioctl" ? "fd" : nil)
    }
  }

  private func open(_ words: [Substring]) throws(Errno) -> Int32 {
    switch words[0] {
    case "iommu": return try kernel.open(.iommu)
    case "container": return try kernel.open(.vfioContainer)
    case "kvm": return try kernel.open(.kvm)
    case "null": return kernel.openNull()
    default: break
    }
    guard let address = BDF(String(words[1])) else { throw .enoent }
    if words[0] == "cdev" { return try kernel.open(.vfioDevice(address)) }
    let group = host.devices.first { $0.address == address }?.group
    guard let group else { throw .enoent }
    return try kernel.open(.vfioGroup(group))
  }

  /// Which objects there are: what destroying every id says, upwards.
  private func sweep(_ file: Int32, _ count: Int) -> Answer {
    let said = (1...count).map { id in
      Answer(nil) { () throws(Errno) in
        var argument = IoctlArgument.bytes(bytes(8, 4) + bytes(UInt64(id), 4), pointers: [])
        return UInt64(try kernel.ioctl(file, 0x3b80, &argument))
      }.text
    }
    return Answer(text: said.joined(separator: " "), value: nil)
  }
}

/// What a call says, and the value that its label stands for.
private struct Answer {
  var text: String
  var value: UInt64?

  init(text: String, value: UInt64?) {
    self.text = text
    self.value = value
  }

  /// Makes a call; its value, or a word in its place, or the name of its error.
  init(_ success: String?, _ call: () throws(Errno) -> UInt64) {
    do throws(Errno) {
      let value = try call()
      self.init(text: success ?? "\(value)", value: value)
    } catch {
      self.init(text: error.description, value: nil)
    }
  }
}

/// A member of a structure that is shown after the call.
private struct ShownMember {
  var offset: Int
  var width: Int
  var isFile: Bool
  /// The widths of what it points to, if it is a pointer.
  var items: [Int]?
}

extension ConformProgram {
  /// A number, a label, or a label and an offset; what was never got is -1.
  private func value(_ text: Substring) -> UInt64 {
    if let first = text.first, first == "-" || first.isNumber {
      if text.hasPrefix("0x") { return UInt64(text.dropFirst(2), radix: 16) ?? .max }
      return UInt64(text) ?? UInt64(bitPattern: Int64(text) ?? -1)
    }
    let parts = text.split(separator: "+")
    guard let base = values[parts[0]], base != .max else { return .max }
    return base &+ (parts.count > 1 ? value(parts[1]) : 0)
  }

  private func file(_ text: Substring) -> Int32 { Int32(truncatingIfNeeded: value(text)) }

  private func bytes(_ value: UInt64, _ width: Int) -> [UInt8] {
    (0..<width).map { UInt8(truncatingIfNeeded: $0 < 8 ? value >> UInt64(8 * $0) : 0) }
  }

  /// FILE REQUEST, then nothing, value:N, text:WORD or members.
  private func request(_ words: [Substring], says success: String?) -> Answer {
    let command = UInt32(truncatingIfNeeded: value(words[1].prefix { $0 != ":" }))
    var shown: [ShownMember] = []
    var argument = argument(words.dropFirst(2), &shown)
    var answer = Answer(success) { () throws(Errno) in
      UInt64(try kernel.ioctl(file(words[0]), command, &argument))
    }
    guard case .bytes(let structure, let pointers) = argument, !shown.isEmpty else { return answer }
    let isDone = answer.value != nil
    for (index, member) in shown.enumerated() {
      if let items = member.items {
        var place = 0
        for width in items {
          let item = number(pointers[0].bytes, place, width)
          answer.text += " \(hex(item))"
          place += width
        }
        continue
      }
      let number = number(structure, member.offset, member.width)
      answer.text += member.isFile ? (isDone ? " fd" : " -") : " \(hex(number))"
      if index == 0, isDone { answer.value = number }
    }
    return answer
  }

  private func argument(
    _ words: ArraySlice<Substring>, _ shown: inout [ShownMember]
  ) -> IoctlArgument {
    guard let first = words.first else { return .none }
    if first.hasPrefix("value:") { return .value(value(first.dropFirst(6))) }
    if first.hasPrefix("text:") {
      return .bytes(Array(first.dropFirst(5).utf8) + [0], pointers: [])
    }
    var structure: [UInt8] = []
    var pointers: [IoctlArgument.Pointer] = []
    for word in words {
      let isShown = word.hasSuffix("!") || word.hasSuffix("@")
      let parts = word.drop { $0 != ":" }.dropFirst().split(separator: "=", maxSplits: 1)
      let text = isShown ? parts[1].dropLast() : parts[1]
      var member = ShownMember(
        offset: structure.count, width: Int(parts[0]) ?? 0, isFile: word.hasSuffix("@"))
      if text.hasPrefix("[") {
        let items = text.dropFirst().dropLast().split(separator: ",").map {
          $0.split(separator: "=")
        }
        member.items = items.map { Int($0[0]) ?? 0 }
        let content = items.flatMap { bytes(value($0[1]), Int($0[0]) ?? 0) }
        pointers.append(.init(offset: structure.count, bytes: content))
        structure += bytes(0, 8)
      } else {
        structure += bytes(value(text), member.width)
      }
      if isShown { shown.append(member) }
    }
    return .bytes(structure, pointers: pointers)
  }

  private func number(_ bytes: [UInt8], _ offset: Int, _ width: Int) -> UInt64 {
    bytes[offset..<(offset + min(width, 8))].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private func hex(_ value: UInt64) -> String {
    value == 0 ? "0" : "0x" + String(value, radix: 16)
  }
}
