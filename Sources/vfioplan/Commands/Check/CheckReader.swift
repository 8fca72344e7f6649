import Parser
import Planner

/// Reads one of many files, and looks at the VM in it by itself.
struct CheckReader: Sendable {
  /// How it is looked at.
  let check: VMCheck

  /// What came of a file.
  struct Outcome: Sendable {
    /// What it holds.
    enum Content: Sendable {
      case vm(CheckedVM)
      /// No VM, and the file was not named itself.
      case skipped(DocumentKind)
    }

    /// The file, as it was found.
    var path: String
    /// The file itself, if it could be read.
    var file: SourceFile?
    var content: Content
  }

  /// Reads a file.
  func outcome(of found: FileSearch.Found, _ id: SourceID) -> Outcome {
    let file: SourceFile
    switch Inputs.file(found.path, id) {
    case .success(let read): file = read
    case .failure(let failure):
      return Outcome(
        path: found.path, content: .vm(CheckedVM(unreadable: found.path, failure)))
    }
    var content = content(of: file, isNamed: found.isNamed)
    if case .vm(var vm) = content {
      (vm.path, vm.source) = (file.name, id)
      content = .vm(vm)
    }
    return Outcome(path: found.path, file: file, content: content)
  }

  private func content(of file: SourceFile, isNamed: Bool) -> Outcome.Content {
    if !isNamed, ProgramTextReader.recognizes(file) { return .skipped(.unknown) }
    if let plan = SavedPlanReader.readAsWritten(file) { return .vm(check.checked(plan)) }
    if let kind = ImportReader.kind(of: file) {
      return isNamed || kind != .libvirt || ImportReader.isDomain(file)
        ? .vm(imported(file, from: kind)) : .skipped(.unknown)
    }
    if !isNamed, !file.name.isYAML { return .skipped(.unknown) }
    var sink = DiagnosticSink()
    do throws(DiagnosticsError) {
      let tree = try DescriptionReader.tree(of: file, into: &sink)
      let kind = DescriptionReader.kind(of: tree)
      if !isNamed, Self.isForeign(tree, kind) { return .skipped(kind) }
      if kind == .plan { return .vm(check.checked(try SavedPlanReader.read(tree, into: &sink))) }
      if let finding = ImportReader.clusterFinding(tree) { throw sink.stop(finding) }
      return .vm(checked(try DescriptionReader.vm(tree, into: &sink), sink.diagnostics))
    } catch {
      var vm = CheckedVM(vm: nil)
      vm.diagnostics = sink.diagnostics
      return .vm(vm)
    }
  }

  /// A configuration of another program.
  private func imported(_ file: SourceFile, from kind: VMMClause.Kind) -> CheckedVM {
    switch Inputs.imported(file, from: kind) {
    case .success(let read): return checked(read.value.vm, read.warnings)
    case .failure(let failure):
      var vm = CheckedVM(vm: nil)
      vm.diagnostics = failure.diagnostics
      return vm
    }
  }

  private func checked(_ vm: VMDescription, _ warnings: [Diagnostic]) -> CheckedVM {
    let memory = ImportDiagnostics.memoryLeftOut(of: vm, isNeeded: false)
    return check.checked(vm, warnings: warnings + (memory.map { [$0] } ?? []))
  }

  /// Whether a file of a folder is somebody else's business: another document of ours, or one that
  /// does not say that it is ours.
  private static func isForeign(_ tree: YAMLTree, _ kind: DocumentKind) -> Bool {
    switch kind {
    case .vm, .plan: return false
    case .host, .policy: return true
    case .unknown:
      guard tree.kind(of: tree.root) == .mapping,
        let version = tree.value(of: "apiVersion", in: tree.root)
      else { return true }
      return !tree.string(of: version).hasPrefix("vfioplan")
    }
  }
}

extension String {
  /// Whether a file of the name holds YAML.
  fileprivate var isYAML: Bool { hasSuffix(".yaml") || hasSuffix(".yml") }
}
