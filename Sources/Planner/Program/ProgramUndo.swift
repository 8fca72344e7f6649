extension Program {
  /// What takes the effect of a step back; constant time.
  ///
  /// A step that needs no undo, or whose result nobody named, gives `nothing` with the reason; the
  /// verifier refuses programs in which something would stay behind that way.
  public func undo(of step: Step) -> UndoAction {
    switch step.action {
    case .open(_, let file): .close(file)
    case .memory(let memory, let file, let address):
      .releaseMemory(file: file, address: address, size: memory.size)
    case .sysfs(let write): .revert(write)
    case .expect: .nothing("a check changes nothing")
    case .close: .nothing("what is closed stays closed")
    case .ioctl(let file, let request, let arguments, let results):
      Self.undo(of: request, on: file, arguments: arguments, results: results)
    }
  }

  private static func undo(
    of request: RequestDescriptor, on file: ResultID, arguments: [Operand], results: [ResultID?]
  ) -> UndoAction {
    switch request.undo {
    case .nothing(let reason): return .nothing(reason)
    case .closeResult:
      let made = zip(request.resultFields, results).first { $0.0.kind.isFile && $0.1 != nil }
      guard let made = made?.1 else { return .nothing(unnamed) }
      return .close(made)
    case .request(let undo):
      var given: [Operand] = []
      given.reserveCapacity(request.undoArguments.count)
      for source in request.undoArguments {
        guard let operand = source.operand(arguments, results) else { return .nothing(unnamed) }
        given.append(operand)
      }
      return .ioctl(file, undo, arguments: given)
    }
  }

  private static let unnamed = "what it made has no name"
}

extension UndoSource {
  /// The operand, from what the step gave and made; `nil` if it is not there.
  fileprivate func operand(_ arguments: [Operand], _ results: [ResultID?]) -> Operand? {
    switch self {
    case .literal(let value): .literal(value)
    case .operand(let index): index < arguments.count ? arguments[index] : nil
    case .result(let index): index < results.count ? results[index].map(Operand.result) : nil
    }
  }
}
