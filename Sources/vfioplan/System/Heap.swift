import CLinux
import Glibc
import Parser

/// The memory that large inputs take.
enum Heap {
  /// Inputs of fewer bytes are compiled in the memory, and on the thread, a process starts with.
  private static let smallInput = 4 << 20
  /// How much of a heap is set up at once, for each byte of input; only what is used counts.
  private static let growth = 16
  private static let hugePage = 2 << 20
  private static let planGrowth = 64 << 20

  /// How much of it is used in the end, at least.
  private static let use = 8
  /// How much the kernel is asked to fill at once: others wait to change what is mapped.
  private static let run = 8 << 20
  /// `MADV_POPULATE_WRITE` (Linux 5.14), which the C library need not know.
  private static let populate: Int32 = 23

  /// Memory that a large compilation is going to use.
  struct Room: Sendable {
    fileprivate let pages: Range<Int>

    /// Has the kernel clear the pages, on a thread that nobody waits for.
    ///
    /// That is a quarter of the processor time, and would be done on the thread that reads the
    /// longer file, plans and writes, while the other one has nothing to do for half of the time.
    func fill() {
      let pages = pages
      aside {
        for first in stride(from: pages.lowerBound, to: pages.upperBound, by: run) {
          let length = min(run, pages.upperBound - first)
          guard madvise(UnsafeMutableRawPointer(bitPattern: first), length, populate) == 0 else {
            return
          }
        }
      }
    }
  }

  /// Puts what a large compilation allocates on huge pages; `nil` for a small one.
  ///
  /// Every page that is touched for the first time costs a trap into the kernel, and without this
  /// there are fifty thousand of them for 100,000 devices: a tenth of the time. So all allocations
  /// come from one growing heap (`mallopt(3)`), and the kernel is told that huge pages suit it
  /// (`madvise(2)`, Linux 2.6.38). All of it is advice: where it is refused nothing changes.
  static func prepare(forInputs paths: [String]) -> Room? {
    let bytes = paths.reduce(0) { $0 + size(of: $1) }
    guard bytes > smallInput else { return nil }
    keepWhole(growingBy: bytes * growth)
    let none = Room(pages: 0..<0)
    guard let start = sbrk(0) else { return none }
    // More than what is free now, so that the heap grows by the padding above; its size is asked
    // for because a block that nobody uses would not be allocated at all.
    let block = malloc(hugePage)
    guard malloc_usable_size(block) > 0 else { return none }
    free(block)
    guard let end = sbrk(0), end > start else { return none }
    let first = (Int(bitPattern: start) + hugePage - 1) / hugePage * hugePage
    let length = Int(bitPattern: end) - first
    guard length > 0 else { return none }
    madvise(UnsafeMutableRawPointer(bitPattern: first), length, MADV_HUGEPAGE)
    let used = min(length, bytes * use) / hugePage * hugePage
    return Room(pages: first..<first + used)
  }

  /// Has what a large saved plan takes come from one heap, which keeps what is freed.
  ///
  /// Else a fifth of the pages are given back and touched for the first time once more. Huge pages
  /// gain nothing here, and cost a virtual machine whose host has to find them.
  static func prepare(forPlan path: String) {
    if size(of: path) > smallInput { keepWhole(growingBy: planGrowth) }
  }

  private static func keepWhole(growingBy bytes: Int) {
    mallopt(M_MMAP_MAX, 0)
    mallopt(M_TRIM_THRESHOLD, .max)
    mallopt(M_TOP_PAD, Int32(clamping: bytes))
  }

  private static func size(of path: String) -> Int {
    var status = stat()
    guard path != FileInput.standardInput, stat(path.systemName, &status) == 0 else { return 0 }
    return min(Int(status.st_size), 1 << 30)
  }
}
