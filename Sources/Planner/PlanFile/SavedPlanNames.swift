import Parser

// The words of the plan format for values that have no text of their own; the emitter and the
// reader share them.

/// The plan format.
public enum SavedPlan {
  /// What the file's `format` says.
  public static let format = DescriptionReader.planFormat
}

extension PlacementReason {
  /// The reason's word in a plan file, without what it is about.
  public var code: String {
    switch self {
    case .cannotEnforce: "cannotEnforce"
    case .notKnownToEnforce: "notKnownToEnforce"
    case .heldBack(isKnown: true): "heldBack"
    case .heldBack(isKnown: false): "notKnownToBeHeldBack"
    case .required: "required"
    case .forbidden: "forbidden"
    case .targetEnforces: "targetEnforces"
    case .objective: "objective"
    case .tie: "tie"
    case .kvmNever: "kvmNever"
    case .paretoRow: "paretoRow"
    }
  }
}

extension VMCoherency.Reason {
  /// The reason's word in a plan file.
  public var code: String {
    switch self {
    case .effectiveDevices: "effectiveDevices"
    case .noEffectiveDevice: "noEffectiveDevice"
    case .override: "override"
    case .noIncoherentMode: "noIncoherentMode"
    case .noKVM: "noKVM"
    }
  }
}

extension Undo {
  /// The name of the call that undoes a step; `nil` if none does.
  public var name: String? {
    switch self {
    case .nothing: nil
    case .closeResult: "close"
    case .request(let request): request.name
    }
  }
}

extension Constants {
  /// The names that together make up a value; empty if it has none or only in part.
  public func names(of value: UInt64) -> [String] {
    guard areFlags else { return names.first { $0.value == value }.map { [$0.name] } ?? [] }
    var rest = value
    var found: [String] = []
    for (name, bits) in names where bits != 0 && rest & bits == bits {
      found.append(name)
      rest &= ~bits
    }
    return rest == 0 ? found : []
  }
  /// The value that names joined by `|` stand for; `nil` if one is not known or given twice.
  public func value(of text: String) -> UInt64? {
    guard areFlags else { return names.first { $0.name == text }?.value }
    var value: UInt64 = 0
    for part in text.split(separator: "|", omittingEmptySubsequences: false) {
      guard let bits = names.first(where: { $0.name == part })?.value, value & bits == 0 else {
        return nil
      }
      value |= bits
    }
    return value
  }
}
