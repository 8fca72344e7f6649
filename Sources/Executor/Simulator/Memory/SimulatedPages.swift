import Planner

/// What one request to map took: memory of the process that made it, or a file.
///
/// Copies of its mapping share it (`struct iopt_pages`, `iommufd/pages.c`).
final class SimulatedPages {
  /// Where pages come from.
  enum Source {
    /// Memory, while its process lives.
    case memory(SimulatedMemory)
    /// A file, which may be shorter.
    case file(SimulatedFile)
  }

  /// The length of the longest there may be, in bytes (`iommufd/pages.c:1377`).
  static let longest = UInt64.max - 4096

  /// Where these come from.
  let source: Source
  private var spaces: [Holder] = []
  private weak var kernel: SimulatedKernel?

  private struct Holder {
    weak var space: SimulatedIOAS?
  }

  /// Takes memory, of which nothing is pinned yet.
  init(of memory: SimulatedMemory) { source = .memory(memory) }

  /// Takes a file, which stays open as long as anything of it is mapped, by whatever number.
  init(of file: SimulatedFile, in kernel: SimulatedKernel) {
    source = .file(file)
    self.kernel = kernel
    file.references += 1
  }

  deinit { if case .file(let file) = source { kernel?.dropLater(file) } }

  /// Whether they are a file's.
  var isFile: Bool { if case .file = source { true } else { false } }

  /// Whether they are memory of a process.
  func isOf(_ memory: SimulatedMemory) -> Bool {
    if case .memory(let ours) = source { ours === memory } else { false }
  }

  /// Notes an address space that maps some of them.
  func add(_ space: SimulatedIOAS) {
    if !spaces.contains(where: { $0.space === space }) { spaces.append(Holder(space: space)) }
  }

  /// Pins a part of them, unless page tables have it pinned already.
  func pin(_ start: UInt64, _ length: UInt64) throws(Errno) {
    do throws(Errno) {
      try check(start, length)
    } catch {
      if !isPinned(start, length) { throw error }
    }
  }

  /// What lies in no memory file, or beyond its end, cannot be pinned (`memfd_pin_folios`, EINVAL).
  private func check(_ start: UInt64, _ length: UInt64) throws(Errno) {
    switch source {
    case .memory(let memory): try memory.pin(start, length)
    case .file(let file):
      guard let file = file as? SimulatedMemoryFile, start <= file.size,
        length <= file.size - start
      else { throw .einval }
    }
  }

  /// Whether page tables of any address space have every page of a part.
  private func isPinned(_ start: UInt64, _ length: UInt64) -> Bool {
    let pinned = spaces.compactMap(\.space).filter { !$0.hwpts.isEmpty }.flatMap(\.areas.areas)
      .filter { $0.pages === self }.map { Self.pages($0.source, $0.length) }
    let wanted = Self.pages(start, length)
    var next = wanted.start
    while next <= wanted.last {
      guard let range = pinned.first(where: { $0.start <= next && next <= $0.last }) else {
        return false
      }
      next = range.last + 1
    }
    return true
  }

  /// The numbers of the pages that hold a part.
  private static func pages(_ start: UInt64, _ length: UInt64) -> AddressRange {
    AddressRange(start: start / 4096, last: (start + (length - 1)) / 4096)
  }
}
