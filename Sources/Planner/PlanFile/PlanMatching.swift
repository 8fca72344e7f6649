import Parser

/// Which devices and page tables of two plans are the same ones.
///
/// Devices are the same by address; of those whose address only one of the plans has, by name.
/// Page tables are the same by their devices, whatever they are called. Linear in both plans.
struct PlanMatching: Hashable, Sendable {
  /// The position in the later plan of each device of the earlier one; `nil` if it goes.
  let later: [Int?]
  /// The position in the earlier plan of each device of the later one; `nil` if it comes.
  let earlier: [Int?]
  /// For each page table of the earlier plan, the one of the later plan on which its devices are
  /// left when others have gone; `nil` if none of them is there any more.
  let laterHome: [Int?]
  /// For each page table of the later plan, the one of the earlier plan that it continues.
  ///
  /// Devices from other ones join it. `nil` if none of its devices was there before.
  let earlierHome: [Int?]

  /// Matches two plans.
  init(_ before: IOASIDPlan, _ after: IOASIDPlan) {
    let later = Self.partners(before.devices, after.devices)
    var earlier = [Int?](repeating: nil, count: after.devices.count)
    for (index, partner) in later.enumerated() {
      if let partner { earlier[partner] = index }
    }
    (self.later, self.earlier) = (later, earlier)
    laterHome = Self.homes(of: before, in: after, later)
    earlierHome = Self.homes(of: after, in: before, earlier)
  }

  /// The same, seen from the later plan.
  var reversed: PlanMatching {
    PlanMatching(
      later: earlier, earlier: later, laterHome: earlierHome, earlierHome: laterHome)
  }

  private init(later: [Int?], earlier: [Int?], laterHome: [Int?], earlierHome: [Int?]) {
    (self.later, self.earlier) = (later, earlier)
    (self.laterHome, self.earlierHome) = (laterHome, earlierHome)
  }

  /// The page table of the later plan that is the same as one of the earlier plan.
  func laterTable(_ table: Int) -> Int? {
    laterHome[table].flatMap { earlierHome[$0] == table ? $0 : nil }
  }

  private static func partners(_ before: [PlannedDevice], _ after: [PlannedDevice]) -> [Int?] {
    let byAddress = Dictionary(
      after.indices.map { (after[$0].address, $0) }, uniquingKeysWith: { first, _ in first })
    var partners = before.map { byAddress[$0.address] }
    guard partners.contains(nil) else { return partners }
    let taken = Set(partners.compactMap { $0 })
    let byName = Dictionary(
      after.indices.lazy.filter { !taken.contains($0) }.map { (after[$0].name, $0) },
      uniquingKeysWith: { first, _ in first })
    for index in before.indices where partners[index] == nil {
      partners[index] = byName[before[index].name]
    }
    return partners
  }

  /// Devices of another plan that are on one table there and on one table here.
  private struct Piece {
    var isSameFormat: Bool
    var count = 0
    var first: BDF
  }

  /// The table whose devices stay: one of the same format rather than another, the most devices
  /// rather than fewer, else by address.
  private static func homes(
    of plan: IOASIDPlan, in other: IOASIDPlan, _ partners: [Int?]
  ) -> [Int?] {
    plan.pageTables.map { table in
      var pieces: [Int: Piece] = [:]
      for device in table.devices {
        guard let partner = partners[device].map({ other.devices[$0] }) else { continue }
        let address = min(plan.devices[device].address, partner.address)
        let isSame = other.pageTables[partner.pageTable].snoopPolicy == table.snoopPolicy
        var piece = pieces[partner.pageTable] ?? Piece(isSameFormat: isSame, first: address)
        piece.count += 1
        piece.first = min(piece.first, address)
        pieces[partner.pageTable] = piece
      }
      return pieces.min { isBetter($0.value, $1.value) }?.key
    }
  }

  private static func isBetter(_ one: Piece, _ two: Piece) -> Bool {
    if one.isSameFormat != two.isSameFormat { return one.isSameFormat }
    return one.count != two.count ? one.count > two.count : one.first < two.first
  }
}
