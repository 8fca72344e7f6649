/// A value and where it stands: `device.driver` is the value, `device.$driver` its place.
@propertyWrapper
public struct Located<Value> {
  /// The value.
  public var wrappedValue: Value
  /// Where it stands; what stands for it if the value was left out.
  public var projectedValue: SourceSpan

  /// Puts a value and its place together.
  public init(_ value: Value, at span: SourceSpan) {
    wrappedValue = value
    projectedValue = span
  }
}

extension Located: Equatable where Value: Equatable {}
extension Located: Hashable where Value: Hashable {}
extension Located: Sendable where Value: Sendable {}
