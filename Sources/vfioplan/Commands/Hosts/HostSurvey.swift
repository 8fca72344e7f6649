import Parser
import Planner

/// Asks each host of a folder whether it can run a VM, and what that costs there.
struct HostSurvey: Sendable {
  /// The names of files that are looked at: descriptions, and archives of `host --capture`.
  private static let suffixes = [".yaml", ".yml", ".json"] + archives
  private static let archives = [".tar", ".tar.gz", ".tgz"]
  /// So many hosts are asked before a second thread is worth its start.
  private static let fewHosts = 16

  private let question: SurveyQuestion

  /// Takes what is asked.
  init(_ question: SurveyQuestion) { self.question = question }

  /// What came of a file.
  private enum Outcome: Sendable {
    case runs(HostSurveyReport.Run)
    case refuses(HostSurveyReport.Refusal)
    case skipped
  }

  /// Asks the hosts of a folder, or of a file.
  func report(of folder: String) throws(CommandFailure) -> HostSurveyReport {
    let search = FileSearch([folder], endingIn: Self.suffixes)
    // Of a single file it is not the VM's fault that it can't be read.
    if search.found.first?.isNamed == true, !Self.isArchive(folder) {
      _ = try Inputs.file(folder, .host).get()
    }
    var report = HostSurveyReport(of: question.vm, question.objective, folder)
    for outcome in outcomes(of: search.found.map(\.path)) {
      switch outcome {
      case .runs(let run): report.runs.append(run)
      case .refuses(let refusal): report.refusals.append(refusal)
      case .skipped: report.skipped += 1
      }
    }
    report.refusals += search.failures.map {
      .init(file: $0.path, host: nil, CommandFailure.unreadable($0.path, $0.error).diagnostics)
    }
    guard !report.runs.isEmpty || !report.refusals.isEmpty else {
      throw .noHost(in: folder, skipped: report.skipped)
    }
    report.sort()
    return report
  }

  private func outcomes(of paths: [String]) -> [Outcome] {
    guard paths.count > Self.fewHosts else { return paths.map(outcome) }
    let middle = paths.count / 2
    let (one, two) = concurrently(
      { paths[..<middle].map(outcome) }, { paths[middle...].map(outcome) })
    return one + two
  }

  /// Whether a file is an archive by its name.
  private static func isArchive(_ path: String) -> Bool { archives.contains(where: path.hasSuffix) }

  private func outcome(of path: String) -> Outcome {
    if Self.isArchive(path) { return captured(path) }
    switch Inputs.file(path, .host) {
    case .success(let file): return described(file)
    case .failure(let failure):
      return .refuses(.init(file: path, host: nil, failure.diagnostics))
    }
  }

  private func captured(_ path: String) -> Outcome {
    do throws(TreeError) {
      let inventory = HostInventory(try SysfsTree(root: path))
      guard inventory.isComplete else {
        return .refuses(
          .init(file: path, host: inventory.description.name, inventory.findings))
      }
      return asked(inventory.description, path)
    } catch {
      return .refuses(.init(file: path, host: nil, [SysfsDiagnostics.noTree(path, error)]))
    }
  }

  private func described(_ file: SourceFile) -> Outcome {
    var sink = DiagnosticSink()
    do throws(DiagnosticsError) {
      let tree = try DescriptionReader.tree(of: file, into: &sink)
      guard DescriptionReader.kind(of: tree) == .host else { return .skipped }
      return asked(try DescriptionReader.host(tree, into: &sink), file.name)
    } catch {
      return .refuses(.init(file: file.name, host: nil, sink.diagnostics))
    }
  }

  private func asked(_ host: HostDescription, _ path: String) -> Outcome {
    var host = host
    if let release = question.release { host.kernel = host.kernel.running(release) }
    let index = HostIndex(host)
    var check = VMCheck(on: index)
    check.target = question.target
    check.objective = question.objective
    check.policy = question.policy
    check.requirements = question.requirements
    let checked = check.checked(question.vm, warnings: [])
    let errors = (index.findings + checked.diagnostics).filter { $0.severity == .error }
    guard errors.isEmpty, let compiled = checked.compiled else {
      return .refuses(.init(file: path, host: host.name, errors))
    }
    return .runs(.init(file: path, isCapture: Self.isArchive(path), compiled, checked))
  }
}
