import Foundation

/// A JSON document, read by Foundation: a reader that is not ours.
public struct JSONValue {
  /// What Foundation made of it.
  public let value: Any

  /// Reads a document.
  public init(_ text: String) throws {
    value = try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
  }

  private init(value: Any) { self.value = value }

  /// The member of an object; `nil` if there is none.
  public subscript(key: String) -> JSONValue? {
    (value as? [String: Any])?[key].map(JSONValue.init(value:))
  }

  /// The elements of an array; empty for anything else.
  public var elements: [JSONValue] { (value as? [Any] ?? []).map(JSONValue.init(value:)) }

  /// The text; `nil` for anything else.
  public var text: String? { value as? String }

  /// The number; `nil` for anything else.
  public var number: Int? { value as? Int }

  /// The truth value; `nil` for anything else.
  public var flag: Bool? { value as? Bool }

  /// The metrics of a plan: wbinvd, incoherentDevices, pageTables, blockedNoSnoop.
  public var metrics: [Int] {
    ["wbinvd", "incoherentDevices", "pageTables", "blockedNoSnoop"].compactMap {
      self["metrics"]?[$0]?.number
    }
  }
}
