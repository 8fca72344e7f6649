import Executor
import Parser
import Planner

/// What the first operand of a command may hold.
enum Document {
  /// A VM description, which is compiled for a host.
  case vm(VMDescription)
  /// A saved plan, which is complete.
  case plan(CompiledPlan)
  /// The text of a program, which nobody knows the plan of.
  case program(Program)
}

/// One input, read and decoded, with the warnings about it.
struct Loaded<Value> {
  /// What it holds.
  var value: Value
  /// The input itself, for excerpts and lines.
  var file: SourceFile
  /// What was found in it.
  var warnings: [Diagnostic]

  /// Something else that was read of the same input.
  func of<Other>(_ value: Other) -> Loaded<Other> {
    Loaded<Other>(value: value, file: file, warnings: warnings)
  }
}

/// The inputs of a compilation.
struct Inputs {
  /// The VM description, saved plan or program.
  private(set) var document: Document
  /// The host description, if one was named.
  private(set) var host: HostDescription?
  /// The policy, if one was named.
  private(set) var policy: Policy?
  /// Warnings about them.
  private(set) var warnings: [Diagnostic]
  /// The files that were read.
  private(set) var files: [SourceFile]
  /// Whether the host is this machine.
  private var isOfThisMachine = false

  /// As below, with the policy, if one is named.
  static func load(
    _ path: String, host: String?, policy: String?,
    ids: (SourceID, SourceID, SourceID) = (.vm, .host, .policy)
  ) throws(CommandFailure) -> Inputs {
    let inputs = Result { () throws(CommandFailure) in
      try load(path, host: host, ids: (ids.0, ids.1))
    }
    guard let policy else { return try inputs.get() }
    switch (inputs, read(policy, ids.2, DescriptionReader.policy)) {
    case (.success(var inputs), .success(let policy)):
      inputs.policy = policy.value
      inputs.warnings += policy.warnings
      inputs.files.append(policy.file)
      return inputs
    case (.failure(let one), .failure(let two)): throw one.joined(with: two)
    case (.failure(let failure), _), (_, .failure(let failure)): throw failure
    }
  }

  /// Reads and decodes a description, plan or program and a host, which is this machine if none is
  /// named; large ones at the same time.
  ///
  /// Parsing takes most of the time of a large compilation, and the two know nothing of each other.
  private static func load(
    _ path: String, host: String?, ids: (SourceID, SourceID)
  ) throws(CommandFailure) -> Inputs {
    guard let host else {
      Heap.prepare(forPlan: path)
      let one = try document(path, ids.0).get()
      guard case .vm = one.value else {
        return Inputs(document: one.value, warnings: one.warnings, files: [one.file])
      }
      let machine = try thisMachine(ids.1)
      var inputs = Inputs(
        document: one.value, host: machine.value, warnings: one.warnings + machine.warnings,
        files: [one.file, machine.file])
      inputs.isOfThisMachine = true
      return inputs
    }
    let readFirst = { @Sendable in document(path, ids.0) }
    let readSecond = { read(host, ids.1, DescriptionReader.host) }
    // For small inputs the start of a thread takes longer than the reading. The host, which is the
    // longer one, is read here: planning takes the memory again that reading gives back here.
    let (second, first) =
      if let room = Heap.prepare(forInputs: [path, host]) {
        concurrently(readSecond) {
          defer { room.fill() }
          return readFirst()
        }
      } else {
        (readSecond(), readFirst())
      }
    switch (first, second) {
    case (.success(let one), .success(let two)):
      return Inputs(
        document: one.value, host: two.value, warnings: one.warnings + two.warnings,
        files: [one.file, two.file])
    case (.failure(let one), .failure(let two)): throw one.joined(with: two)
    case (.failure(let failure), _), (_, .failure(let failure)): throw failure
    }
  }

  /// The facts of this machine, as if they had been in a file: findings show its lines.
  static func thisMachine(
    _ id: SourceID
  ) throws(CommandFailure) -> Loaded<HostDescription> {
    let inventory = HostInventory(.machine)
    guard inventory.isComplete else {
      throw CommandFailure(inventory.findings, .inputUnreadable)
    }
    let text = HostYAML(inventory).text()
    let file = SourceFile(id: id, name: SourceFile.thisMachine, bytes: Array(text.utf8))
    var machine = try decoded(file, DescriptionReader.host).get()
    machine.value.observations = HostObservations(.machine, inventory)
    // That a VM's device is one of these is an error of its own.
    machine.warnings += inventory.findings.filter { $0.code != ScopeDiagnostics.withoutIOMMU }
    return machine
  }

