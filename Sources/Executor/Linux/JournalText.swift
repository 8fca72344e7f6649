import Parser
import Planner

/// Which driver a device had before anything was changed, and which one it is given to.
public struct DriverRecord: Hashable, Sendable {
  /// The device.
  public let address: BDF
  /// Its driver; `nil` if it had none.
  public let driver: String?
  /// What `driver_override` said; empty if it was not set.
  ///
  /// In bytes: the kernel takes any but zeros and line ends.
  let override: [UInt8]
  /// The driver that the run gives it to; `nil` if the journal does not say.
  public let given: String?

  /// Whether the run may have given the device to a driver.
  ///
  /// Journals of 0.1.0 don't say to which; it was always one of VFIO's.
  func isGiven(to driver: String) -> Bool {
    given.map { $0 == driver } ?? VFIODriver.isVFIO(driver)
  }
}

/// What a journal file says.
///
/// It is complete on disk before the first driver changes, so one without its last line belongs to
/// a run that had changed nothing yet. The form: a line of version, lines `boot` and `process`, in
/// the third version a line `owner`, a line for each device, `end`. Blanks, `%` and all that is not
/// printable ASCII in an override or an owner's name are written as `%` and two digits.
struct JournalText: Hashable {
  /// Why a text is not a journal.
  enum Flaw: Error {
    /// It starts as a journal and stops before the end.
    case incomplete
    /// It is not what vfioplan writes.
    case foreign
  }

  /// `/proc/sys/kernel/random/boot_id`: drivers do not outlive the boot they were changed in.
  var boot: String
  /// The process that keeps it, or has written it for its owner.
  var process: Int32
  /// Whose it is, if not that process's.
  var owner: JournalOwner?
  /// The devices, in the order of the program.
  var records: [DriverRecord]

  /// The first lines of the versions; one without an owner is written in the second.
  private static let versions = (1...3).map { "vfioplan journal \($0)\n" }

  init(boot: String, process: Int32, owner: JournalOwner? = nil, records: [DriverRecord]) {
    self.boot = boot
    self.process = process
    self.owner = owner
    self.records = records
  }

  /// What is written, in the newest form that it needs.
  var bytes: [UInt8] {
    var text = Self.versions[owner == nil ? 1 : 2] + "boot \(boot)\nprocess \(process)\n"
    if let owner {
      text += "owner \(owner.kind.rawValue):\(Self.escaped(Array(owner.name.utf8)))\n"
    }
    for record in records {
      text += "device \(record.address) driver=\(record.driver ?? "")"
      text += " override=\(Self.escaped(record.override)) given=\(record.given ?? "")\n"
    }
    return Array((text + "end\n").utf8)
  }

  /// Reads what was written, also by 0.1.0, which escaped nothing.
  init(_ bytes: [UInt8]) throws(Flaw) {
    var scanner = JournalScanner(bytes)
    let version = try scanner.literal(of: Self.versions)
    try scanner.literal("boot ")
    boot = try scanner.word(until: "\n")
    try scanner.literal("process ")
    guard let process = Int32(try scanner.word(until: "\n")), process > 0 else { throw .foreign }
    self.process = process
    owner = version == 2 ? try Self.owner(&scanner) : nil
    records = []
    var seen: Set<BDF> = []
    while try scanner.literal(of: ["device ", "end\n"]) == 0 {
      let record = try version == 0 ? Self.firstRecord(&scanner) : Self.record(&scanner)
      guard seen.insert(record.address).inserted else { throw .foreign }
      records.append(record)
    }
    guard scanner.isAtEnd else { throw .foreign }
  }

  private static func owner(_ scanner: inout JournalScanner) throws(Flaw) -> JournalOwner {
    try scanner.literal("owner ")
    let kind = JournalOwner.Kind(rawValue: try scanner.word(until: ":"))
    let bytes = unescaped(try scanner.word(until: "\n"))
    guard let kind, let bytes, let name = String(validating: bytes, as: UTF8.self),
      let owner = JournalOwner(kind, name)
    else { throw .foreign }
    return owner
  }

