import Parser

/// Requests: operands, states and what they make.
extension ProgramCheck {
  mutating func checkRequest(
    _ request: RequestDescriptor, on file: ResultID, _ arguments: [Operand],
    _ made: [ResultID?]
  ) {
    if !request.isStep {
      broken(.stepRequests, "\(request.name) may not be a step of a program")
    }
    if let requests, !requests.contains(request) {
      broken(.interface, "\(request.name) belongs to another interface than the program")
    }
    guard let receiver = use(file) else { return }
    if facts[receiver].kind != request.receiver {
      broken(
        .receivers, "\(request.name) goes to \(request.receiver), not to \(facts[receiver].kind)")
    }
    guard request.takes(arguments), made.count == request.resultFields.count else {
      broken(
        .operandCount,
        "\(request.name) takes \(request.shape.operands.count) operands and gives "
          + "\(request.resultFields.count) values")
      return
    }
    checkStates(request, receiver)
    let count = request.shape.operands.count
    let context = checkOperands(request, receiver, arguments[..<count])
    checkRanges(request, receiver, arguments)
    establish(request, receiver, arguments, context)
    makeResults(request, receiver, context, arguments, made)
  }

  private mutating func checkStates(_ request: RequestDescriptor, _ receiver: Int) {
    if request == IOMMUFDRequests.option, facts[receiver].state.contains(.touched) {
      broken(.accountingFirst, "\(request.name) must be the first request on a fresh /dev/iommu")
    }
    facts[receiver].state.insert(.touched)
    if case .request = request.undo { facts[receiver].state.insert(.needed) }
    for state in request.requires where !holds(ResultState(state), of: receiver) {
      broken(.states, "\(request.name) needs its file to be \(state) first")
    }
    for state in request.establishes where facts[receiver].state.contains(ResultState(state)) {
      broken(.onlyOnce, "\(request.name) makes its file \(state) a second time")
    }
  }

  /// Whether a state holds of a file or of what it is in.
  private func holds(_ state: ResultState, of receiver: Int) -> Bool {
    if facts[receiver].state.contains(state) { return true }
    let context = Int(facts[receiver].context)
    return context >= 0 && facts[context].state.contains(state)
  }

  /// Checks the operands and returns the file that ids among them must belong to.
  private mutating func checkOperands(
    _ request: RequestDescriptor, _ receiver: Int, _ arguments: ArraySlice<Operand>
  ) -> Int32 {
    var file: Int32 = -1
    for index in arguments.indices {
      switch (request.shape.operands[index], arguments[index]) {
      case (.number(let maximum), .literal(let value)):
        if value > maximum { notAllowed(value, request, index) }
      case (.constant(let maximum), .literal(let value)):
        let permits = request.operandFields[index].role.permits(value)
        if value > maximum || !permits { notAllowed(value, request, index) }
      case (.result(let kinds), .result(let id)):
        guard let used = useOperand(id, kinds, request, index) else { continue }
        guard facts[used].kind.isFile, facts[used].kind != .memoryFile else { continue }
        facts[used].state.insert([.needed, .touched])
        file = id.index
      case (.registered(let kinds), .result(let id)):
        guard let used = useOperand(id, kinds, request, index) else { continue }
        register(id, used)
      case (.memory, .memory(let id, _)): _ = useOperand(id, ObjectKindSet(.memory), request, index)
      case (.address, .address(let address)): opened(address)
      default:
        broken(
          .operandKinds, "'\(request.operandFields[index].name)' takes another kind of operand")
      }
    }
    let context = facts[receiver].context
    let owner = file >= 0 ? file : context >= 0 ? context : Int32(truncatingIfNeeded: receiver)
    checkOwner(owner, request, arguments)
    return owner
  }

  private mutating func notAllowed(_ value: UInt64, _ request: RequestDescriptor, _ index: Int) {
    broken(
      .allowedNumbers,
      "\(request.name) may not have \(value) in '\(request.operandFields[index].name)'")
  }