  /// Reads what the first operand of a command may hold, configurations of VMMs among it.
  static func document(
    _ path: String, _ id: SourceID
  ) -> Result<Loaded<Document>, CommandFailure> {
    file(path, id).flatMap { file in
      if ProgramTextReader.recognizes(file) { return program(file) }
      if let plan = SavedPlanReader.readAsWritten(file) {
        return .success(Loaded(value: .plan(plan), file: file, warnings: []))
      }
      if let kind = ImportReader.kind(of: file) {
        return imported(file, from: kind).map { $0.of(.vm($0.value.vm)) }
      }
      return document(file)
    }
  }

  /// A configuration of another program.
  static func imported(
    _ file: SourceFile, from kind: VMMClause.Kind, fileAddress: ((String) -> BDF?)? = nil
  ) -> Result<Loaded<ImportedVM>, CommandFailure> {
    var sink = DiagnosticSink()
    do throws(DiagnosticsError) {
      let vm = try ImportReader.vm(file, from: kind, fileAddress: fileAddress, into: &sink)
      return .success(Loaded(value: vm, file: file, warnings: sink.diagnostics))
    } catch {
      return .failure(CommandFailure(DiagnosticsError(sink.diagnostics), files: [file]))
    }
  }

  private static func program(_ file: SourceFile) -> Result<Loaded<Document>, CommandFailure> {
    do throws(DiagnosticsError) {
      let program = try ProgramTextReader.read(file)
      return .success(Loaded(value: .program(program), file: file, warnings: []))
    } catch {
      return .failure(CommandFailure(error, files: [file]))
    }
  }

  static func document(_ file: SourceFile) -> Result<Loaded<Document>, CommandFailure> {
    decoded(file) { (tree, sink) throws(DiagnosticsError) in
      if DescriptionReader.kind(of: tree) == .plan {
        return .plan(try SavedPlanReader.read(tree, into: &sink))
      }
      if let finding = ImportReader.clusterFinding(tree) { throw sink.stop(finding) }
      return .vm(try DescriptionReader.vm(tree, into: &sink))
    }
  }

  static func read<Value>(
    _ path: String, _ id: SourceID,
    _ decode: (YAMLTree, inout DiagnosticSink) throws(DiagnosticsError) -> Value
  ) -> Result<Loaded<Value>, CommandFailure> {
    file(path, id).flatMap { decoded($0, decode) }
  }

  static func file(_ path: String, _ id: SourceID) -> Result<SourceFile, CommandFailure> {
    let name = path == FileInput.standardInput ? "<stdin>" : path
    do throws(SystemError) {
      return .success(SourceFile(id: id, name: name, bytes: try FileInput.bytes(of: path)))
    } catch {
      return .failure(.unreadable(path, error))
    }
  }

  static func decoded<Value>(
    _ file: SourceFile,
    _ decode: (YAMLTree, inout DiagnosticSink) throws(DiagnosticsError) -> Value
  ) -> Result<Loaded<Value>, CommandFailure> {
    var sink = DiagnosticSink()
    do throws(DiagnosticsError) {
      let value = try decode(try DescriptionReader.tree(of: file, into: &sink), &sink)
      return .success(Loaded(value: value, file: file, warnings: sink.diagnostics))
    } catch {
      return .failure(CommandFailure(DiagnosticsError(sink.diagnostics), files: [file]))
    }
  }
}

extension Inputs {
  /// Whether there is nothing left to compile.
  var isSavedPlan: Bool { if case .plan = document { true } else { false } }

  /// The same inputs on a host that was read for other ones.
  func on(_ host: HostDescription?) -> Inputs {
    var inputs = self
    inputs.host = host
    return inputs
  }

  /// The same inputs under the policy that was read with other ones.
  func under(_ other: Inputs) -> Inputs {
    var inputs = self
    inputs.policy = other.policy
    return inputs
  }

  /// The same inputs on a host as if it ran another release, if one is given.
  ///
  /// A saved plan is then compared with its own host, if no other is named.
  func on(release: ReleaseOption?) -> Inputs {
    guard let release else { return self }
    var other = host
    if case .plan(let plan) = document, host == nil { other = plan.host }
    guard var other else { return self }
    other.kernel = other.kernel.running(release.text)
    return on(other)
  }

