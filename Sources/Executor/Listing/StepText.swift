import Parser
import Planner

/// The steps of a program for people: a clause in plain words, and the exact call.
public struct StepText {
  private let program: Program
  private let namesByAddress: [BDF: String]
  /// The device's file that gave an id of a bound device.
  private let filesOfDevices: [ResultID: ResultID]

  /// Prepares the texts of a plan's steps.
  public init(_ plan: CompiledPlan) { self.init(plan.program, of: plan) }

  /// Prepares the texts of a program's steps; without its plan devices have no names.
  public init(_ program: Program, of plan: CompiledPlan? = nil) {
    self.program = program
    let names = plan?.plan.devices.map { ($0.address, $0.name) } ?? []
    namesByAddress = Dictionary(names, uniquingKeysWith: { first, _ in first })
    filesOfDevices = Self.filesOfDevices(in: program)
  }

  private static func filesOfDevices(in program: Program) -> [ResultID: ResultID] {
    var files: [ResultID: ResultID] = [:]
    for step in program.steps {
      guard case .ioctl(let file, let request, _, let results) = step.action,
        request.receiver == .deviceFD
      else { continue }
      for case let id? in results { files[id] = file }
    }
    return files
  }

  /// What a step does, for people who have never seen a system call.
  public func words(_ index: Int) -> StyledText {
    switch program.steps[index].action {
    case .open(let path, _): words(path)
    case .memory(let memory, _, _):
      "set aside \(byteSizeText(memory.size)) of guest memory"
        + (memory.hugePageBytes.map { " on huge pages of \(byteSizeText($0))" } ?? "")
        + (memory.population == .eager ? ", all of it at once" : "")
    case .sysfs(let write): words(write)
    case .expect(let id, let mask, let operand):
      "stop and undo everything unless " + words(id, mask, operand)
    case .close(let id): "close \(name(id), .strong)"
    case .ioctl(let receiver, let request, let arguments, _):
      words(request, on: receiver, arguments)
    }
  }

  /// The exact call of a step, with symbolic values.
  public func call(_ index: Int) -> StyledText {
    let action = program.steps[index].action
    if let write = action.driverChange { return "write \(write.value) > \(write.path)" }
    let parts = action.parts
    var text = StyledText(parts.verb.rawValue)
    if let receiver = parts.receiver { text += " \(name(receiver))" }
    if let request = action.request { text += " \(self.request(request))" }
    return text + operands(parts.operands) + results(parts)
  }

  /// What an `expect` step asks for; empty for other steps.
  func condition(_ index: Int) -> StyledText {
    let parts = program.steps[index].action.parts
    guard parts.verb == .expect, let receiver = parts.receiver else { return "" }
    return "\(name(receiver))" + operands(parts.operands)
  }

  /// What undoes a step; `nil` if there is nothing to undo.
  public func undo(_ index: Int) -> StyledText? {
    switch program.undo(of: program.steps[index]) {
    case .nothing: nil
    case .close(let id): "close \(name(id))"
    case .ioctl(let receiver, let request, let arguments):
      "ioctl \(name(receiver)) \(self.request(request))" + operands(request.operands(arguments))
    case .releaseMemory(let file, let address, _):
      (address.map { "unmap \(name($0)), " } ?? "") + "close \(name(file))"
    case .revert(let write): Self.revert(write)
    }
  }

  /// The name of a result.
  func name(_ id: ResultID) -> String {
    let index = Int(id.index)
    return program.results.indices.contains(index) ? program.results[index].name : "?"
  }

  /// The user's name of a device, or the address of one that is not the VM's.
  func name(of address: BDF) -> String { namesByAddress[address] ?? address.description }

  /// The user's name of a device with its address, or the address of one that is not the VM's.
  func device(_ address: BDF) -> StyledText {
    guard let name = namesByAddress[address] else { return "\(address.description)" }
    return "\(name, .strong) (\(address.description))"
  }
}

extension StepText {
  private func words(_ id: ResultID, _ mask: UInt64?, _ operand: Operand) -> StyledText {
    guard let mask else { return "\(name(id)) is \(text(operand, for: nil))" }
    guard mask.nonzeroBitCount == 1, case .literal(let value) = operand else {
      return "\(name(id)) & \(hexText(mask)) is \(bits(operand))"
    }
    return "bit \(mask.trailingZeroBitCount) of \(name(id)) is \(value == 0 ? "clear" : "set")"
  }

  private func words(_ path: DevicePath) -> StyledText {
    guard case .vfioDevice(let address) = path else { return "open \(path.summary)" }
    return "open device \(device(address))"
  }

