import Parser

/// What must hold of every program, no matter who wrote it; the raw value is the law's stable name.
///
/// A plan file may come from anybody and is run as root: these laws, not trust, are what keeps it
/// to the devices it names.
public enum ProgramLaw: String, CaseIterable, Hashable, Sendable {
  /// A value is used after the step that makes it.
  case definedEarlier = "defined-earlier"
  /// Results are numbered in the order they are made, each made once, all of them made.
  case madeOnce = "made-once"
  /// Names of results are unique, and made of letters, digits, `.`, `_` and `-`.
  case resultNames = "result-names"
  /// An operand is what its member takes; numbers where numbers go, ids and files where those go.
  case operandKinds = "operand-kinds"
  /// A result has the kind of what makes it.
  case resultKinds = "result-kinds"
  /// A request has one operand per member that takes one, and one entry per value it gives.
  case operandCount = "operand-count"
  /// A number fits its member and is one that programs may use there.
  case allowedNumbers = "allowed-numbers"
  /// Only requests that may be steps are steps; what undoes is never written down.
  case stepRequests = "step-requests"
  /// Requests are those of the interface that the program is for.
  case interface = "interface"
  /// A request goes to the kind of file that knows it.
  case receivers = "receivers"
  /// Devices are bound before they are attached, groups in a driven container before they open one.
  case states = "states"
  /// Memory is mapped where a device is attached.
  case attachedBeforeMapped = "attached-before-mapped"
  /// KVM is told about a file before the device is bound or opened.
  case knownBeforeBound = "known-before-bound"
  /// The accounting mode is the first thing an iommufd is told.
  case accountingFirst = "accounting-first"
  /// Drivers change before any device is opened.
  case driversFirst = "drivers-first"
  /// Every step comes from some part of a file.
  case origins = "origins"
  /// A closed file is not used, and a file that an undo needs is not closed.
  case notAfterClose = "not-after-close"
  /// What a request makes has a name, so that it can be undone.
  case undoable = "undoable"
  /// No device or group is opened twice, and nothing is bound, attached or registered twice.
  case onlyOnce = "only-once"
  /// Sizes and addresses are positive multiples of a page that do not wrap around.
  case ranges = "ranges"
  /// Mappings of one address space do not overlap.
  case overlaps = "overlaps"
  /// Drivers change only of devices that the program opens, or that a plan keeps unopened, in the
  /// order unbind, override, probe.
  case driverChanges = "driver-changes"
  /// Devices go to VFIO drivers only, and names of drivers are plain file names.
  case driverNames = "driver-names"
  /// An id is used with the file that it is an id of.
  case ownIDs = "own-ids"
}

/// A breach of a law by one step.
public struct Violation: Hashable, Sendable {
  /// The law.
  public var law: ProgramLaw
  /// 0-based position of the step; `nil` if the program as a whole breaks it.
  public var step: Int?
  /// What is wrong: lower case, no full stop.
  public var message: String

  /// Reports a breach.
  init(_ law: ProgramLaw, step: Int?, _ message: String) {
    self.law = law
    self.step = step
    self.message = message
  }
}

/// Checks the laws of programs.
public enum ProgramVerifier {
  /// After so many breaches the rest is not looked at.
  public static let maximumViolations = 100

  /// Finds the laws that a program breaks, in step order; empty if it may run.
  ///
  /// With a dialect, requests of other interfaces are breaches, too: numbers of the 2021 proposal
  /// may mean something else to a kernel to come. Drivers of the devices in `unopened` may change
  /// although the program does not open them. Linear in the number of steps, except that devices
  /// and mappings are sorted if they are not yet.
  public static func verify(
    _ program: Program, for dialect: (any Dialect)? = nil, unopened: Set<BDF> = []
  ) -> [Violation] {
    var check = ProgramCheck(
      program, requests: dialect.map { Set($0.requests) }, unopened: unopened)
    for index in program.steps.indices {
      check.step = index
      check.check(program.steps[index])
      if check.violations.count >= maximumViolations { return check.violations }
    }
    check.finish()
    let inOrder = check.violations.sorted { ($0.step ?? -1) < ($1.step ?? -1) }
    return Array(inOrder.prefix(maximumViolations))
  }
}