  /// What a saved plan was compiled from, to be compiled anew; everything else as it is.
  ///
  /// Its own host and policy count unless others are named.
  var decompiled: Inputs {
    guard case .plan(let plan) = document else { return self }
    var inputs = on(host ?? plan.host)
    inputs.document = .vm(plan.vm.described)
    inputs.policy = policy ?? plan.policy
    return inputs
  }

  /// The plan of a saved plan, or of the description compiled for the host.
  ///
  /// A description that leaves out its memory is refused where that is needed.
  func compiled(
    target: String?, objective: Objective?, needsMemory: Bool = true
  ) throws(CommandFailure) -> CompiledPlan {
    let vm: VMDescription
    switch document {
    case .plan(let plan):
      if target != nil || objective != nil || policy != nil { throw .fixedPlan }
      return plan
    case .program: throw .programAlone(.compiledAlready, self)
    case .vm(let description): vm = description
    }
    guard let host else { preconditionFailure("a description comes with a host") }
    var sink = DiagnosticSink()
    sink.report(warnings)
    do throws(DiagnosticsError) {
      if let finding = ImportDiagnostics.memoryLeftOut(of: vm, isNeeded: needsMemory) {
        sink.report(finding)
        try sink.throwIfErrors()
      }
      return try Compilation.compile(
        vm, on: host, target: target, objective: objective, policy: policy ?? Policy(),
        into: &sink)
    } catch {
      if let observant = lookingAtUses(of: vm, error) {
        return try observant.compiled(
          target: target, objective: objective, needsMemory: needsMemory)
      }
      throw CommandFailure(error, files: files)
    }
  }

  /// The same inputs with what this machine uses the members of the VM's groups for, if a finding
  /// is about that; `nil` if there is nothing more to say.
  ///
  /// It takes opening every disk of theirs, so it is not done before.
  private func lookingAtUses(of vm: VMDescription, _ error: DiagnosticsError) -> Inputs? {
    guard isOfThisMachine, var inputs = host.map(on),
      error.diagnostics.contains(where: { $0.code == PlannerDiagnostics.groupNotViable })
    else { return nil }
    inputs.isOfThisMachine = false
    let members = host.map { Compilation.groupMembers(of: vm, on: $0) } ?? []
    inputs.host?.observations.lookAtUses(of: members)
    return inputs
  }

  /// The Pareto front of a description on the host.
  func front(
    target: String?, objective: Objective?, into sink: inout DiagnosticSink
  ) throws(CommandFailure) -> ParetoText {
    if case .program = document { throw .programAlone(.compiledAlready, self) }
    guard case .vm(let vm) = document else { throw .fixedPlan }
    guard let host else { preconditionFailure("a description comes with a host") }
    sink.report(warnings)
    do throws(DiagnosticsError) {
      let plans = try Compilation.paretoFront(
        vm, on: host, target: target, objective: objective, policy: policy ?? Policy(),
        into: &sink)
      return ParetoText(plans, vm: vm.name, host: host)
    } catch {
      throw CommandFailure(error, files: files)
    }
  }

  /// The same inputs on this machine, unless a host was named: a saved plan is run only where its
  /// facts hold.
  func onThisMachine() throws(CommandFailure) -> Inputs {
    if host != nil { return self }
    let machine = try Self.thisMachine(.host)
    var inputs = on(machine.value)
    inputs.files.append(machine.file)
    inputs.isOfThisMachine = true
    return inputs
  }

  /// What a saved plan's host has against the one that was named; an error refuses it.
  func hostFindings(for plan: CompiledPlan) throws(CommandFailure) -> [Diagnostic] {
    guard isSavedPlan, let host else { return [] }
    return try unlessRefused(HostDifference.findings(of: plan, on: host))
  }

  /// What this machine has against the host that was named, if one was; an error refuses the run.
  func machineFindings(for plan: CompiledPlan) throws(CommandFailure) -> [Diagnostic] {
    guard host != nil, !isOfThisMachine else { return [] }
    let machine = try Self.thisMachine(.host)
    return try unlessRefused(
      HostDifference.findings(of: plan, on: machine.value, basis: .stated))
  }

  private func unlessRefused(_ findings: [Diagnostic]) throws(CommandFailure) -> [Diagnostic] {
    if findings.contains(where: { $0.severity == .error }) {
      throw CommandFailure(findings, .hostUnable, files: files)
    }
    return findings
  }
}
