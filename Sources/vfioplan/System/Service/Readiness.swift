import Glibc
import Parser

/// Tells the manager of services that a plan is in force, as a unit with `Type=notify` waits for.
///
/// The variable NOTIFY_SOCKET names a datagram socket, by a path or, with `@` in front, by an
/// abstract name (sd_notify(3)). Without it, and if it can't be told, nothing happens.
enum Readiness {
  /// Tells it.
  static func announce() {
    guard let stated = getenv("NOTIFY_SOCKET") else { return }
    var name = [UInt8](String(cString: stated).systemBytes)
    guard (2...UnixSocket.maximumPathBytes).contains(name.count), [0x2F, 0x40].contains(name[0])
    else { return }
    if name[0] == 0x40 { name[0] = 0 }
    send(Array("READY=1".utf8), to: name)
  }

  private static func send(_ bytes: [UInt8], to name: [UInt8]) {
    let type = SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
    let file = socket(AF_UNIX, Int32(type), 0)
    guard file >= 0 else { return }
    defer { close(file) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
    // An abstract name ends with the address, not with a zero.
    let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
    _ = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        sendto(file, bytes, bytes.count, Int32(MSG_NOSIGNAL), $0, length)
      }
    }
  }
}
