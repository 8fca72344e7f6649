import Glibc
import Parser
import Planner

/// What a path of a program leads to on the emulated machine.
enum EmulatedPath {
  /// Nothing of ours.
  case other
  /// A device node of VFIO, iommufd or KVM.
  case node(DevicePath)
  /// The attribute in which a device's driver is chosen.
  case driverOverride(BDF)
}

/// Finds out what paths lead to: quickly for all that is not ours.
struct EmulatedPaths {
  private static let device = Array("/dev/".utf8)
  private static let system = Array("/sys/".utf8)
  private static let override = Array("/driver_override".utf8)
  /// The nodes that some kernel has one of.
  private static let single = DevicePath.single.filter { !$0.isProposalOnly }
  /// Names with which a path of ours may end.
  private static let names = single.map {
    $0.node.split(separator: "/").last.map { Array($0.utf8) } ?? []
  }

  /// Whether KVM is simulated, too.
  let hasKVM: Bool
  /// The devices of the numbers in `/dev/vfio/devices`.
  var devices: [Int: BDF] = [:]

  /// What a path leads to; `base` says where one begins that is relative.
  func kind(of path: UnsafeBufferPointer<UInt8>, from base: () -> String?) -> EmulatedPath {
    guard let first = path.first else { return .other }
    if first == UInt8(ascii: "/") {
      if path.starts(with: Self.device), let found = node(Array(path)) { return found }
      if path.starts(with: Self.system), let found = attribute(Array(path)) { return found }
    }
    // Half of what a program opens are libraries, of which many end with a number.
    guard endsLikeOurs(path), !isWhole(path), let whole = whole(Array(path), from: base) else {
      return .other
    }
    return node(whole) ?? attribute(whole) ?? .other
  }

  /// Whether a path begins at the root, and has no part that is empty or begins with a point.
  private func isWhole(_ path: UnsafeBufferPointer<UInt8>) -> Bool {
    let (slash, point) = (UInt8(ascii: "/"), UInt8(ascii: "."))
    return path.first == slash
      && !zip(path, path.dropFirst()).contains { $0 == slash && ($1 == slash || $1 == point) }
  }

  private func endsLikeOurs(_ path: UnsafeBufferPointer<UInt8>) -> Bool {
    let start = path.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
    let name = path[start...]
    if Self.names.contains(where: { name.elementsEqual($0) }) { return true }
    if name.count == Self.override.count - 1 {
      return name.elementsEqual(Self.override.dropFirst())
    }
    return name.last.map { $0 >= 48 && $0 <= 57 } ?? false
  }

  private func node(_ path: [UInt8]) -> EmulatedPath? {
    let text = String(decoding: path, as: UTF8.self)
    if let path = Self.single.first(where: { $0.node == text }) {
      return path == .kvm && !hasKVM ? nil : .node(path)
    }
    if text.hasPrefix("/dev/vfio/devices/vfio") {
      return Self.number(text.dropFirst(22)).flatMap { devices[$0] }.map { .node(.vfioDevice($0)) }
    }
    guard text.hasPrefix("/dev/vfio/") else { return nil }
    return Self.number(text.dropFirst(10)).map { .node(.vfioGroup($0)) }
  }

  private func attribute(_ path: [UInt8]) -> EmulatedPath? {
    guard path.count > Self.override.count, path.suffix(Self.override.count) == Self.override[...]
    else { return nil }
    let words = String(decoding: path, as: UTF8.self).split(separator: "/")
    guard words.count > 2, let address = BDF(String(words[words.count - 2])) else { return nil }
    return .driverOverride(address)
  }

  private static func number(_ text: Substring) -> Int? {
    text.isDecimal ? Int(text) : nil
  }

  /// A path from the root on, without `.` and `..`; links are not followed.
  private func whole(_ path: [UInt8], from base: () -> String?) -> [UInt8]? {
    var text = String(decoding: path, as: UTF8.self)
    if !text.hasPrefix("/") {
      guard let base = base() else { return nil }
      text = base + "/" + text
    }
    var parts: [Substring] = []
    for part in text.split(separator: "/") where part != "." {
      if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    return Array(("/" + parts.joined(separator: "/")).utf8)
  }
}
