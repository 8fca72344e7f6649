import Parser

/// A piece of guest memory: a file in memory (`memfd_create(2)`) that the program makes.
public struct GuestMemory: Hashable, Sendable {
  /// Its length in bytes, a positive multiple of 4 KiB and of its huge pages.
  public var size: UInt64
  /// Size of its huge pages in bytes; `nil` for ordinary pages.
  public var hugePageBytes: UInt64?
  /// When its pages are taken from the host.
  public var population: MemoryRegion.Population

  /// Describes a piece of memory.
  public init(
    size: UInt64, hugePageBytes: UInt64? = nil, population: MemoryRegion.Population = .lazy
  ) {
    self.size = size
    self.hugePageBytes = hugePageBytes
    self.population = population
  }
}

/// What one step of a program does; the closed set of the plan format.
public enum Action: Hashable, Sendable {
  /// Opens a device node, close-on-exec, for reading and writing.
  case open(DevicePath, ResultID)
  /// Issues a request on an open file.
  ///
  /// `arguments` hold one operand for each field of the descriptor that takes one, in field order;
  /// `results` one entry for each value the request gives (fields in order, then the return value),
  /// `nil` for those nobody uses.
  case ioctl(ResultID, RequestDescriptor, arguments: [Operand], results: [ResultID?])
  /// Makes guest memory, and maps it where the interface takes addresses instead of files.
  case memory(GuestMemory, file: ResultID, address: ResultID?)
  /// Changes a device's driver.
  case sysfs(SysfsWrite)
  /// Stops the program unless an earlier result has a value, in the bits of a mask if one is given.
  case expect(ResultID, mask: UInt64?, equals: Operand)
  /// Closes an open file before the program's end.
  case close(ResultID)
}

/// One step of a program and the bytes of the description that caused it.
public struct Step: Hashable, Sendable {
  /// What it does.
  public var action: Action
  /// Why it is there: the part of the user's file it comes from.
  public var origin: SourceSpan

  /// Makes a step.
  public init(_ action: Action, origin: SourceSpan) {
    self.action = action
    self.origin = origin
  }
}

extension Action {
  /// Every errno a step can give; empty for `expect`, which asks nothing.
  public var errnos: ErrnoTable {
    switch self {
    case .open(let path, _): path.errnos
    case .ioctl(_, let request, _, _): request.errnos
    case .memory: GuestMemory.errnos
    case .sysfs(let write): write.errnos
    case .close: Self.closeErrnos
    case .expect: [:]
    }
  }

  private static let closeErrnos: ErrnoTable = [
    .ebadf: "the file is not open",
    .eio: "input or output",
  ]
}

extension GuestMemory {
  /// Every errno that making it can give.
  static let errnos: ErrnoTable = [
    .einval: "the length is not a multiple of the huge page size, or there is no such size",
    .enomem: "not enough memory, or not enough free huge pages of that size",
  ]
}
