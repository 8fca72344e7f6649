import CLinux
import Glibc
import Parser
import Planner

/// The simulated files that real processes have open, each known by its inode.
///
/// A process gets one end of a pair of sockets, and we keep the other: it hangs up when the last
/// number for it goes, in whatever process. A device is a file without a name instead, which can be
/// read, written and mapped; the kernel tells when it is closed for the last time.
final class EmulatedFiles {
  /// A file that was handed out.
  private struct Handed {
    /// What it is.
    let file: SimulatedFile
    /// Our end of the sockets, or the number of the watch.
    let end: Int32
    /// What `stat` says it is.
    let node: EmulatedNode?
    /// A device's file, opened for us; -1 for others.
    var ours: Int32 = -1
    /// What a socket is known by.
    var mark: Mark?
  }

  /// What a socket is known by.
  private struct Mark {
    /// The only set of poll that has it.
    let set: Int32
    /// Its number when it was added.
    let number: Int32
  }

  /// A number in a thread, and what it was found to stand for.
  private struct Latest {
    let thread: pid_t
    let number: Int32
    let mark: Mark
    let found: Found
  }

  /// A file that was found.
  struct Found {
    /// What it is.
    let file: SimulatedFile
    /// What `stat` says it is.
    let node: EmulatedNode?
    /// Whether the thread is for certain the one that asked before under its number, so that it
    /// still waits: its folder was open then.
    let isSameThread: Bool
    /// Whether it is the very file that was found before, not only a way to it.
    var isKnown = false
  }

  /// Where configuration space lies in a device's file, and where it ends, in bytes: region n is at
  /// n << 40.
  static let deviceBytes: UInt64 = 9 << 40

  private var handed: [Inode: Handed] = [:]
  private var ends: [Int32: Inode] = [:]
  private var watches: [Int32: Inode] = [:]
  private var devices: Set<UInt64> = []
  /// The folders in which threads that asked have their numbers.
  private var folders: [pid_t: Int32] = [:]
  /// The one that was asked for last: mostly the next call is of the same thread.
  private var latestFolder: (thread: pid_t, folder: Int32) = (-1, -1)
  /// So many of them are open at once.
  private static let mostFolders = 128
  /// What was found last, if it can be known again.
  private var latest: Latest?
  private let us = getpid()
  private let other = SimulatedOtherFile()
  private let poll: Int32
  /// What tells of devices' ends.
  let notifier: Int32

  /// Prepares handing out files whose ends are seen by a poll; the number that tells of devices.
  init(_ poll: Int32) {
    self.poll = poll
    notifier = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
    watch_file(poll, notifier, UInt32(EPOLLIN.rawValue))
  }

  /// Sees no ends any more: nobody is left.
  func end() { close_watches(notifier) }

  /// Whether something of that number says that a file is closed.
  func isEnd(_ file: Int32) -> Bool { file == notifier || ends[file] != nil }

  /// Whether an inode is that of a device's file.
  func isDevice(_ inode: UInt64) -> Bool { devices.contains(inode) }

  /// The simulated file of a number in a thread and what it looks like; `nil` if it is none of
  /// ours.
  ///
  /// A thread that is known for certain mostly asks the same file again.
  func find(_ number: Int32, of thread: pid_t, isKnown: Bool = false) -> Found? {
    if handed.isEmpty { return nil }
    if isKnown, let latest, latest.thread == thread, latest.number == number,
      is_marked_file(thread, number, us, latest.mark.set, latest.mark.number) != 0
    {
      return latest.found
    }
    var status = stat()
    var isSameThread = true
    if let folder = latestFolder.thread == thread ? latestFolder.folder : folders[thread] {
      latestFolder = (thread, folder)
      isSameThread = stat_file_in_folder(folder, number, &status) == 0
    } else {
      isSameThread = false
    }
    if !isSameThread, !openFolder(of: thread, finding: number, &status) { return nil }
    guard let one = handed[Inode(status)] else { return nil }
    if let mark = one.mark {
      let found = Found(file: one.file, node: one.node, isSameThread: true, isKnown: true)
      latest = Latest(thread: thread, number: number, mark: mark, found: found)
    }
    return Found(file: one.file, node: one.node, isSameThread: isSameThread)
  }

  /// Opens the folder of a thread anew, and finds a number in it.
  private func openFolder(of thread: pid_t, finding number: Int32, _ status: inout stat) -> Bool {
    latestFolder = (-1, -1)
    if let old = folders.removeValue(forKey: thread) { close(old) }
    let folder = open_files_of_thread(thread)
    guard folder >= 0 else { return false }
    if folders.count >= Self.mostFolders {
      for folder in folders.values { close(folder) }
      folders = [:]
    }
    folders[thread] = folder
    return stat_file_in_folder(folder, number, &status) == 0
  }

