import Parser

/// What the tool's exit status means; part of the contract with scripts.
///
/// The numbers above 63 are those of `sysexits.h`.
enum ExitCode: Int32, CaseIterable {
  /// Done; warnings may have been shown.
  case done = 0
  /// The description can't be compiled, a requirement is broken, or the program breaks a law; the
  /// diagnostics say why.
  case cannotCompile = 1
  /// `diff --exit-code` found changes; with `--strict`, there are warnings and no error.
  case changesFound = 2
  /// The command line is wrong.
  case wrongUsage = 64
  /// An input can't be read.
  case inputUnreadable = 66
  /// This host or target can't do it: no iommufd, no such device, other facts than a plan's.
  case hostUnable = 69
  /// A system call failed and everything was undone.
  case rolledBack = 71
  /// An output can't be written, or a socket not made.
  case outputUnwritable = 73
  /// A system call failed and something could not be undone; the message lists what is left.
  case leftovers = 74
  /// Not permitted.
  case notPermitted = 77
  /// The command after `--` is there and can't be executed; what shells say then.
  case commandNotExecutable = 126
  /// The command after `--` is not there; what shells say then.
  case commandNotFound = 127

  /// The status of a compilation that ended with findings, at least one an error.
  ///
  /// Errors of the host and the target alone are theirs; any other makes it the description's.
  init(of diagnostics: [Diagnostic]) {
    let isHostAlone = diagnostics.allSatisfy {
      $0.severity != .error || Self.isOfHost($0.code.name)
    }
    self = isHostAlone ? .hostUnable : .cannotCompile
  }

  /// Whether a code is the host's or the target's fault: VP4xxx, but for what a description alone
  /// is wrong about (VP4014, VP4015), and VP3007, what the target can't express.
  private static func isOfHost(_ code: String) -> Bool {
    code == "VP3007" || code.hasPrefix("VP4") && !["VP4014", "VP4015"].contains(code)
  }
}
