/// A result of a known kind: a lowering that passes a device's id where an address space's belongs
/// does not compile.
public struct Reference<Made: MadeObject>: Hashable, Sendable {
  /// The result.
  public let id: ResultID

  /// Names a result; only the builder, which knows its kind, does that.
  init(_ id: ResultID) { self.id = id }
}
