import Planner

/// An open file of the simulated kernel: a struct file with its reference count.
///
/// Subclasses give each interface its requests and say what happens when the last reference goes.
class SimulatedFile {
  /// The descriptor numbers, files and lists that keep it open.
  final var references = 1
  /// Its place in the list of open files.
  final var position = 0

  /// What it is, for reports.
  var label: String { "file" }

  /// Answers a request.
  func ioctl(
    _ command: UInt32, _ argument: inout SimulatedArgument, in kernel: SimulatedKernel
  ) throws(Errno) -> Int32 {
    throw .enotty
  }

  /// The kernel's name of a request on it; `nil` if nobody knows it.
  func name(of command: UInt32) -> String? { nil }

  /// What reports call the objects inside of it.
  var objectNames: [String] { [] }

  /// Its page tables, in the order they were made.
  var pageTables: [SimulatedPageTable] { [] }

  /// How many bytes it has pinned that count against RLIMIT_MEMLOCK by its mappings (§4.6).
  var pinnedBytes: UInt64 { 0 }

  /// Frees what the file keeps; called once, when the last reference is gone.
  func release(in kernel: SimulatedKernel) {}

  /// Its identity as an owner of DMA.
  final var id: ObjectIdentifier { ObjectIdentifier(self) }
}

/// A page table of a file, as reports and devices see it.
struct SimulatedPageTable {
  /// What it is, by which devices know it.
  let object: AnyObject
  /// What reports call it.
  let name: String
  /// Whether it ignores no-snoop.
  let enforcesSnoop: Bool
  /// What it maps.
  let areas: SimulatedAreas
}

/// `/dev/null`: a file that is none of VFIO's, iommufd's or KVM's.
final class SimulatedOtherFile: SimulatedFile {}

/// Numbers that real processes have of simulated files.
protocol SimulatedNumbers: AnyObject {
  /// The file of a number of the calling process.
  func file(_ number: Int32) throws(Errno) -> SimulatedFile
  /// Gives a file a number in the calling process.
  func add(_ file: SimulatedFile) -> Int32
}

/// The open files of the simulated process, by descriptor number.
struct SimulatedFileTable {
  /// Where numbers are looked up instead, if a real process makes the calls.
  var outside: (any SimulatedNumbers)?
  private var files: [SimulatedFile?] = [nil, nil, nil]  // 0 to 2 are taken, by nothing of ours
  private var lowestFree = 3

  /// The files that are open, by ascending number.
  var open: [(number: Int32, file: SimulatedFile)] {
    files.indices.compactMap { index in files[index].map { (Int32(index), $0) } }
  }

  /// Gives a file the lowest free number.
  mutating func add(_ file: SimulatedFile) -> Int32 {
    if let outside { return outside.add(file) }
    while lowestFree < files.count, files[lowestFree] != nil { lowestFree += 1 }
    if lowestFree == files.count { files.append(file) } else { files[lowestFree] = file }
    lowestFree += 1
    return Int32(lowestFree - 1)
  }

  /// The file of a number.
  func file(_ number: Int32) throws(Errno) -> SimulatedFile {
    if let outside { return try outside.file(number) }
    guard number >= 0, Int(number) < files.count, let file = files[Int(number)] else {
      throw .ebadf
    }
    return file
  }

  /// Frees a number and returns the file it stood for.
  mutating func remove(_ number: Int32) throws(Errno) -> SimulatedFile {
    let file = try file(number)
    files[Int(number)] = nil
    lowestFree = min(lowestFree, Int(number))
    return file
  }
}
