import Parser

/// Names for the results of a program, unique by construction.
///
/// Fixed names come first, then page tables, address spaces and devices; what finds its name taken
/// gets it with a number, in the order of the description. Everything else has a name of a reserved
/// form: `ram` or `group` and a number, or a claimed name, a dot and a suffix of `derived`. No name
/// that comes from the description has such a form, so those need no look-up.
struct ResultNames {
  /// What the names of page tables became, by position in the plan.
  private(set) var tables: [String] = []
  /// What the names of address spaces became, by position in the plan.
  private(set) var spaces: [String] = []
  /// What the names of devices became, by position in the plan.
  private(set) var devices: [String] = []

  private var taken: Set<String>
  private var nextNumber: [String: Int] = [:]

  /// Names what a plan has; `fixed` are the names the dialect uses as they are.
  init(for plan: IOASIDPlan, fixed: [String]) {
    taken = Set(fixed)
    tables = plan.pageTables.map { claim($0.name) }
    spaces = plan.addressSpaces.map { claim($0.name) }
    devices = claimDevices(plan.devices.map(\.name))
  }

  /// The name of a region of guest memory.
  static func memory(_ region: Int) -> String { "ram\(region)" }

  /// The name of an IOMMU group's file.
  static func group(_ number: Int) -> String { "group\(number)" }

  /// Takes a name, or the next free one like it.
  private mutating func claim(_ wanted: String) -> String {
    let name = Self.sanitised(wanted)
    if !Self.isReserved(name), taken.insert(name).inserted { return name }
    var number = nextNumber[name, default: 2]
    while !taken.insert("\(name)-\(number)").inserted { number += 1 }
    nextNumber[name] = number + 1
    return "\(name)-\(number)"
  }

  /// Takes a name for each device; their own names differ from each other already.
  ///
  /// Almost all devices have a plain name that nobody else has: those are not even remembered,
  /// unless some device needs another name.
  private mutating func claimDevices(_ names: [String]) -> [String] {
    let odd = names.indices.filter { !Self.isPlain(names[$0]) || taken.contains(names[$0]) }
    guard !odd.isEmpty else { return names }
    let isOdd = Set(odd)
    for index in names.indices where !isOdd.contains(index) { taken.insert(names[index]) }
    var claimed = names
    for index in odd { claimed[index] = claim(names[index]) }
    return claimed
  }
}

extension ResultNames {
  /// What a derived name ends in.
  private static let derived: Set<String> = [
    "id", "pt", "label", "info", "status", "version", "type1v2", "coherent", "container", "ecap",
    "va",
  ]

  /// Whether a name needs no more than a look at what is taken: letters, digits, `_` and `-`, and
  /// no form of ours.
  private static func isPlain(_ name: String) -> Bool {
    !name.isEmpty
      && name.utf8.allSatisfy { ResultDefinition.allows($0) && $0 != UInt8(ascii: ".") }
      && !isNumbered(name)
  }

  private static func isReserved(_ name: String) -> Bool {
    if isNumbered(name) { return true }
    guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")) else { return false }
    return derived.contains(String(name[name.utf8.index(after: dot)...]))
  }

  /// Whether a name is `ram` or `group` and a number.
  private static func isNumbered(_ name: String) -> Bool {
    guard name.utf8.first == UInt8(ascii: "r") || name.utf8.first == UInt8(ascii: "g") else {
      return false
    }
    let digits =
      if name.hasPrefix("ram") {
        name.utf8.dropFirst(3)
      } else if name.hasPrefix("group") {
        name.utf8.dropFirst(5)
      } else {
        name.utf8.prefix(0)
      }
    return !digits.isEmpty && digits.allSatisfy(\.isDecimalDigit)
  }

  private static func sanitised(_ name: String) -> String {
    if ResultDefinition.isValid(name: name) { return name }
    let bytes = name.unicodeScalars.map { scalar in
      scalar.isASCII && ResultDefinition.allows(UInt8(scalar.value)) ? UInt8(scalar.value) : 95
    }
    return bytes.isEmpty ? "_" : String(decoding: bytes, as: UTF8.self)
  }
}

extension ResultDefinition {
  /// Whether names of results may contain a byte: letters, digits, `.`, `_`, `-`.
  static func allows(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
    default: byte.isAlphanumeric
    }
  }

  /// Whether a text may be the name of a result.
  static func isValid(name: String) -> Bool { !name.isEmpty && name.utf8.allSatisfy(allows) }
}
