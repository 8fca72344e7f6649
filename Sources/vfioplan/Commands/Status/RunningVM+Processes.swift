import Executor
import Parser

extension RunningVM {
  /// The VMs of processes that are VMMs, by number of the process; what can't be told is left out.
  ///
  /// The process's command line and open files are read, and the rule of its VMM applied to them.
  static func all(of users: [VFIOUsers.User]) -> [String: RunningVM] {
    let processes = users.map(\.holder.process)
    let loaded = processes.compactMap { process in
      Int32(process).flatMap { try? ProcessInput($0).loaded(from: nil) }.map { (process, $0) }
    }
    guard !loaded.isEmpty, let host = try? Inputs.thisMachine(.host) else { return [:] }
    let found = loaded.compactMap { process, vm in
      RunningVM(vm.value.vm, on: host.value).map { (process, $0) }
    }
    return Dictionary(found, uniquingKeysWith: { first, _ in first })
  }
}
