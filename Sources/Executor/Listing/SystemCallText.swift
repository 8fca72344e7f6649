import Parser
import Planner

/// System calls in the form that tracing tools show, with symbolic values.
struct SystemCallText {
  private let program: Program
  private let steps: StepText
  private let iommufdSource: String?

  /// Prepares the calls of a program; an iommufd that comes from elsewhere is not opened.
  init(_ program: Program, iommufdSource: String? = nil) {
    self.iommufdSource = iommufdSource
    self.program = program
    steps = StepText(program)
  }

  /// The call of a step and the names of what it makes.
  func call(_ index: Int) -> StyledText {
    switch program.steps[index].action {
    case .open(let path, let id):
      open(path) + " = \(steps.name(id), .strong)"
    case .memory(let memory, let file, let address): calls(memory, file, address)
    case .sysfs(let write):
      "write(\("\"\(write.path)\""), \("\"\(write.value)\""))"
    case .expect: "(no call) stop unless " + steps.condition(index)
    case .close(let id): "close(\(steps.name(id)))"
    case .ioctl(let receiver, let request, let arguments, _):
      ioctl(receiver, request, arguments) + results(program.steps[index].action.results)
    }
  }

  /// The call that undoes a step; `nil` if there is none.
  func undo(_ index: Int) -> StyledText? {
    switch program.undo(of: program.steps[index]) {
    case .nothing: nil
    case .close(let id): "close(\(steps.name(id)))"
    case .ioctl(let receiver, let request, let arguments): ioctl(receiver, request, arguments)
    case .releaseMemory(let file, let address, let size):
      (address.map { "munmap(\(steps.name($0)), \(hexText(size))); " } ?? "")
        + "close(\(steps.name(file)))"
    case .revert(let write): revert(write)
    }
  }

  private func open(_ path: DevicePath) -> StyledText {
    if path == .iommu, let iommufdSource {
      return "(no call) received from \(iommufdSource) before the first step"
    }
    guard case .vfioDevice(let address) = path else {
      return "open(\("\"\(StepText.path(path))\""), O_RDWR|O_CLOEXEC)"
    }
    let attribute = "/sys/bus/pci/devices/\(address)/vfio-dev/"
    return "open(\"/dev/vfio/devices/vfioN\", O_RDWR|O_CLOEXEC) /* vfioN: listed in \(attribute) */"
  }

  private func calls(
    _ memory: GuestMemory, _ file: ResultID, _ address: ResultID?
  ) -> StyledText {
    let name = steps.name(file)
    var flags = "MFD_CLOEXEC"
    if let hugePageBytes = memory.hugePageBytes {
      flags += "|MFD_HUGETLB|(\(hugePageBytes.trailingZeroBitCount) << MFD_HUGE_SHIFT)"
    }
    var calls: StyledText =
      "memfd_create(\"vfioplan-guest-memory\", \(flags)) = \(name, .strong); "
      + "ftruncate(\(name), \(hexText(memory.size)))"
    if memory.population == .eager {
      calls += "; fallocate(\(name), 0, 0, \(hexText(memory.size)))"
    }
    guard let address else { return calls }
    return calls
      + "; mmap(NULL, \(hexText(memory.size)), PROT_READ|PROT_WRITE, MAP_SHARED, \(name), 0)"
      + " = \(steps.name(address), .strong)"
  }

  private func revert(_ write: SysfsWrite) -> StyledText {
    let device = "/sys/bus/pci/devices/\(write.address)"
    let (path, value) =
      switch write {
      case .unbind(let address, let driver):
        ("/sys/bus/pci/drivers/\(driver)/bind", address.description)
      case .driverOverride: (device + "/driver_override", "\\n")
      case .probe(let address, _): (device + "/driver/unbind", address.description)
      }
    return "write(\("\"\(path)\""), \("\"\(value)\""))"
  }
}

extension SystemCallText {
  private func ioctl(
    _ receiver: ResultID, _ request: RequestDescriptor, _ arguments: [Operand]
  ) -> StyledText {
    "ioctl(\(steps.name(receiver)), " + steps.request(request)
      + argument(of: request, arguments) + ")"
  }

  private func argument(of request: RequestDescriptor, _ arguments: [Operand]) -> StyledText {
    switch request.argument {
    case .none: return ""
    case .value(let field):
      return arguments.first.map { ", \(field.name)=\(steps.text($0, for: field))" } ?? ", 0"
    case .address(_, let token):
      guard let address = arguments.first.map({ steps.text($0, for: nil) }) else { return ", NULL" }
      let option = arguments.dropFirst().first.map { " \(token.name)=\(steps.text($0, for: nil))" }
      return ", \"\(address)\(option ?? "")\""
    case .structure(let layout):
      return ", &struct \(layout.name) { \(members(of: layout, arguments)) }"
    }
  }

  /// Every member that is sent, in order, with what its bytes hold.
  private func members(of layout: StructLayout, _ arguments: [Operand]) -> String {
    var operands = arguments[...]
    var members: [String] = []
    let hasToken = if case .token? = arguments.last { true } else { false }
    let size = hasToken ? layout.size : layout.sentSize
    for field in layout.fields {
      let takes = field.takesOperand || hasToken && field.isOptional
      let operand = takes ? operands.popFirst() : nil
      guard field.offset + field.width <= size else { continue }
      let isFlags = hasToken && field.name == "flags"
      members.append(
        "\(field.name)=\(isFlags ? "TOKEN" : value(of: field, operand, size: size))")
    }
    return members.joined(separator: ", ")
  }

  private func value(of field: Field, _ operand: Operand?, size: Int) -> String {
    if case .size = field.role { return String(size) }
    if case .buffer(let layout) = field.role { return "&struct \(layout.name)" }
    let text = operand.map { steps.text($0, for: field) } ?? String(field.defaultValue ?? 0)
    return field.isOptional && operand != nil ? "&\"\(text)\"" : text
  }

  private func results(_ made: [StepResult]) -> StyledText {
    var text: StyledText = " = 0"
    if let returned = made.first(where: \.isReturned) {
      text = " = \(steps.name(returned.id), .strong)"
    }
    for (index, result) in made.filter({ !$0.isReturned }).enumerated() {
      text += "\(index == 0 ? "; " : ", ")\(result.member) = \(steps.name(result.id), .strong)"
    }
    return text
  }
}
