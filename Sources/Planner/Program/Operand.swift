import Parser

/// A value that a step of a program makes; an index into `Program.results`.
public struct ResultID: Hashable, Sendable {
  /// 0-based position in `Program.results`.
  public let index: Int32

  /// Makes an id.
  public init(_ index: Int32) { self.index = index }
}

/// The definition of a result: its name in texts and what it stands for.
public struct ResultDefinition: Hashable, Sendable {
  /// Unique in the program: letters, digits, `.`, `_`, `-`.
  public var name: String
  /// What the value stands for.
  public var kind: ObjectKind

  /// Makes a definition.
  public init(name: String, kind: ObjectKind) {
    self.name = name
    self.kind = kind
  }
}

/// A value given to a field; symbolic until the interpreter resolves it.
public enum Operand: Hashable, Sendable {
  /// A number.
  case literal(UInt64)
  /// What an earlier step made.
  case result(ResultID)
  /// An address inside guest memory an earlier step made; the offset is in bytes.
  case memory(ResultID, offset: UInt64)
  /// The text of a PCI address.
  case address(BDF)
  /// The token of a virtual function.
  case token(VFToken)
}
