import Parser
import Planner

/// DMA that a device of an emulated machine does because somebody wants to see it.
public struct EmulatedDMA: Hashable, Sendable {
  /// The device.
  public var device: BDF
  /// The first address it asks for.
  public var address: UInt64
  /// How many bytes it reads, or the bytes it writes.
  public var deed: Deed

  /// What it does.
  public enum Deed: Hashable, Sendable {
    /// It reads so many bytes.
    case read(Int)
    /// It writes bytes.
    case write([UInt8])
  }

  /// Describes what a device does.
  public init(device: BDF, address: UInt64, deed: Deed) {
    self.device = device
    self.address = address
    self.deed = deed
  }

  /// How many bytes there are.
  public var count: Int {
    switch deed {
    case .read(let count): count
    case .write(let bytes): bytes.count
    }
  }

  /// Whether memory is written.
  public var isWrite: Bool { if case .write = deed { true } else { false } }
}

/// What became of a device's DMA.
public struct EmulatedTransfer: Hashable, Sendable {
  /// A part of it, in one piece of a program's memory.
  public struct Piece: Hashable, Sendable {
    /// Its address in the program.
    public var address: UInt64
    /// How many bytes it has.
    public var count: Int
  }

  /// Why it does not reach memory.
  public enum Fault: String, Hashable, Sendable {
    /// The device is attached to nothing.
    case detached = "the device is on no page table"
    /// Nothing is mapped there.
    case unmapped = "nothing is mapped there"
    /// It may be read only.
    case readOnly = "it is mapped for reading only"
    /// A mapping without any right.
    case inaccessible = "it is mapped for neither reading nor writing"
    /// A file that the program has mapped from, not from its memory.
    case file = "it is mapped from a file, which is not followed"
    /// The process has ended, or its memory is unmapped by now.
    case gone = "the program's memory is gone"
  }

  /// What the device does.
  public var request: EmulatedDMA
  /// What was read or written.
  public var bytes: [UInt8] = []
  /// Where in the program that is.
  public var pieces: [Piece] = []
  /// Whether caches see it even if the device asks that they do not.
  ///
  /// That is so if it can't ask, or if its page table ignores that it does. What nobody knows
  /// counts as in the kernel.
  public var isSnooped = true
  /// Why it failed; `nil` if it did not.
  public var fault: Fault?
  /// The address at which it failed.
  public var faultAddress: UInt64?
}

/// What a device wants to do, and what became of it so far.
struct PendingDMA {
  /// The latest outcome.
  private(set) var transfer: EmulatedTransfer
  private var mappedBytes: UInt64 = 0

  /// Nothing has happened yet.
  init(_ request: EmulatedDMA) {
    transfer = EmulatedTransfer(request: request, fault: .detached)
  }

  /// Has the device do it: again as long as it fails, and a read whenever no less is mapped.
  mutating func attempt(in kernel: SimulatedKernel) {
    let isDone = transfer.fault == nil
    if isDone, transfer.request.isWrite { return }
    guard let device = kernel.host.device(transfer.request.device),
      let table = kernel.table(of: device), table.areas.byteCount >= mappedBytes
    else { return }
    let new = kernel.transfer(transfer.request, by: device, through: table)
    if isDone, new.fault != nil { return }
    transfer = new
    mappedBytes = table.areas.byteCount
  }
}

extension SimulatedKernel {
  /// A page table as devices see it.
  struct TableView {
    /// What it maps.
    var areas: SimulatedAreas
    /// Whether it ignores no-snoop.
    var enforcesSnoop: Bool
  }

  /// The page table a device is on.
  fileprivate func table(of index: Int) -> TableView? {
    let device = host.devices[index]
    if let table = device.hwpt {
      return TableView(areas: table.ioas.areas, enforcesSnoop: table.enforcesSnoop)
    }
    if let table = device.ioasid {
      return TableView(areas: table.areas, enforcesSnoop: table.enforcesSnoop)
    }
    guard let domain = domain(of: device) else { return nil }
    let table = openFiles.all.lazy.flatMap(\.pageTables).first { $0.object === domain }
    return table.map { TableView(areas: $0.areas, enforcesSnoop: $0.enforcesSnoop) }
  }

  /// Does what a device wants through its page table.
  fileprivate func transfer(
    _ request: EmulatedDMA, by index: Int, through table: TableView
  ) -> EmulatedTransfer {
    var transfer = EmulatedTransfer(request: request)
    let device = host.devices[index]
    if let unit = device.unit {
      transfer.isSnooped = !CoherencyModel.isEffective(
        canNoSnoop: device.canNoSnoop, tableEnforces: table.enforcesSnoop, unit: host.units[unit])
    }
    var places: [(memory: SimulatedMemory, piece: EmulatedTransfer.Piece)] = []
    var next = request.address
    var left = request.count
    while left > 0 {
      switch table.areas.place(of: next, count: left, isWrite: request.isWrite) {
      case .failure(let fault):
        (transfer.fault, transfer.faultAddress) = (fault, next)
        return transfer
      case .success(let place):
        places.append(place)
        next &+= UInt64(place.piece.count)
        left -= place.piece.count
      }
    }
    transfer.move(places)
    return transfer
  }
}

extension EmulatedTransfer {
  /// Moves the bytes.
  fileprivate mutating func move(_ places: [(memory: SimulatedMemory, piece: Piece)]) {
    pieces = places.map(\.piece)
    for (memory, piece) in places {
      do throws(Errno) {
        switch request.deed {
        case .read: bytes += try memory.read(piece.address, UInt64(piece.count))
        case .write(let all):
          let part = Array(all[bytes.count..<bytes.count + piece.count])
          try memory.write(part, to: piece.address)
          bytes += part
        }
      } catch {
        (fault, faultAddress) = (.gone, request.address &+ UInt64(bytes.count))
        return
      }
    }
  }
}

extension EmulatedTransfer.Fault: Error {}

extension SimulatedAreas {
  /// Where in memory an address leads to, with as many bytes as lie there in one piece.
  fileprivate func place(
    of address: UInt64, count: Int, isWrite: Bool
  ) -> Result<(memory: SimulatedMemory, piece: EmulatedTransfer.Piece), EmulatedTransfer.Fault> {
    let index = firstIndex(endingAtOrAfter: address)
    guard index < areas.count, areas[index].range.start <= address else {
      return .failure(.unmapped)
    }
    let area = areas[index]
    if !area.isAccessible { return .failure(.inaccessible) }
    if isWrite, !area.isWriteable { return .failure(.readOnly) }
    if !area.hasSource { return .failure(.gone) }
    if let pages = area.pages, pages.isFile { return .failure(.file) }
    guard let memory = area.memory else { return .failure(.gone) }
    let rest = area.range.last - address
    let size = rest < UInt64(count) ? Int(rest) + 1 : count
    return .success(
      (memory, .init(address: area.source &+ (address - area.range.start), count: size)))
  }
}

extension SimulatedArea {
  /// The memory of a process that it maps, if it does.
  fileprivate var memory: SimulatedMemory? {
    if case .memory(let memory)? = pages?.source { return memory }
    return pinned?.memory
  }
}