  private static func firstRecord(
    _ scanner: inout JournalScanner
  ) throws(Flaw) -> DriverRecord {
    let (address, driver) = try device(&scanner)
    return DriverRecord(
      address: address, driver: driver, override: try scanner.line(), given: nil)
  }

  private static func record(_ scanner: inout JournalScanner) throws(Flaw) -> DriverRecord {
    let (address, driver) = try device(&scanner)
    let override = unescaped(try scanner.word(until: " "))
    try scanner.literal("given=")
    let given = try scanner.word(until: "\n")
    guard let override, given.isEmpty || SysfsWrite.isDriverName(given) && VFIODriver.isVFIO(given)
    else {
      throw .foreign
    }
    return DriverRecord(
      address: address, driver: driver, override: override, given: given.isEmpty ? nil : given)
  }

  /// The part that both forms have, up to the value of the override.
  private static func device(
    _ scanner: inout JournalScanner
  ) throws(Flaw) -> (address: BDF, driver: String?) {
    guard let address = BDF(try scanner.word(until: " ")) else { throw .foreign }
    try scanner.literal("driver=")
    let driver = try scanner.word(until: " ")
    guard driver.isEmpty || SysfsWrite.isDriverName(driver) else { throw .foreign }
    try scanner.literal("override=")
    return (address, driver.isEmpty ? nil : driver)
  }

  private static func escaped(_ bytes: [UInt8]) -> String {
    bytes.reduce(into: "") { text, byte in
      if 0x20 < byte, byte < 0x7f, byte != UInt8(ascii: "%") {
        text.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        text += "%" + hexDigits(UInt64(byte), 2)
      }
    }
  }

  /// The bytes that are written so, and in no other way; `nil` if no override can be.
  private static func unescaped(_ text: String) -> [UInt8]? {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let first = rest.popFirst() {
      if first != UInt8(ascii: "%") {
        bytes.append(first)
      } else if let byte = Hex.bytes(rest.prefix(2)), !byte.isEmpty {
        bytes += byte
        rest = rest.dropFirst(2)
      } else {
        return nil
      }
    }
    let isPossible = !bytes.contains { $0 == 0 || $0 == 10 }
    return isPossible && escaped(bytes) == text ? bytes : nil
  }
}

/// Reads a journal from its start, and tells one that stops from one that goes on as it must not.
private struct JournalScanner {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  var isAtEnd: Bool { rest.isEmpty }

  /// Goes past a text.
  mutating func literal(_ text: String) throws(JournalText.Flaw) { _ = try literal(of: [text]) }

  /// Goes past one of some texts; says which one it is.
  mutating func literal(of texts: [String]) throws(JournalText.Flaw) -> Int {
    for (index, text) in texts.enumerated() where rest.starts(with: text.utf8) {
      rest = rest.dropFirst(text.utf8.count)
      return index
    }
    throw texts.contains { $0.utf8.starts(with: rest) } ? .incomplete : .foreign
  }

  /// Printable ASCII without blanks, up to a character that is passed.
  mutating func word(until end: Character) throws(JournalText.Flaw) -> String {
    let text = try bytes(until: end) { 0x20 < $0 && $0 < 0x7f && $0 != end.asciiValue }
    return String(decoding: text, as: UTF8.self)
  }

  /// What is left of a line; its end is passed.
  mutating func line() throws(JournalText.Flaw) -> [UInt8] {
    try bytes(until: "\n") { $0 != 0 && $0 != 10 }
  }

  private mutating func bytes(
    until end: Character, while isPart: (UInt8) -> Bool
  ) throws(JournalText.Flaw) -> [UInt8] {
    let part = rest.prefix(while: isPart)
    rest = rest[part.endIndex...]
    guard let next = rest.popFirst() else { throw .incomplete }
    guard next == end.asciiValue else { throw .foreign }
    return Array(part)
  }
}
