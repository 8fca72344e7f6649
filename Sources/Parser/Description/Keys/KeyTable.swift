/// The keys of a mapping in files: reading, writing, differences and schemas come from it.
///
/// The order of keys is that of messages, of YAML, of differences, and of the reference.
public final class KeyTable<Subject>: Sendable {
  /// What the mapping is, for messages: `a host device`.
  let what: String
  let keys: [Key<Subject>]
  /// Whether a mapping counts that lacks a key it must have, which is reported.
  let keepsIncomplete: Bool
  /// What is looked at beyond each key by itself; `false`, reported, leaves the mapping out.
  let check: @Sendable (Subject, borrowing MappingReader<Subject>, inout NodeDecoder) -> Bool
  /// Of each key that a mapping must have it and what may stand in its place, a bit each.
  let needs: [UInt64]
  /// The places of the keys in the order of plan files.
  private let written: [Int]

  /// Describes a mapping.
  init(
    _ what: String, keepsIncomplete: Bool = false, _ keys: [Key<Subject>],
    check:
      @escaping @Sendable (Subject, borrowing MappingReader<Subject>, inout NodeDecoder) -> Bool = {
        _, _, _ in true
      }
  ) {
    self.what = what
    self.keys = keys
    self.keepsIncomplete = keepsIncomplete
    self.check = check
    precondition(keys.count <= 64, "more keys than bits")
    written = Self.order(of: keys)
    var needs: [UInt64] = []
    for index in keys.indices where keys[index].isRequired {
      needs.append(1 << UInt64(index) | Self.mask(of: keys[index].substitutes, among: keys))
    }
    self.needs = needs
  }

  // By index: a key has a dozen references, each of which a copy counts.
  private static func order(of keys: [Key<Subject>]) -> [Int] {
    var order: [Int] = []
    for index in keys.indices where keys[index].predecessor == nil { order.append(index) }
    for index in keys.indices {
      guard let name = keys[index].predecessor,
        let place = order.firstIndex(where: { keys[$0].isNamed(name) })
      else { continue }
      order.insert(index, at: place + 1)
    }
    return order
  }

  /// Some keys, a bit each.
  func mask(of names: [StaticString]) -> UInt64 { Self.mask(of: names, among: keys) }

  private static func mask(of names: [StaticString], among keys: [Key<Subject>]) -> UInt64 {
    var mask: UInt64 = 0
    for name in names {
      for index in keys.indices where keys[index].isNamed(name) { mask |= 1 << UInt64(index) }
    }
    return mask
  }

  /// The place of a key.
  func index(of name: StaticString) -> Int? { keys.indices.first { keys[$0].isNamed(name) } }

  /// Writes a mapping as JSON, on one line.
  public func write(_ subject: Subject, to writer: inout JSONWriter) {
    writer.beginObject()
    for index in written { keys[index].write(subject, &writer) }
    writer.endObject()
  }

  /// A mapping as YAML, on one line.
  public func flow(_ subject: Subject) -> String { "{ " + members(subject) + " }" }

  /// The keys of a mapping with their values as YAML, on one line: some are left out, and of some
  /// something else is said.
  public func members(
    _ subject: Subject, besides names: [String] = [], saying others: [String: String] = [:]
  ) -> String {
    keys.compactMap { key -> String? in
      guard !names.contains(key.text), let value = others[key.text] ?? key.more().yaml(subject)
      else {
        return nil
      }
      return "\(key.text): \(value)"
    }.joined(separator: ", ")
  }

  /// A mapping as YAML, a key a line.
  public func lines(_ subject: Subject) -> [String] {
    keys.filter { $0.commented == nil }.flatMap { key -> [String] in
      let more = key.more()
      if let lines = more.lines(subject) { return ["\(key.name):"] + lines.map { "  " + $0 } }
      guard let value = more.yaml(subject) else { return [] }
      let comment = keys.first { $0.commented.map(key.isNamed) ?? false }?.more().shown(subject)
      return ["\(key.name): \(value)" + (comment.map { "  # " + $0 } ?? "")]
    }
  }

  /// What JSON Schema says of it.
  var schema: JSONSchema {
    var schema = JSONSchema.type("object")
    let required = keys.filter { $0.isRequired && $0.substitutes.isEmpty }
    if !required.isEmpty { schema = schema.with("required", .names(required.map(\.text))) }
    for key in keys where !key.substitutes.isEmpty {
      let ways = [key.text] + key.substitutes.map(\.description)
      schema = schema.with(
        "oneOf", .list(ways.map { .object([.init("required", .names([$0]))]) }))
    }
    return schema.with("additionalProperties", .flag(false))
      .with("properties", .object(keys.map { .init($0.text, $0.more().schema()) }))
  }
}

extension Key {
  /// Its name.
  var text: String { name.description }

  /// Whether that is its name.
  func isNamed(_ other: StaticString) -> Bool {
    name.utf8CodeUnitCount == other.utf8CodeUnitCount
      && YAMLBytes.equal(name.utf8Start, other.utf8Start, count: name.utf8CodeUnitCount)
  }

  /// What differences say of it.
  func told(of subject: Subject) -> String? { more().shown(subject) ?? unsaid }
}

/// A fact that two hosts say differently.
public struct FactDifference {
  /// Its key.
  public let key: String
  /// What was said before.
  public let before: String
  /// What is said now.
  public let after: String

  /// Puts what both say together.
  public init(key: String, before: String, after: String) {
    (self.key, self.before, self.after) = (key, before, after)
  }
}

extension KeyTable {
  /// Whether two mappings say the same, wherever they stand.
  public func isSame(_ one: Subject, _ other: Subject) -> Bool {
    keys.allSatisfy { $0.isSame(one, other) }
  }

  /// What counts and differs, in the order of the table.
  ///
  /// - Parameters:
  ///   - before: What a plan rests on.
  ///   - after: What there is.
  ///   - isSaved: Whether the first is what a machine had, not what somebody stated.
  ///   - ofAssigned: Whether the facts are looked at that only devices of a plan are asked for.
  /// - Returns: The keys with both values as messages show them.
  public func differences(
    from before: Subject, to after: Subject, isSaved: Bool, ofAssigned: Bool = false
  ) -> [FactDifference] {
    keys.compactMap { key in
      guard let pin = key.pin, pin.isOfAssigned == ofAssigned, !key.isSame(before, after) else {
        return nil
      }
      let more = key.more()
      let sides = Pin.Sides(
        wasKnown: more.isKnown(before), isKnown: more.isKnown(after), isSaved: isSaved)
      guard pin.counts(sides) else { return nil }
      let unsaid = key.unsaid ?? "none"
      return FactDifference(
        key: key.text, before: more.shown(before) ?? unsaid, after: more.shown(after) ?? unsaid)
    }
  }

  /// What two mappings say differently, in the order of the table; what is not there says nothing.
  public func differences(
    from before: Subject?, to after: Subject?, besides names: [String]
  ) -> [(key: String, before: String?, after: String?)] {
    keys.compactMap { key in
      if let before, let after, key.isSame(before, after) { return nil }
      if names.contains(key.text) { return nil }
      let (old, new) = (before.flatMap(key.told(of:)), after.flatMap(key.told(of:)))
      return old == nil && new == nil ? nil : (key.text, old, new)
    }
  }
}
