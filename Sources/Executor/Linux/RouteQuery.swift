import CLinux
import Glibc

/// The routes of every table and both families, as rtnetlink lists them (linux/rtnetlink.h, 2.6).
///
/// `/proc/net/route` has one table only, and of a route over several interfaces the first.
struct RouteQuery {
  private var routes = Routes()

  /// The routes of this machine; `nil` if the kernel does not tell.
  static func run() -> Routes? {
    // NETLINK_ROUTE is 0.
    let file = socket(AF_NETLINK, Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var query = RouteQuery()
    for family in [AF_INET, AF_INET6] where !query.list(family, file) { return nil }
    return query.routes
  }

  /// Lists one family's routes; says whether the list came whole.
  private mutating func list(_ family: Int32, _ file: Int32) -> Bool {
    // struct nlmsghdr: length, RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP; then struct rtmsg.
    var request = [UInt8](repeating: 0, count: 28)
    (request[0], request[4]) = (28, 26)
    (request[6], request[7], request[16]) = (0x01, 0x03, UInt8(family))
    guard send(file, request, request.count, 0) == request.count else { return false }
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = recv(file, &buffer, buffer.count, 0)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      if let isWhole = take(buffer[..<count]) { return isWhole }
    }
  }

  /// Takes the messages of one datagram; whether the list is whole if they are its last.
  private mutating func take(_ bytes: ArraySlice<UInt8>) -> Bool? {
    for (kind, body) in Self.parts(bytes, header: 16, kindAt: 4) {
      switch kind {
      case 3: return true  // NLMSG_DONE
      case 2: return false  // NLMSG_ERROR
      case 24: takeRoute(body)  // RTM_NEWROUTE
      default: continue
      }
    }
    return nil
  }

  private mutating func takeRoute(_ message: ArraySlice<UInt8>) {
    guard message.count >= 12 else { return }
    let (length, type) = (message[message.startIndex + 1], message[message.startIndex + 7])
    var indices: [UInt32] = []
    for (kind, value) in Self.parts(message.dropFirst(12), header: 4, kindAt: 2) {
      switch kind {
      case 4: indices.append(Self.word(value, 0))  // RTA_OIF
      case 9:  // RTA_MULTIPATH: struct rtnexthop, with the interface after four bytes.
        indices += Self.parts(value, header: 8, kindAt: 2, bodyAt: 4).map { Self.word($0.body, 0) }
      default: continue
      }
    }
    let names = indices.compactMap(Self.name)
    if type == 2 { routes.addressed.formUnion(names) }  // RTN_LOCAL
    // RTN_UNICAST to everywhere.
    if type == 1, length == 0 { routes.defaults.formUnion(names) }
  }

  private static func name(of index: UInt32) -> String? {
    var name = [CChar](repeating: 0, count: Int(IF_NAMESIZE))
    guard if_indextoname(index, &name) != nil else { return nil }
    return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// Splits what is written one after the other, each with its length before it, on words.
  private static func parts(
    _ bytes: ArraySlice<UInt8>, header: Int, kindAt: Int, bodyAt: Int? = nil
  ) -> [(kind: UInt16, body: ArraySlice<UInt8>)] {
    var (rest, found) = (bytes, [(kind: UInt16, body: ArraySlice<UInt8>)]())
    while rest.count >= header {
      let length = header == 16 ? Int(word(rest, 0)) : Int(half(rest, 0))
      guard length >= header, length <= rest.count else { break }
      found.append((half(rest, kindAt), rest.prefix(length).dropFirst(bodyAt ?? header)))
      rest = rest.dropFirst((length + 3) & ~3)
    }
    return found
  }

  private static func half(_ bytes: ArraySlice<UInt8>, _ offset: Int) -> UInt16 {
    bytes.dropFirst(offset).prefix(2).withUnsafeBytes {
      $0.count == 2 ? $0.loadUnaligned(as: UInt16.self) : 0
    }
  }

  private static func word(_ bytes: ArraySlice<UInt8>, _ offset: Int) -> UInt32 {
    bytes.dropFirst(offset).prefix(4).withUnsafeBytes {
      $0.count == 4 ? $0.loadUnaligned(as: UInt32.self) : 0
    }
  }
}
