import Parser
import Planner

/// The dry run: every system call with every argument as it would be sent, and every undo.
///
/// Values made by an earlier call stand by name; everything else is what the bytes would hold,
/// sizes and reserved members included.
public struct ListingEmitter: Emitter {
  /// Makes an emitter.
  public init() {}

  /// Writes the calls in order, then their undo in the order it would run.
  public func emit(
    _ plan: CompiledPlan, _ context: EmitterContext, to write: (UnsafeRawBufferPointer) -> Void
  ) {
    Self.list(plan.program, of: plan.title, context, to: write)
  }

  /// Writes the calls of a program that is on its own.
  public static func list(
    _ program: Program, _ context: EmitterContext, to write: (UnsafeRawBufferPointer) -> Void
  ) {
    list(program, of: "a program", context, to: write)
  }

  private static func list(
    _ program: Program, of title: StyledText, _ context: EmitterContext,
    to write: (UnsafeRawBufferPointer) -> Void
  ) {
    var page = TextPage(context.screen)
    let calls = SystemCallText(program, iommufdSource: context.iommufdSource)
    let steps = program.steps
    let digits = String(steps.count).utf8.count
    page.line("dry run of " + title + ": nothing is run", hanging: 2)
    page.heading("System calls, in this order")
    for index in steps.indices {
      append(calls.call(index), number: index + 1, digits, to: &page)
      if index % 512 == 511 { page.drain(to: write) }
    }
    if context.isHandedOver {
      page.heading("Left to the VMM: to bind and attach the devices, to map memory, to tell KVM")
    }
    if let command = context.command { append(command, to: &page) }
    page.heading("Undo, in this order, when a call fails or at the end (numbers are of the steps)")
    for index in steps.indices.reversed() {
      guard let undo = calls.undo(index) else { continue }
      append(undo, number: index + 1, digits, to: &page)
      if index % 512 == 511 { page.drain(to: write) }
    }
    page.blank()
    page.line("\("dry run:", .strong) \(counted(steps.count, "step")) listed, nothing was run")
    page.drain(to: write)
  }

  private static func append(
    _ command: (words: [String], files: [String]), to page: inout TextPage
  ) {
    page.heading("Then this command, until it ends; the files it gets")
    page.line(StyledText(command.words.joined(separator: " ")), indent: 2, hanging: 4)
    page.table(command.files.enumerated().map { ["\($0 + 3)", StyledText($1)] })
  }

  private static func append(
    _ call: StyledText, number: Int, _ digits: Int, to page: inout TextPage
  ) {
    page.line(call, indent: 2, hanging: 4, label: .number(number, digits: digits) + "  ")
  }
}
