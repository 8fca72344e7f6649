import Parser
import Planner

extension RunReport {
  /// The run for programs: `vfioplan.run/v1`.
  public func json() -> [UInt8] {
    // Room for most reports: one that grows is copied to pages that the kernel has to clear first.
    var writer = JSONWriter(capacity: 4096 + execution.completed * 192)
    writer.beginObject(.block)
    writer.member("format", "vfioplan.run/v1")
    writer.member("backend", state == nil ? "kernel" : "simulator")
    writer.member("ok", isSuccess)
    if let plan {
      writer.member("vm", plan.vm.name)
      writer.member("target", plan.plan.target)
    }
    writer.key("steps")
    writer.beginArray(.block)
    for index in 0..<execution.completed { write(step: index, to: &writer) }
    if let failure = execution.failure { write(step: failure.step, to: &writer) }
    writer.endArray()
    writer.key("rolledBack")
    write(execution.rollback, to: &writer)
    if let teardown {
      writer.key("undone")
      write(teardown, to: &writer)
    }
    writer.key("leftovers")
    writeLeftovers(to: &writer)
    writer.key("state")
    if let state {
      // What a target makes of units, as before 5.19, only the plan tells.
      let planned = (plan?.plan.devices ?? []).map { ($0.address, $0.enforcementFact) }
      state.write(planned: Dictionary(planned, uniquingKeysWith: { one, _ in one }), to: &writer)
    } else {
      writeFiles(to: &writer)
    }
    if plan != nil { writer.member("mismatches", mismatches) }
    let answers = answers
    if !answers.isEmpty { writer.member("unknown", answers) }
    writer.endObject()
    writer.endText()
    return writer.bytes
  }

  private func write(step index: Int, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("index", index + 1)
    writeCall(of: index, to: &writer)
    writer.key("errno")
    if let errno = execution.errno(ofStep: index) {
      writer.string(errno.description)
    } else {
      writer.integer(0)
    }
    if let failure = execution.failure, failure.step == index,
      case .mismatch(let expected, let actual) = failure.cause
    {
      writer.member("expected", hex: expected)
      writer.member("actual", hex: actual)
    }
    writer.key("results")
    writer.beginObject()
    for result in execution.results(ofStep: index) {
      writer.key(result.field)
      writer.integer(result.value)
    }
    writer.endObject()
    writer.endObject()
  }

  private func writeCall(of index: Int, to writer: inout JSONWriter) {
    let action = program.steps[index].action
    writer.member("call", action.verb.rawValue)
    if let request = action.request { writer.member("request", request.name) }
  }

  private func write(_ rollback: Rollback, to writer: inout JSONWriter) {
    writer.beginArray(.block)
    for outcome in rollback.outcomes {
      writer.beginObject()
      writer.member("index", outcome.step + 1)
      writeCall(of: outcome.step, to: &writer)
      writer.key("errno")
      if let errno = outcome.errno {
        writer.string(errno.description)
      } else {
        writer.integer(0)
      }
      writer.endObject()
    }
    writer.endArray()
  }

  private func writeLeftovers(to writer: inout JSONWriter) {
    writer.beginArray(.block)
    for leftover in undo.leftovers {
      writer.beginObject()
      writer.member("index", leftover.step + 1)
      switch leftover.reason {
      case .refused(let errno): writer.member("errno", errno.description)
      case .heldBy(let step): writer.member("heldBy", step + 1)
      }
      writer.endObject()
    }
    writer.endArray()
  }
}

extension RunReport {
  /// All that is known of a real kernel: the files that are still open.
  private func writeFiles(to writer: inout JSONWriter) {
    let isHeld = execution.isSuccess && teardown == nil
    let open = zip(program.results, execution.values)
      .filter { isHeld && $0.0.kind.isFile }
    writer.beginObject()
    writer.member("openFiles", open.map(\.0.name))
    writer.endObject()
  }
}
