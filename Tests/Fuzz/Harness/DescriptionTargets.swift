@testable import Executor
import Parser
import Planner

/// Descriptions in YAML: read, compiled for every target, run, saved, read back.
enum DescriptionTargets {
  /// A VM description; a comment `# host: NAME` says which example's host it is for.
  static func vm(_ bytes: [UInt8]) {
    let file = SourceFile(id: .vm, name: "vm.yaml", bytes: bytes)
    guard let vm = read(file, DescriptionReader.vm) else { return }
    let host = Examples.named("host", in: bytes, of: Examples.hosts)
    compile(vm, host.value, [file, host.file])
  }

  /// A host description; a comment `# vm: NAME` says which example is to run on it.
  static func host(_ bytes: [UInt8]) {
    let file = SourceFile(id: .host, name: "host.yaml", bytes: bytes)
    guard let host = read(file, DescriptionReader.host) else { return }
    let written = HostJSON.document(host).bytes
    let again = read(SourceFile(id: .host, name: "json", bytes: written), DescriptionReader.host)
    law(again.map { HostJSON.document($0).bytes } == written, "a host is read back as another one")
    let vm = Examples.named("vm", in: bytes, of: Examples.vms)
    compile(vm.value, host, [vm.file, file])
  }

  /// A policy, for the VM of an example that its length chooses, with nothing said of its devices.
  static func policy(_ bytes: [UInt8]) {
    let file = SourceFile(id: .policy, name: "policy.yaml", bytes: bytes)
    guard let policy = read(file, DescriptionReader.policy) else { return }
    let written = json(policy)
    let saved = SourceFile(id: .policy, name: "json", bytes: written)
    let again = read(saved, DescriptionReader.policy)
    law(again.map(json) == written, "a policy is read back as another one")
    let vm = Examples.vms[bytes.count % Examples.vms.count]
    let host = Examples.host(of: vm)
    compile(vm.value.withoutIntents, host.value, [vm.file, host.file, file], policy)
  }

  private static func json(_ policy: Policy) -> [UInt8] {
    var writer = JSONWriter()
    PolicyJSON.write(policy, to: &writer)
    writer.endText()
    return writer.bytes
  }

  /// Reads a file; checks what is said of it.
  static func read<Value>(
    _ file: SourceFile,
    _ decode: (YAMLTree, inout DiagnosticSink) throws(DiagnosticsError) -> Value
  ) -> Value? {
    PlainListLaw.check(file)
    var sink = DiagnosticSink()
    defer { FindingLaws.check(sink.diagnostics, in: [file]) }
    do throws(DiagnosticsError) {
      let value = try decode(try DescriptionReader.tree(of: file, into: &sink), &sink)
      law(!sink.hasErrors, "accepted in spite of errors")
      law(!ProgramTextReader.recognizes(file), "taken for a program")
      return value
    } catch {
      law(sink.hasErrors, "refused without an error")
      return nil
    }
  }

  private static func compile(
    _ vm: VMDescription, _ host: HostDescription, _ files: [SourceFile],
    _ policy: Policy = Policy()
  ) {
    // One target an input, for speed; which one changes with every byte more or less.
    let salt = files.reduce(0) { $0 + $1.bytes.count }
    let dialect = Dialects.all[salt % Dialects.all.count]
    var sink = DiagnosticSink()
    do throws(DiagnosticsError) {
      let compiled = try Compilation.compile(
        vm, on: host, dialect: dialect, policy: policy, into: &sink)
      PlanLaws.check(compiled, salt: salt)
      PlanLaws.checkForms(compiled, files: files, salt: salt)
      // A front may be as large as a plan is slow.
      if vm.devices.count <= 6 {
        _ = try Compilation.paretoFront(
          vm, on: host, target: dialect.name, policy: policy, into: &sink)
      }
    } catch {
      law(sink.hasErrors, "refused without an error")
    }
    FindingLaws.check(sink.diagnostics, in: files)
  }
}

extension VMDescription {
  /// The same VM with devices about which nothing is said.
  fileprivate var withoutIntents: VMDescription {
    var vm = self
    for index in vm.devices.indices { vm.devices[index].noSnoop = .auto }
    return vm
  }
}

/// The descriptions of `examples/`, read once; the run starts in the folder above.
enum Examples {
  /// A description and the file it is from.
  struct Example<Value: Sendable>: Sendable {
    var name: String
    var value: Value
    var file: SourceFile
  }

  /// The VMs, by file name without `.yaml`.
  static let vms = all("examples", .vm, DescriptionReader.vm)
  /// The hosts, by file name without `.yaml`.
  static let hosts = all("examples/hosts", .host, DescriptionReader.host)

  /// The example that a comment at the start of a line names, or the first.
  static func named<Value: Sendable>(
    _ key: String, in bytes: [UInt8], of examples: [Example<Value>]
  ) -> Example<Value> {
    guard let mark = bytes.firstRange(of: Array("# \(key): ".utf8)) else { return examples[0] }
    let name = bytes[mark.upperBound...].prefix { $0 != 10 }
    return examples.first { name.elementsEqual($0.name.utf8) } ?? examples[0]
  }

  /// The host that the comment of an example names.
  static func host(of vm: Example<VMDescription>) -> Example<HostDescription> {
    hosts.first { vm.file.bytes.firstRange(of: Array("# host: hosts/\($0.name).yaml".utf8)) != nil }
      ?? hosts[0]
  }

  private static func all<Value: Sendable>(
    _ folder: String, _ id: SourceID,
    _ decode: (YAMLTree, inout DiagnosticSink) throws(DiagnosticsError) -> Value
  ) -> [Example<Value>] {
    let names = SystemCalls.names(in: folder).filter { $0.hasSuffix(".yaml") }
    let examples = names.compactMap { name -> Example<Value>? in
      let path = folder + "/" + name
      let bytes = (try? MachineFiles(root: nil).contents(of: path, atMost: 1 << 20)) ?? []
      let file = SourceFile(id: id, name: name, bytes: bytes)
      return DescriptionTargets.read(file, decode).map {
        Example(name: String(name.dropLast(".yaml".count)), value: $0, file: file)
      }
    }
    law(!examples.isEmpty, "no descriptions in \(folder)")
    return examples
  }
}