  /// What a number in a process stands for, to other files: EBADF if it is not open, or a place
  /// only (O_PATH).
  func file(_ number: Int32, of process: pid_t) throws(Errno) -> SimulatedFile {
    var status = stat()
    guard number >= 0, stat_file_of_process(process, number, &status) == 0,
      is_place_only(process, number) == 0
    else { throw .ebadf }
    if let found = handed[Inode(status)] { return found.file }
    let name = FileText.link("/proc/\(process)/fd/\(number)") ?? ""
    if name == "anon_inode:[eventfd]" {
      let event = EmulatedEvent(number, of: process)
      return SimulatedEventFile(onSignal: event.signal)
    }
    guard status.st_mode & S_IFMT == S_IFREG, name.hasPrefix("/memfd:") else { return other }
    return SimulatedMemoryFile(size: UInt64(max(status.st_size, 0)))
  }

  /// Gives a file to the process of a call; its number there, or the errno of a failure.
  func hand(
    _ file: SimulatedFile, as node: EmulatedNode?, to call: EmulatedCall, closesOnExec: Bool
  ) throws(Errno) -> Int32 {
    let isDevice = file is SimulatedDeviceFile
    var ours: Int32 = -1
    let (theirs, end) = isDevice ? try unseenFile(&ours) : try pair()
    defer { close(theirs) }
    var status = stat()
    fstat(theirs, &status)
    let inode = Inode(status)
    // Not after the program has it: it might be closed by then.
    let set = isDevice ? -1 : mark_file(theirs)
    let number = add_file(call.listener, call.id, theirs, closesOnExec ? 1 : 0)
    let errno = Errno(rawValue: Glibc.errno)
    if number < 0 {
      if isDevice { inotify_rm_watch(notifier, end) } else { close(end) }
      for file in [ours, set] where file >= 0 { close(file) }
      throw errno
    }
    let mark = set < 0 ? nil : Mark(set: set, number: theirs)
    handed[inode] = Handed(file: file, end: end, node: node, ours: ours, mark: mark)
    if isDevice {
      watches[end] = inode
      devices.insert(inode.number)
    } else {
      ends[end] = inode
      watch_file(poll, end, 0)
    }
    return number
  }

  /// Shows bytes of a device to those who have this file of it, at an offset.
  func show(_ bytes: [UInt8], at offset: UInt64, in file: SimulatedFile) {
    for one in handed.values where one.file === file && one.ours >= 0 {
      pwrite(one.ours, bytes, bytes.count, off_t(offset))
    }
  }

  /// The files that were closed, of which a number of the poll tells.
  func closed(_ number: Int32) -> [SimulatedFile] {
    if number != notifier {
      guard let inode = ends.removeValue(forKey: number) else { return [] }
      close(number)
      guard let found = handed.removeValue(forKey: inode) else { return [] }
      latest = nil
      if let mark = found.mark { close(mark.set) }
      return [found.file]
    }
    var room = [Int32](repeating: -1, count: 64)
    let count = closed_watches(notifier, &room, Int32(room.count))
    return room[..<Int(count)].compactMap { watch in
      guard let inode = watches.removeValue(forKey: watch) else { return nil }
      devices.remove(inode.number)
      guard let found = handed.removeValue(forKey: inode) else { return nil }
      close(found.ours)
      return found.file
    }
  }

  /// What is open, by name.
  var labels: [String] { handed.values.map(\.file.label).sorted() }

  private func pair() throws(Errno) -> (theirs: Int32, ours: Int32) {
    var numbers: [Int32] = [-1, -1]
    guard socket_pair(&numbers) == 0 else { throw Errno(rawValue: errno) }
    tell_of_file(numbers[1])
    return (numbers[0], numbers[1])
  }

  private func unseenFile(_ ours: inout Int32) throws(Errno) -> (theirs: Int32, watch: Int32) {
    let file = open_unseen("vfio-device", Self.deviceBytes, &ours)
    if file < 0 { throw Errno(rawValue: errno) }
    let watch = watch_end_of_file(notifier, file)
    if watch >= 0 { return (file, watch) }
    let error = errno
    close(file)
    close(ours)
    throw Errno(rawValue: error)
  }
}

/// An eventfd of a process, as long as a device may signal it.
private final class EmulatedEvent {
  private let file: Int32

  /// Takes a process's eventfd, if that may be taken.
  init(_ number: Int32, of process: pid_t) {
    let handle = open_process(process)
    file = take_file(handle, number)
    if handle >= 0 { close(handle) }
  }

  deinit { if file >= 0 { close(file) } }

  func signal() { signal_event(file) }
}

/// What a file is on its file system.
struct Inode: Hashable {
  /// The file system.
  let device: UInt64
  /// Its number there.
  let number: UInt64

  /// Takes what `stat` says.
  init(_ status: stat) {
    device = UInt64(status.st_dev)
    number = UInt64(status.st_ino)
  }
}

/// A call of a program that waits for its answer.
struct EmulatedCall {
  /// Where it is answered.
  let listener: Int32
  /// Its number there.
  let id: UInt64
  /// The thread that made it.
  let thread: pid_t
  /// The number of the system call.
  let number: Int32
  /// Its arguments.
  let arguments: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)
}

/// What a file of the emulated machine looks like to `stat`.
struct EmulatedNode: Hashable {
  /// Kind and rights.
  var mode: UInt32
  /// The number of the device.
  var device: UInt64

  /// A character device that everybody of the machine may use.
  init(major: UInt32, minor: UInt32) {
    mode = S_IFCHR | 0o666
    device = device_number(major, minor)
  }
}
