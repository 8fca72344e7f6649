import CLinux
import Glibc
import Parser
import Planner

/// A real process whose calls are answered: its memory and its open files.
final class EmulatedProcess: SimulatedUserMemory, SimulatedMappings {
  /// Its number, that of its first thread.
  let number: pid_t
  /// What the simulator knows it by: the same object means the same process.
  private(set) lazy var memory = SimulatedMemory(of: self)
  /// Ends with it; -1 where that can't be seen.
  let end: Int32
  private unowned let files: EmulatedFiles

  /// Takes a process that runs.
  init(_ number: pid_t, _ files: EmulatedFiles) {
    self.number = number
    self.files = files
    end = open_process(number)
  }

  deinit { if end >= 0 { close(end) } }

  func read(_ address: UInt64, into bytes: UnsafeMutableRawBufferPointer) -> Int {
    guard let start = bytes.baseAddress else { return 0 }
    return move_user_bytes(number, address, start, bytes.count, 0)
  }

  func write(_ bytes: UnsafeRawBufferPointer, to address: UInt64) -> Int {
    guard let start = bytes.baseAddress else { return 0 }
    return move_user_bytes(
      number, address, UnsafeMutableRawPointer(mutating: start), bytes.count, 1)
  }

  var contents: any SimulatedUserMemory { self }

  func pin(_ start: UInt64, _ length: UInt64, takesDevices: Bool) throws(Errno) {
    let (last, overflow) = start.addingReportingOverflow(length &- 1)
    if overflow || length == 0 { throw .efault }
    let maps = open("/proc/\(number)/maps", O_RDONLY | O_CLOEXEC)
    defer { if maps >= 0 { close(maps) } }
    var next = start
    for mapping in Mappings(maps, from: start) where mapping.end > next {
      if mapping.start > next || mapping.is_accessible == 0 { throw .efault }
      if !takesDevices, files.isDevice(mapping.inode) { throw .efault }
      if mapping.end > last { return }
      next = mapping.end
    }
    throw .efault
  }
}

/// What a process has mapped from an address on, ascending, as `/proc/N/maps` says it.
private struct Mappings: Sequence, IteratorProtocol {
  private let file: Int32
  private var address: UInt64
  /// All of the text, where the kernel can't be asked for parts.
  private var bytes: [UInt8]?
  private var place = 0

  /// Begins in an open file of a process.
  init(_ file: Int32, from start: UInt64) {
    self.file = file
    address = start
  }

  mutating func next() -> process_mapping? {
    if bytes == nil {
      var mapping = process_mapping()
      let found = find_mapping(file, address, &mapping)
      address = mapping.end
      if found >= 0 { return found > 0 ? mapping : nil }
      bytes = FileText.rest(of: file)
    }
    return nextLine()
  }

  private mutating func nextLine() -> process_mapping? {
    guard byte(0) != nil else { return nil }
    let start = hex()
    place += 1
    let end = hex()
    let isAccessible = byte(1) == UInt8(ascii: "r") || byte(2) == UInt8(ascii: "w")
    // Past the rights, the offset and the device, each after one space.
    for _ in 0..<4 { skipWord() }
    var inode: UInt64 = 0
    while let digit = byte(0), digit.isDecimalDigit {
      inode = inode &* 10 &+ UInt64(digit - 48)
      place += 1
    }
    while let byte = byte(0), byte != 10 { place += 1; _ = byte }
    place += 1
    return process_mapping(
      start: start, end: end, is_accessible: isAccessible ? 1 : 0, inode: inode)
  }

  private func byte(_ offset: Int) -> UInt8? {
    guard let bytes, place + offset < bytes.count else { return nil }
    return bytes[place + offset]
  }

  private mutating func skipWord() {
    while let byte = byte(0), byte != 32 { place += 1; _ = byte }
    place += 1
  }

  private mutating func hex() -> UInt64 {
    var value: UInt64 = 0
    while let digit = byte(0).flatMap(Hex.value) {
      value = value << 4 | UInt64(digit)
      place += 1
    }
    return value
  }
}

/// Files of `/proc`, which do not say how long they are.
public enum FileText {
  /// All of a file, or not much more than so many bytes of it; nothing if it can't be read.
  static func bytes(of path: String, upTo limit: Int = .max) -> [UInt8] {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    if file < 0 { return [] }
    defer { close(file) }
    return rest(of: file, upTo: limit)
  }

  /// What is left to read of an open file.
  static func rest(of file: Int32, upTo limit: Int = .max) -> [UInt8] {
    var all: [UInt8] = []
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 1)
    defer { room.deallocate() }
    while all.count < limit {
      let length = read(file, room.baseAddress, room.count)
      if length <= 0 { break }
      all += room[..<length]
    }
    return all
  }

  /// What a link leads to; `nil` if that can't be told.
  public static func link(_ path: String) -> String? {
    (try? SystemCalls.linkBytes(path)).map { String(decoding: $0, as: UTF8.self) }
  }
}

/// The processes that made calls, by the numbers of their threads.
struct EmulatedProcesses {
  private var threads: [pid_t: EmulatedProcess] = [:]
  private var processes: [pid_t: EmulatedProcess] = [:]
  /// Whose call was the last one.
  private var latest: (thread: pid_t, process: EmulatedProcess)?

  /// The process of a thread, which waits for us; whether it is a new one.
  mutating func process(
    of thread: pid_t, _ files: EmulatedFiles
  ) -> (process: EmulatedProcess, isNew: Bool) {
    if let latest, latest.thread == thread { return (latest.process, false) }
    if let known = threads[thread] {
      latest = (thread, known)
      return (known, false)
    }
    let number = Self.first(of: thread)
    if let known = processes[number] {
      threads[thread] = known
      return (known, false)
    }
    let process = EmulatedProcess(number, files)
    processes[number] = process
    threads[thread] = process
    return (process, true)
  }

  /// Whether a thread made the last call as the first one of its process: until that has ended,
  /// nobody else has its number.
  func isFirst(_ thread: pid_t) -> Bool {
    guard let latest, latest.thread == thread else { return false }
    return latest.process.number == thread && latest.process.end >= 0
  }

  /// Forgets a process that has ended, whose numbers may be given to others.
  mutating func remove(_ process: EmulatedProcess) {
    latest = nil
    processes[process.number] = nil
    for (thread, its) in threads where its === process { threads[thread] = nil }
  }

  /// Forgets whose a thread is: another one may have its number by now.
  mutating func forget(_ thread: pid_t) {
    threads[thread] = nil
    latest = nil
  }

  /// The process whose end a descriptor of ours says.
  func process(endingWith file: Int32) -> EmulatedProcess? {
    processes.values.first { $0.end == file }
  }

  /// The number of a thread's process.
  private static func first(of thread: pid_t) -> pid_t {
    let text = String(decoding: FileText.bytes(of: "/proc/\(thread)/status"), as: UTF8.self)
    let line = text.split(separator: "\n").first { $0.hasPrefix("Tgid:") }
    let number = line?.split(separator: "\t").last
    return number.flatMap { pid_t($0) } ?? thread
  }
}
