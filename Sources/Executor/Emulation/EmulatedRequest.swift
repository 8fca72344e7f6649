import Parser
import Planner

/// What requests are called, for logs and faults.
enum EmulatedRequest {
  /// Requests by which a program lets something go: what there is is looked at before.
  ///
  /// `VFIO_GROUP_UNSET_CONTAINER`, `VFIO_IOMMU_UNMAP_DMA`, `VFIO_DEVICE_ATTACH_IOMMUFD_PT` and
  /// `..._DETACH_...`, `IOMMU_DESTROY`, `IOMMU_IOAS_UNMAP`, `KVM_SET_DEVICE_ATTR`.
  private static let takingAway: Set<UInt32> = [
    0x3b69, 0x3b72, 0x3b77, 0x3b78, 0x3b80, 0x3b86, 0x4018_aee1,
  ]

  /// Whether a request may end what there is.
  static func takesAway(_ command: UInt32) -> Bool { takingAway.contains(command) }

  /// The kernel's name of a request on a file; its number if nobody knows it.
  static func name(of command: UInt32, on file: SimulatedFile) -> String {
    file.name(of: command) ?? hexText(UInt64(command))
  }

  /// A request with its members, those that the kernel fills last.
  static func line(
    _ command: UInt32, on file: SimulatedFile, _ argument: SimulatedArgument
  ) -> String {
    let name = name(of: command, on: file)
    var words = ["ioctl \(file.label): \(name)"]
    guard let request = RequestRegistry.request(named: name) else { return words[0] }
    switch request.argument {
    case .structure(let layout):
      let end = layout.fields.first?.role == .size ? argument.statedSize : .max
      words += layout.fields.filter { $0.offset + $0.width <= end }
        .compactMap { text(of: $0, argument) }
    case .value(let field): words.append("\(field.name)=\(argument.value)")
    case .address: words.append((try? argument.text()) ?? "")
    case .none: break
    }
    return words.joined(separator: " ")
  }

  private static func text(of field: Field, _ argument: SimulatedArgument) -> String? {
    switch field.role {
    case .size, .reserved, .buffer, .token: return nil
    case .number(let constants):
      return "\(field.name)="
        + text(argument.number(at: field.offset, width: field.width), constants)
    case .pointerToFile:
      let number = argument.targetWindow(at: field.offset)?.number(at: 0, width: 4) ?? 0
      return "\(field.name)=\(number)"
    default:
      return "\(field.name)="
        + text(argument.number(at: field.offset, width: field.width), .none)
    }
  }

  private static func text(_ number: UInt64, _ constants: Constants) -> String {
    let plain = number > 0xffff ? hexText(number) : String(number)
    if !constants.areFlags {
      return constants.names.first { $0.value == number }?.name ?? plain
    }
    let bits = constants.names.filter { $0.value != 0 && number & $0.value == $0.value }
    let known = bits.reduce(0) { $0 | $1.value }
    if number == 0 || known != number { return plain }
    return bits.map(\.name).joined(separator: "|")
  }
}

/// A call that fails without being made.
public struct EmulatedFault: Hashable, Sendable {
  /// The kernel's name of a request, or `open`.
  public var request: String
  /// Which of the calls of that name, from 1 on; `nil` for all of them.
  public var position: Int?
  /// What it fails with.
  public var errno: Errno

  /// Names a call.
  public init(request: String, position: Int?, errno: Errno) {
    self.request = request
    self.position = position
    self.errno = errno
  }
}
