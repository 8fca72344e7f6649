import ArgumentParser
import Parser
import Planner

/// `unix:PATH`, a unix socket on the command line.
struct SocketPath: CustomStringConvertible {
  /// The path alone; short enough for a socket.
  let path: String

  var description: String { "unix:\(path)" }

  /// Reads what was typed.
  init(argument: String) throws(ValidationError) {
    let prefix = "unix:"
    guard argument.hasPrefix(prefix) else { throw ValidationError("it has to begin with unix:") }
    path = String(argument.dropFirst(prefix.count))
    guard (1...UnixSocket.maximumPathBytes).contains(path.systemBytes.count) else {
      throw ValidationError("a socket's path has 1 to \(UnixSocket.maximumPathBytes) bytes")
    }
  }
}

/// The sockets that open files go through.
struct SocketOptions: ParsableArguments {
  @Option(
    name: .customLong("send-fds"),
    help: ArgumentHelp(
      "Hand the open files to the process that connects to this socket, and hold the plan until it "
        + "closes the connection; for root and the own user.",
      valueName: "unix:path"),
    transform: SocketPath.init(argument:))
  var sendFiles: SocketPath?

  @Option(
    help: ArgumentHelp(
      "Hand the iommufd alone to the process that connects to this socket within 60 seconds, as "
        + "KubeVirt's plugins do: anybody may connect, its mode is 0666.",
      valueName: "unix:path"),
    transform: SocketPath.init(argument:))
  var sendIOMMUFD: SocketPath?

  @Option(
    help: ArgumentHelp(
      "Take the iommufd from the process that serves this socket in place of opening /dev/iommu, "
        + "as KubeVirt's launcher does.",
      valueName: "unix:path"),
    transform: SocketPath.init(argument:))
  var iommufdFrom: SocketPath?

  /// Whether files go to a process that is not started by us.
  var isSending: Bool { sendFiles != nil || sendIOMMUFD != nil }

  func validate() throws {
    if sendFiles != nil, sendIOMMUFD != nil {
      throw ValidationError("--send-fds and --send-iommufd exclude each other.")
    }
  }

  /// What goes to another process; `nil` if nothing does.
  func server(of program: Program) -> FileServer? {
    if let sendIOMMUFD { return FileServer(of: .iommufd, in: program, at: sendIOMMUFD) }
    return sendFiles.map { FileServer(of: .all, in: program, at: $0) }
  }

  /// The plan as it is run with these options; an iommufd is sent or received only if it has one.
  func adapted(_ plan: CompiledPlan) throws(CommandFailure) -> CompiledPlan {
    if sendIOMMUFD ?? iommufdFrom != nil,
      !plan.program.results.contains(where: { $0.kind == .iommufd })
    {
      throw .noIOMMUFD(target: plan.plan.target)
    }
    let plan = isSending ? plan.leavingKVMToCommand : plan
    return iommufdFrom == nil ? plan : plan.receivingIOMMUFD
  }
}
