import Foundation

/// A description as JSON, and what its schema says of its keys: for laws about every key there is.
public struct KeyTrial {
  /// Texts of which some fit the pattern of any key.
  private static let texts = [
    "one", "two", "0000:3b:00.0", "0000:3b:00.1", "8086:7b48", "8086:7b49", "0x12", "0x13",
    "64KiB", "2MiB", "1GiB", "mlx5_vfio_pci", "39c3d5f6-1d2e-4a8b-9c0d-0123456789ab",
    "39c3d5f6-1d2e-4a8b-9c0d-0123456789ac",
  ]

  private let schema: [String: Any]
  private let document: Any

  /// Reads both.
  public init(schema: String, document: String) throws {
    self.schema = try JSONValue(schema).value as? [String: Any] ?? [:]
    self.document = try JSONValue(document).value
  }

  /// The keys of the mapping at a place: the keys that lead there, over the first of each list.
  public func keys(at place: [String]) -> [String] { properties(at: place[...]).keys.sorted() }

  /// The document without a key of the mapping at a place, and with each value that may be tried.
  public func documents(changing key: String, at place: [String]) throws -> [String] {
    let values = samples(of: properties(at: place[...])[key] ?? [:])
    return try ([nil] + values.map { $0 }).map { value in
      let changed = Self.setting(place + [key], to: value, in: document)
      let data = try JSONSerialization.data(withJSONObject: changed)
      return String(decoding: data, as: UTF8.self)
    }
  }

  private static func setting(_ place: [String], to value: Any?, in document: Any) -> Any {
    if let list = document as? [Any] {
      return [setting(place, to: value, in: list.first ?? [String: Any]())] + list.dropFirst()
    }
    guard var mapping = document as? [String: Any], let key = place.first else { return document }
    let rest = Array(place.dropFirst())
    mapping[key] =
      rest.isEmpty ? value : setting(rest, to: value, in: mapping[key] ?? [String: Any]())
    return mapping
  }
}

// MARK: - What a schema says

extension KeyTrial {
  private func properties(at place: ArraySlice<String>) -> [String: [String: Any]] {
    place.reduce(Self.properties(of: schema)) { Self.properties(of: $0[$1] ?? [:]) }
  }

  /// The keys of a mapping, or of the mappings of a list.
  private static func properties(of schema: [String: Any]) -> [String: [String: Any]] {
    let forms = schema["oneOf"] as? [[String: Any]] ?? [schema]
    let mappings = forms.map { $0["items"] as? [String: Any] ?? $0 }
    return mappings.compactMap { $0["properties"] as? [String: [String: Any]] }.first ?? [:]
  }

  /// Values that fit a schema; for a list those of one element, for a mapping one key at a time.
  private func samples(of schema: [String: Any]) -> [Any] {
    if let name = (schema["$ref"] as? String)?.split(separator: "/").last {
      let definitions = self.schema["definitions"] as? [String: [String: Any]]
      return samples(of: definitions?[String(name)] ?? [:])
    }
    if let forms = schema["oneOf"] as? [[String: Any]] { return forms.flatMap(samples) }
    if let forms = schema["allOf"] as? [[String: Any]] { return samples(of: forms[0]) }
    if let words = schema["enum"] as? [Any] { return words }
    switch schema["type"] as? String {
    case "boolean": return [true, false]
    case "integer": return Self.numbers(from: schema["minimum"], to: schema["maximum"])
    case "array": return samples(of: schema["items"] as? [String: Any] ?? [:]).map { [$0] }
    case "object": return mappings(of: Self.properties(of: schema), schema)
    default: return Self.texts.filter { Self.fits($0, schema["pattern"] as? String) }
    }
  }

  private static func numbers(from least: Any?, to most: Any?) -> [Any] {
    let (least, most) = (least as? UInt64 ?? 0, most as? UInt64 ?? .max)
    return [least, least + 1, 48].filter { $0 <= most }
  }

  private static func fits(_ text: String, _ pattern: String?) -> Bool {
    pattern.map { text.range(of: $0, options: .regularExpression) != nil } ?? true
  }

  private func mappings(of keys: [String: [String: Any]], _ schema: [String: Any]) -> [Any] {
    let required = schema["required"] as? [String] ?? []
    let base = required.reduce(into: [String: Any]()) { base, key in
      base[key] = samples(of: keys[key] ?? [:]).first
    }
    return keys.flatMap { key, form -> [Any] in
      samples(of: form).map { value in base.merging([key: value]) { $1 } }
    }
  }
}
