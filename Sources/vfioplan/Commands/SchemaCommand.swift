import ArgumentParser
import Parser

/// `vfioplan schema`: the JSON Schema of a file format.
struct SchemaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema", _superCommandName: "vfioplan",
    abstract: "Print the JSON Schema of a file format, for editors and validators.")

  /// A format of files, or of what is written to standard output or error.
  enum Kind: String, ExpressibleByArgument, CaseIterable {
    case vm
    case host
    case policy
    case plan
    case run
    case vmm
    case check
    case diagnostics
    case diff
    case status
    case nfd
    case cdi
    case hosts
    case emulate

    /// The schema as it lies in schemas/; that of a file that is read by a table comes from there.
    var schema: [UInt8] {
      switch self {
      case .vm: Array(VMKeys.schema.utf8)
      case .host: Array(HostKeys.schema.utf8)
      case .policy: Array(PolicyKeys.schema.utf8)
      case .plan: PackageResources.plan_schema_json
      case .run: PackageResources.run_schema_json
      case .vmm: PackageResources.vmm_schema_json
      case .check: PackageResources.check_schema_json
      case .diagnostics: PackageResources.diagnostics_schema_json
      case .diff: PackageResources.diff_schema_json
      case .status: PackageResources.status_schema_json
      case .nfd: PackageResources.nfd_schema_json
      case .cdi: PackageResources.cdi_schema_json
      case .hosts: PackageResources.hosts_schema_json
      case .emulate: PackageResources.emulate_schema_json
      }
    }
  }

  @Argument(help: "The format: \(Kind.allCases.map(\.rawValue).joined(separator: ", ")).")
  var kind: Kind

  @OptionGroup var options: OutputOptions

  func run() {
    options.style.run { (_) throws(CommandFailure) in
      try Destination.standard.write(bytes: kind.schema)
      return .done
    }
  }
}
