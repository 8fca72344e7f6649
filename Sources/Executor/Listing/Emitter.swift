import Parser
import Planner

/// A form a compiled plan is written in; adding one is one file and its case in `OutputForm`.
public protocol Emitter: Sendable {
  /// Writes the whole of a plan, piece by piece and in order.
  func emit(
    _ plan: CompiledPlan, _ context: EmitterContext, to write: (UnsafeRawBufferPointer) -> Void)
}

/// What text for people says beyond the review of a plan.
public struct PlanDetail: OptionSet, Hashable, Sendable {
  /// One bit for each part.
  public let rawValue: Int

  /// Takes the bits.
  public init(rawValue: Int) { self.rawValue = rawValue }

  /// The program, with every undo.
  public static let steps = PlanDetail(rawValue: 1)
  /// The decision with all reasons, limits and costs.
  public static let reasons = PlanDetail(rawValue: 2)
  /// The warnings, which also go to standard error.
  public static let warnings = PlanDetail(rawValue: 4)
  /// All there is.
  public static let all: PlanDetail = [.steps, .reasons, .warnings]
}

/// What a form may need besides the plan.
public struct EmitterContext: Sendable {
  /// Does one piece of work while bytes are made on another thread, and returns those.
  public typealias Concurrently =
    @Sendable (() -> Void, @escaping @Sendable () -> [JSONBytes]) ->
    [JSONBytes]

  /// The inputs the plan was compiled from: they give lines to steps and findings.
  public let files: [SourceFile]
  /// The marks for text that people read.
  public let screen: Screen
  /// The command that the plan is made for, and the names of the files it gets, from number 3 on.
  public var command: (words: [String], files: [String])?
  /// Where the iommufd comes from, if not from opening `/dev/iommu`.
  public var iommufdSource: String?
  /// What text says beyond the review.
  public var detail: PlanDetail = []
  /// What devices are called.
  public var names: PCINames?
  /// Whether a VMM does by itself what the program leaves out.
  public var isHandedOver = false
  /// How two things are done at once; one after the other unless told otherwise.
  public let concurrently: Concurrently

  /// Puts a context together.
  public init(
    files: [SourceFile], screen: Screen = .plain,
    concurrently: @escaping Concurrently = { first, second in
      first()
      return second()
    }
  ) {
    self.files = files
    self.screen = screen
    self.concurrently = concurrently
  }
}