  private mutating func useOperand(
    _ id: ResultID, _ kinds: ObjectKindSet, _ request: RequestDescriptor, _ index: Int
  ) -> Int? {
    guard let used = use(id) else { return nil }
    if kinds.contains(ObjectKindSet(facts[used].kind)) { return used }
    broken(
      .operandKinds,
      "'\(request.operandFields[index].name)' of \(request.name) does not take \(name(id)), "
        + "which is \(facts[used].kind)")
    return nil
  }

  /// KVM must know a file before the device's driver looks for its VM, which is when the device is
  /// opened for good.
  private mutating func register(_ id: ResultID, _ used: Int) {
    if !facts[used].state.isDisjoint(with: [.bound, .opened]) {
      broken(.knownBeforeBound, "KVM is told about \(name(id)) when its device is in use already")
    }
    if facts[used].state.contains(.registered) {
      broken(.onlyOnce, "KVM is told about \(name(id)) twice")
    }
    facts[used].state.insert([.registered, .needed])
  }

  /// Ids are small numbers that mean something else in another file.
  private mutating func checkOwner(
    _ owner: Int32, _ request: RequestDescriptor, _ arguments: ArraySlice<Operand>
  ) {
    for case .result(let id) in arguments {
      let index = Int(id.index)
      guard facts.indices.contains(index), !facts[index].kind.isFile, index < made else { continue }
      if facts[index].context != owner {
        broken(.ownIDs, "\(name(id)) is not an id of the file \(request.name) uses it with")
      }
    }
  }

  private mutating func establish(
    _ request: RequestDescriptor, _ receiver: Int, _ arguments: [Operand], _ context: Int32
  ) {
    if request.receiver == .group, case .file = request.returns {
      facts[receiver].state.insert(.opened)
    }
    for state in request.establishes {
      facts[receiver].state.insert(ResultState(state))
      if state == .bound || state == .contained { facts[receiver].context = context }
      for case .result(let id) in arguments {
        let index = Int(id.index)
        guard facts.indices.contains(index) else { continue }
        facts[index].state.insert(ResultState(state))
        let parent = Int(facts[index].parent)
        if parent >= 0 { facts[parent].state.insert(ResultState(state)) }
      }
    }
  }

  private mutating func makeResults(
    _ request: RequestDescriptor, _ receiver: Int, _ context: Int32, _ arguments: [Operand],
    _ ids: [ResultID?]
  ) {
    for index in ids.indices {
      guard let id = ids[index] else { continue }
      let kind = request.resultKinds[index]
      guard let new = make(id, kind) else { continue }
      if kind == .hwpt { facts[new].parent = addressSpace(among: arguments) }
      if !kind.isFile || kind == .deviceFD { facts[new].context = context }
      // A device from a group is the container's: nobody can bind it any more.
      if kind == .deviceFD { facts[new].state.insert(.bound) }
    }
    if request.undoNeeds.contains(where: { ids[$0] == nil }) {
      broken(.undoable, "what \(request.name) makes needs a name, so that it can be undone")
    }
  }

  private func addressSpace(among arguments: [Operand]) -> Int32 {
    for case .result(let id) in arguments
    where facts.indices.contains(Int(id.index)) && facts[Int(id.index)].kind == .ioas {
      return id.index
    }
    return -1
  }
}

extension RequestDescriptor {
  /// Whether there is an operand for each member that needs one, and nothing but a token behind.
  fileprivate func takes(_ arguments: [Operand]) -> Bool {
    if arguments.count == shape.operands.count { return true }
    guard arguments.count == shape.operands.count + 1, optionalField != nil else { return false }
    if case .token? = arguments.last { return true }
    return false
  }
}

extension Field.Role {
  /// Whether a program may send a number in a member of this role.
  fileprivate func permits(_ value: UInt64) -> Bool {
    guard case .number(let constants) = self else { return false }
    return constants.permits(value)
  }
}
