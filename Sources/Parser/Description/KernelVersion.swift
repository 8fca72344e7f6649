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
    let parts = release.split(separator: ".", maxSplits: 2)
    guard parts.count >= 2, let major = Int(parts[0]), let minor = Self.number(parts[1]) else {
      return nil
    }
    self.init(major, minor, parts.dropFirst(2).first.flatMap(Self.number) ?? 0)
  }

  /// The number a part begins with.
  fileprivate static func number(_ part: Substring) -> Int? {
    Int(part.prefix { $0.isASCII && $0.isWholeNumber })
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
    let third = release.split(separator: ".", maxSplits: 2).dropFirst(2).first
    let number = third.flatMap(KernelVersion.number)
    return number == 0 ? nil : number
  }

  /// Whether the release is one of a vendor who brings much of later releases to older ones, so
  /// that the number does not tell what the kernel lacks.
  ///
  /// Red Hat and its heirs, openEuler, Anolis, Azure, SUSE, NVIDIA, deepin.
  public var isVendorsOwn: Bool {
    let suffixes = [".el", ".oe", ".an", "-azure", "-default", "-nvidia", "-deepin"]
    let bytes = release.utf8
    // To look for a text in another one the standard library first makes a table.
    return bytes.indices.contains { place in
      (bytes[place] == UInt8(ascii: ".") || bytes[place] == UInt8(ascii: "-"))
        && suffixes.contains { bytes[place...].starts(with: $0.utf8) }
    }
  }
}
