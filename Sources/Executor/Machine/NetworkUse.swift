import Parser

/// What the networks of PCI functions are used for.
struct NetworkUse {
  private let tree: SysfsTree
  private let interfaces: SysfsLinks
  private let routes: Routes

  /// Reads the interfaces and the routes of a tree; `more` is what no file says of them.
  init(_ tree: SysfsTree, _ more: Routes?) {
    self.tree = tree
    interfaces = SysfsLinks("/sys/class/net", in: tree)
    routes = Routes(
      defaults: (more?.defaults ?? []).union(tree.defaultRoutes),
      addressed: (more?.addressed ?? []).union(tree.addressedInterfaces))
  }

  /// The default routes through a function, and its interfaces that are in use.
  func uses(of address: BDF) -> [DeviceUse.Use] {
    let own = interfaces.below(address).map(\.name)
    let through = routes.defaults.sorted().filter { !Set(own).isDisjoint(with: withLower($0)) }
    let routed = Set(through.flatMap(withLower))
    let others = own.filter { !routed.contains($0) && isInUse($0) }
    return through.map { .defaultRoute($0) } + others.map { .interface($0) } + ignorance(of: own)
  }

  /// Why it can't be said that no default route goes through interfaces.
  private func ignorance(of own: [String]) -> [DeviceUse.Use] {
    let files = ["/proc/net/route", "/proc/net/ipv6_route"]
    let unread =
      files.lazy.compactMap { path in
        tree.problem(at: path).map { OpenFiles.Blindness(path: path, error: $0) }
      }.first ?? interfaces.unread
    return own.isEmpty && interfaces.unread == nil ? [] : unread.map { [.unknownRoute($0)] } ?? []
  }

  private func isInUse(_ interface: String) -> Bool {
    let isConnected = tree.text("/sys/class/net/\(interface)/carrier") == "1"
    return isConnected || !routes.addressed.isDisjoint(with: upper(interface))
  }

  /// An interface and those that are built on it.
  private func upper(_ interface: String) -> [String] {
    reached(from: interface) { linked("upper_", of: $0) }
  }

  /// An interface and those it is built on: ports of a bridge, links of a bond, what has a VLAN.
  private func withLower(_ interface: String) -> [String] {
    reached(from: interface) { linked("lower_", of: $0) + switchPorts(below: $0) }
  }

  private func linked(_ prefix: String, of interface: String) -> [String] {
    tree.names(in: "/sys/class/net/" + interface).filter { $0.hasPrefix(prefix) }
      .map { String($0.dropFirst(prefix.count)) }
  }

  /// The ports of Open vSwitch's datapath, if an interface can be one of its bridges: sysfs has no
  /// link between them (`internal_dev_create`, net/openvswitch/vport-internal_dev.c, 5.15).
  private func switchPorts(below interface: String) -> [String] {
    let entries = tree.names(in: "/sys/class/net/" + interface)
    let isOtherwiseKnown = entries.contains {
      ["bridge", "bonding", "tun_flags", "device"].contains($0) || $0.hasPrefix("lower_")
    }
    if isOtherwiseKnown || interface == "lo" { return [] }
    return interfaces.entries.map(\.name).filter {
      tree.link("/sys/class/net/\($0)/master") == "ovs-system"
    }
  }
}

extension SysfsTree {
  /// The interfaces of default routes; of version 4 the main table's only.
  fileprivate var defaultRoutes: [String] {
    let old = routes(of: "/proc/net/route", " \t").dropFirst().compactMap { words in
      words.count > 7 && words[1] == "00000000" && words[7] == "00000000" ? words[0] : nil
    }
    let zeros = String(repeating: "0", count: 32)
    let new = routes(of: "/proc/net/ipv6_route", " ").compactMap { words in
      words.count == 10 && words[0] == zeros && words[1] == "00" && words[9] != "lo"
        ? words[9] : nil
    }
    return old + new
  }

  /// The interfaces with addresses, or at least routes to a network of their own.
  fileprivate var addressedInterfaces: [String] {
    routes(of: "/proc/net/route", " \t").dropFirst().compactMap(\.first)
      + routes(of: "/proc/net/if_inet6", " ").compactMap(\.last)
  }

  private func routes(of path: String, _ separators: String) -> [[String]] {
    (text(path) ?? "").split(separator: "\n").map { line in
      line.split(whereSeparator: separators.contains).map(String.init)
    }
  }
}
