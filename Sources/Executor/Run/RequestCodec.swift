import Parser
import Planner

/// Turns requests into the bytes the kernel reads and its answers back into values.
///
/// The only code that knows byte order: everything is little-endian, as on x86-64 and arm64.
public enum RequestCodec {
  /// Encodes the argument of a request.
  ///
  /// `arguments` are laid out as in `Action.ioctl`: one operand per field that takes one; `values`
  /// holds what the steps so far have made, by result. An operand left out stands for the field's
  /// default.
  public static func encode(
    _ request: RequestDescriptor, _ arguments: [Operand], values: [UInt64]
  ) -> IoctlArgument {
    switch request.argument {
    case .none: .none
    case .value(let field):
      .value(arguments.first.map { resolve($0, values: values) } ?? field.defaultValue ?? 0)
    case .address: .bytes(text(arguments), pointers: [])
    case .structure(let layout): encode(layout, arguments, values: values)
    }
  }

  /// The values a request gave: its output fields in order, then what the call returned.
  ///
  /// A field beyond the bytes that were sent reads as zero.
  public static func decode(
    _ request: RequestDescriptor, _ argument: IoctlArgument, returned: Int32
  ) -> [UInt64] {
    var values: [UInt64] = []
    if case .structure(let layout) = request.argument,
      case .bytes(let bytes, let pointers) = argument
    {
      decode(layout, bytes, pointers, into: &values)
    }
    if request.returns != .zero { values.append(UInt64(UInt32(bitPattern: returned))) }
    return values
  }

  /// The number an operand stands for; memory offsets wrap, as addresses do.
  ///
  /// A PCI address is text, a token bytes, never a number; where they stand for one all the same it
  /// is 0.
  public static func resolve(_ operand: Operand, values: [UInt64]) -> UInt64 {
    switch operand {
    case .literal(let number): number
    case .result(let id): values[Int(id.index)]
    case .memory(let id, let offset): values[Int(id.index)] &+ offset
    case .address, .token: 0
    }
  }

  private static func decode(
    _ layout: StructLayout, _ bytes: [UInt8], _ pointers: [IoctlArgument.Pointer],
    into values: inout [UInt64]
  ) {
    for field in layout.fields {
      if case .buffer(let inner) = field.role {
        let room = pointers.first { $0.offset == field.offset }?.bytes ?? []
        decode(inner, room, [], into: &values)
      } else if field.givesResult {
        values.append(bytes.littleEndian(at: field.offset, width: field.width))
      }
    }
  }

  private static func encode(
    _ layout: StructLayout, _ arguments: [Operand], values: [UInt64]
  ) -> IoctlArgument {
    var token: VFToken?
    if case .token(let given)? = arguments.last { token = given }
    let size = token == nil ? layout.sentSize : layout.size
    var bytes = [UInt8](repeating: 0, count: size)
    var pointers: [IoctlArgument.Pointer] = []
    var position = 0
    for field in layout.fields {
      var value = field.defaultValue ?? 0
      if field.role == .size {
        value = UInt64(size)
      } else if field.takesOperand {
        if position < arguments.count { value = resolve(arguments[position], values: values) }
        position += 1
      }
      switch field.role {
      case .reserved: break
      case .token(let flag):
        guard let token else { break }
        pointers.append(.init(offset: field.offset, bytes: token.bytes))
        bytes.setLittleEndian(bytes.littleEndian(at: 4, width: 4) | flag, at: 4, width: 4)
      case .pointerToFile:
        pointers.append(.init(offset: field.offset, bytes: descriptorNumber(value)))
      case .buffer(let inner):
        let room = [UInt8](repeating: 0, count: inner.size)
        pointers.append(.init(offset: field.offset, bytes: room))
      default: bytes.setLittleEndian(value, at: field.offset, width: field.width)
      }
    }
    return .bytes(bytes, pointers: pointers)
  }

  private static func descriptorNumber(_ value: UInt64) -> [UInt8] {
    var bytes: [UInt8] = [0, 0, 0, 0]
    bytes.setLittleEndian(value, at: 0, width: 4)
    return bytes
  }

  /// An address, and behind it the option that vfio-pci knows (`vfio_pci_core_match`).
  private static func text(_ arguments: [Operand]) -> [UInt8] {
    guard case .address(let address)? = arguments.first else { return [0] }
    var text = address.description
    if case .token(let token)? = arguments.last { text += " vf_token=\(token)" }
    return Array(text.utf8) + [0]
  }
}

extension [UInt8] {
  /// Little-endian numbers of 1 to 8 bytes each, one behind the other.
  init(littleEndian fields: [(value: UInt64, width: Int)]) {
    self = []
    for field in fields {
      self += [UInt8](repeating: 0, count: field.width)
      setLittleEndian(field.value, at: count - field.width, width: field.width)
    }
  }

  /// Reads a little-endian number of 1 to 8 bytes; bytes beyond the end read as zero.
  func littleEndian(at offset: Int, width: Int) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<width where offset + index < count {
      value |= UInt64(self[offset + index]) << UInt64(8 * index)
    }
    return value
  }

  /// Writes a little-endian number of 1 to 8 bytes; bytes beyond the end are dropped.
  mutating func setLittleEndian(_ value: UInt64, at offset: Int, width: Int) {
    for index in 0..<width where offset + index < count {
      self[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
    }
  }
}
