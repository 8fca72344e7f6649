import Executor
import Parser
import Planner

/// A running VMM, whose command line and open files tell what it was given.
struct ProcessInput {
  private let number: Int32

  /// Takes a process by its number.
  init(_ number: Int32) { self.number = number }

  /// Reads the process as a configuration.
  func loaded(from kind: VMMClause.Kind?) throws(CommandFailure) -> Loaded<ImportedVM> {
    let path = "/proc/\(number)/cmdline"
    let bytes: [UInt8]
    do throws(SystemError) { bytes = try FileInput.bytes(of: path) } catch {
      throw failure("can't read its command line: \(error.message)", .inputUnreadable)
    }
    let file = SourceFile(id: .vm, name: path, bytes: bytes)
    guard !bytes.isEmpty, let kind = kind ?? ImportReader.kind(of: file) else {
      throw failure("its command line is not one of QEMU or cloud-hypervisor", .cannotCompile)
    }
    var read = try Inputs.imported(file, from: kind, fileAddress: address).get()
    // What has no name of its own is called as its file, which all processes have.
    if read.value.vm.name == "cmdline" { read.value.vm.name = "pid-\(number)" }
    return read
  }

  private func failure(_ reason: String, _ status: ExitCode) -> CommandFailure {
    CommandFailure([ImportDiagnostics.process(number, reason)], status)
  }

  /// Of which device an open file is: `/dev/vfio/devices/vfioN`, whose device sysfs tells.
  private func address(_ file: String) -> BDF? {
    guard let number = Int(file), let node = FileText.link("/proc/\(self.number)/fd/\(number)"),
      let name = node.split(separator: "/").last, name.hasPrefix("vfio")
    else { return nil }
    let device = FileText.link("/sys/class/vfio-dev/\(name)/device")
    return device?.split(separator: "/").last.flatMap { BDF($0) }
  }
}
