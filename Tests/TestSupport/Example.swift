/// A VM description of examples/, with the host its comment names.
public struct Example: Hashable, Sendable, CustomStringConvertible {
  /// The file's name without `.yaml`.
  public var name: String
  /// The VM file, relative to the package.
  public var vmPath: String
  /// The host file, relative to the package; empty if the comment names none.
  public var hostPath: String
  /// The text of the VM file.
  public var text: String

  /// How a test case shows it.
  public var description: String { name }

  /// Every example of a VM, by name.
  public static let all: [Example] = PackageFiles.entries("examples")
    .filter { $0.hasSuffix(".yaml") }.map(Example.init(file:))
    .filter { $0.text.contains("\nkind: VM\n") }

  /// The example of that name.
  public static func named(_ name: String) -> Example { Example(file: name + ".yaml") }

  /// The targets an example is tried on, in the order they are documented.
  public static let targets = ["ioasid", "iommufd", "type1"]

  private init(file: String) {
    name = String(file.dropLast(".yaml".count))
    vmPath = "examples/" + file
    text = (try? PackageFiles.text(vmPath)) ?? ""
    let host = text.split(separator: "\n").first { $0.hasPrefix("# host: ") }
    hostPath = host.map { "examples/" + $0.dropFirst("# host: ".count) } ?? ""
  }
}
