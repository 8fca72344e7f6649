/// The part of a Linux release that decides what its interfaces can do.
public struct KernelVersion: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The first number.
  public let major: Int
  /// The second number.
  public let minor: Int
  /// The third number of a release before 3.0; 0 from then on, where it counts fixes only.
  let patch: Int

  /// Makes a version from its numbers.
  public init(_ major: Int, _ minor: Int, _ patch: Int = 0) {
    self.major = major
    self.minor = minor
    self.patch = major < 3 ? patch : 0
  }

  /// Reads a release as the kernel tells it, such as `6.12.30+deb13-amd64`; `nil` if it does not
  /// start with a version.
  public init?(_ release: String) {
    var rest = release.utf8[...]
    guard let major = Self.takeNumber(from: &rest), Self.takePoint(from: &rest),
      let minor = Self.takeNumber(from: &rest)
    else { return nil }
    self.init(major, minor, Self.third(of: rest) ?? 0)
  }

  /// The number after the next point, if one follows it at once.
  fileprivate static func third(of rest: Substring.UTF8View) -> Int? {
    guard let point = rest.firstIndex(of: UInt8(ascii: ".")) else { return nil }
    var rest = rest[point...].dropFirst()
    return takeNumber(from: &rest)
  }

  /// Takes the decimal digits that come next, which must be a number that fits.
  fileprivate static func takeNumber(from rest: inout Substring.UTF8View) -> Int? {
    let digits = rest.prefix(while: \.isDecimalDigit)
    rest = rest[digits.endIndex...]
    return Int(Substring(digits))
  }

  private static func takePoint(from rest: inout Substring.UTF8View) -> Bool {
    rest.popFirst() == UInt8(ascii: ".")
  }

  /// The version as it is written, for example `6.13`.
  public var description: String { patch == 0 ? "\(major).\(minor)" : "\(major).\(minor).\(patch)" }

  /// Whether a version came before another.
  public static func < (left: KernelVersion, right: KernelVersion) -> Bool {
    (left.major, left.minor, left.patch) < (right.major, right.minor, right.patch)
  }
}

extension HostKernel {
  /// The version the release starts with; `nil` if it does not start with one.
  public var version: KernelVersion? { KernelVersion(release) }

  /// The third number of the release, which counts the fixes of a stable series.
  ///
  /// `nil` if nothing tells: Debian and Ubuntu name releases by .0, whatever fixes they have.
  public var fixes: Int? {
    let first = release.utf8.prefix { $0 != UInt8(ascii: ".") }
    let number = KernelVersion.third(of: release.utf8[first.endIndex...].dropFirst())
    return number == 0 ? nil : number
  }

  /// Whether the release is one of a vendor who brings much of later releases to older ones, so
  /// that the number does not tell what the kernel lacks.
  ///
  /// Red Hat and its heirs, openEuler, Anolis, Azure, SUSE, NVIDIA, deepin.
  public var isVendorsOwn: Bool {
    // To look for a text in another one the standard library first makes a table.
    var rest = release.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-"), let next = rest.first,
        next >= UInt8(ascii: "a")
      else { continue }
      let words = byte == UInt8(ascii: ".") ? Self.vendorsSeries : Self.vendorsFlavours
      if words.contains(where: { rest.starts(with: $0.utf8) }) { return true }
    }
    return false
  }

  /// What follows a point in releases of a vendor's own.
  private static let vendorsSeries = ["el", "oe", "an"]
  /// What follows a hyphen in them.
  private static let vendorsFlavours = ["azure", "default", "nvidia", "deepin"]
}
