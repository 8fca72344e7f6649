import Parser

/// Whose the devices of a journal are, where that is not the process that wrote it.
///
/// A process holds its journal by a lock. A hook's process is gone when the VM starts: its journal
/// is the VM's, until somebody says that the VM has ended, or the machine is restarted.
public struct JournalOwner: Hashable, Sendable, CustomStringConvertible {
  /// What starts the VM; the raw value is the word before the colon.
  public enum Kind: String, CaseIterable, Sendable {
    /// A domain of libvirt, by its name.
    case libvirt
    /// A VM of Proxmox VE, by its number.
    case proxmox
  }

  /// What starts the VM.
  public let kind: Kind
  /// What it calls the VM.
  public let name: String

  /// Names an owner; `nil` if no journal can hold the name: 1 to 255 bytes without zeros and line
  /// ends.
  public init?(_ kind: Kind, _ name: String) {
    let bytes = name.utf8
    guard (1...255).contains(bytes.count), !bytes.contains(where: { $0 == 0 || $0 == 10 }) else {
      return nil
    }
    self.kind = kind
    self.name = name
  }

  /// Reads `libvirt:NAME` or `proxmox:NUMBER`.
  public init?(_ text: String) {
    guard let colon = text.firstIndex(of: ":"), let kind = Kind(rawValue: String(text[..<colon]))
    else { return nil }
    self.init(kind, String(text[text.index(after: colon)...]))
  }

  /// As it is written on command lines: `libvirt:win11`.
  public var description: String { "\(kind.rawValue):\(name)" }

  /// What it is called in messages: `libvirt domain 'win11'`.
  public var text: String {
    let quoted = "'\(name.visible)'"
    return kind == .libvirt ? "libvirt domain \(quoted)" : "Proxmox VM \(quoted)"
  }
}