  private func words(_ write: SysfsWrite) -> StyledText {
    switch write {
    case .unbind(let address, let driver): "take \(device(address)) away from driver \(driver)"
    case .driverOverride(let address, let driver):
      "reserve \(device(address)) for driver \(driver)"
    case .probe(let address, let driver): "give \(device(address)) to driver \(driver)"
    }
  }

  private func words(
    _ request: RequestDescriptor, on receiver: ResultID, _ arguments: [Operand]
  ) -> StyledText {
    var subject: [String] = []
    if [.deviceFD, .group].contains(request.receiver) { subject.append(name(receiver)) }
    for (field, operand) in zip(request.operandFields, arguments) {
      switch operand {
      case .result(let id):
        if let word = subjectName(id) { subject.append(word) }
      case .literal(let bytes) where field.role == .length:
        subject.append(byteSizeText(bytes))
      case .address(let address): subject.append(name(of: address))
      case .literal, .memory, .token: break
      }
    }
    if subject.isEmpty { return StyledText(request.summary) }
    return "\(request.summary): " + StyledText(subject.joined(separator: ", "), .strong)
  }

  /// How a clause names a result; `nil` if there is only one of its kind.
  private func subjectName(_ id: ResultID) -> String? {
    switch program.results[Int(id.index)].kind {
    case .deviceFD, .group, .ioas, .hwpt, .ioasid: name(id)
    case .boundDevice, .deviceLabel: filesOfDevices[id].map(name)
    default: nil
    }
  }
}

extension StepText {
  /// A device node as people know it.
  static func path(_ path: DevicePath) -> String {
    guard case .vfioDevice(let address) = path else { return path.node }
    return "/dev/vfio/devices/vfioN (N: see vfio-dev/ of \(address))"
  }

  private static func revert(_ write: SysfsWrite) -> StyledText {
    switch write {
    case .unbind(let address, let driver): "give \(address.description) back to \(driver)"
    case .driverOverride(let address, _): "clear driver_override of \(address.description)"
    case .probe(let address, let driver): "unbind \(address.description) from \(driver)"
    }
  }
}

extension StepText {
  /// A request's name and number.
  func request(_ request: RequestDescriptor) -> StyledText {
    "\(request.name, .strong) (\(hexText(UInt64(request.code.command))))"
  }

  private func operands(_ operands: [StepOperand]) -> StyledText {
    StyledText(operands.reduce(into: "") { $0 += text($1) })
  }

  private func text(_ operand: StepOperand) -> String {
    switch operand.place {
    case .named: " \(operand.name)=" + text(operand.value)
    case .bare: " " + text(operand.value)
    case .after(let word): " \(word) " + text(operand.value)
    case .implied: ""
    }
  }

  private func text(_ value: StepOperand.Value) -> String {
    switch value {
    case .node(let path): Self.path(path)
    case .number(let value): hexText(value)
    case .member(let operand, let request, let place):
      text(operand, for: request.member(at: place))
    case .operand(let operand): text(operand, for: nil)
    case .bits(let operand): bits(operand)
    case .word(let text), .name(let text): text
    }
  }

  /// What a step makes; of what a request gives also where it gives it.
  private func results(_ parts: StepParts) -> StyledText {
    var text: StyledText = ""
    for result in parts.results {
      let isNamed = parts.verb == .ioctl && !result.isReturned
      text += text.isEmpty ? " -> " : ", "
      text += "\(isNamed ? result.member + ": " : "")\(name(result.id), .strong)"
    }
    return text
  }

  /// An operand as its field shows it: names of values where it has them.
  func text(_ operand: Operand, for field: Field?) -> String {
    switch operand {
    case .address(let address): address.description
    case .token(let token): token.description
    case .memory(let id, let offset): offset == 0 ? name(id) : "\(name(id))+\(hexText(offset))"
    case .result(let id):
      if case .pointerToFile = field?.role { "&" + name(id) } else { name(id) }
    case .literal(let value):
      if let field { Self.text(value, in: field) } else { String(value) }
    }
  }

  /// A masked value: bits are read in hexadecimal.
  func bits(_ operand: Operand) -> String {
    if case .literal(let value) = operand { return hexText(value) }
    return text(operand, for: nil)
  }

  /// A number as its field shows it.
  static func text(_ value: UInt64, in field: Field) -> String {
    guard case .number(let constants) = field.role, !constants.names.isEmpty else {
      return field.width == 8 ? hexText(value) : String(value)
    }
    if !constants.areFlags {
      return constants.names.first { $0.value == value }?.name ?? String(value)
    }
    var rest = value
    var parts: [String] = []
    for (name, bit) in constants.names where bit != 0 && rest & bit == bit {
      parts.append(name)
      rest &= ~bit
    }
    if rest != 0 || parts.isEmpty { parts.append(rest == 0 ? "0" : hexText(rest)) }
    return parts.joined(separator: "|")
  }
}
