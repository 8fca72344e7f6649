import Parser

/// How a VMM comes to page tables: it attaches one device after another, each to a page table that
/// accepts it, and makes a new one only if none does.
public struct VMMRule: Hashable, Sendable {
  /// Which of several page tables that accept a device it gets.
  public enum Choice: Hashable, Sendable {
    /// The newest.
    case newest
    /// The oldest.
    case oldest
    /// The one that does with no-snoop requests what the device's IOMMU can do best.
    case ownFormat
  }

  /// Its name on the command line, with a version if one was given.
  public let name: String
  /// The VMM it stands for, and its version; of any VMM there is none.
  public let program: VMMProgram?
  /// Which version it is; `nil` for any VMM.
  public let version: VMMVersion?
  /// The interface it is on.
  public private(set) var interface: VMMClause.Interface
  /// Which page table a device gets.
  public private(set) var choice: Choice
  /// The interface that its configuration names; `nil` if it is not known.
  private var stated: VMMClause.Interface?
  /// Why it is not on the interface that its version could use; `nil` if it is.
  public private(set) var remark: String?

  /// What it is called in texts, for example `QEMU 10.0 with iommufd`.
  public var title: String {
    guard let program, let version else { return "a VMM with \(interface.rawValue)" }
    return "\(program.title) \(version) with \(interface.rawValue)"
  }

  /// QEMU with an iommufd object, the newest version studied.
  public static let qemu = VMMRule(.qemu)
  /// libvirt, the newest version studied, which starts QEMU.
  public static let libvirt = VMMRule(.libvirt)
  /// cloud-hypervisor with `iommufd=on`, the newest version studied.
  public static let cloudHypervisor = VMMRule(.cloudHypervisor)

  /// Any VMM on a VFIO container.
  ///
  /// The kernel puts a group on a page table with the same enforcement only
  /// (`vfio_iommu_type1_attach_group`, drivers/vfio/vfio_iommu_type1.c, 5.4 to 7.3).
  public static let type1 = VMMRule(
    name: "type1", program: nil, version: nil, interface: .type1, choice: .ownFormat)

  /// Every rule of a newest version, in the order they are documented.
  public static let all = [qemu, libvirt, cloudHypervisor, type1]

  /// The forms of names, for messages.
  public static let forms = all.map { $0.program == nil ? $0.name : "\($0.name)[-VERSION]" }

  /// The rule of a name, such as `qemu` or `qemu-8.2`; `nil` if there is none.
  public static func named(_ name: String) -> VMMRule? {
    if let rule = all.first(where: { $0.name == name }) { return rule }
    for program in VMMProgram.allCases where name.hasPrefix(program.rawValue + "-") {
      return VMMVersion(name.dropFirst(program.rawValue.utf8.count + 1)).map {
        VMMRule(program, $0, name: name)
      }
    }
    return nil
  }

  private init(_ program: VMMProgram) {
    self.init(program, program.newestStudied, name: program.rawValue)
  }

  private init(_ program: VMMProgram, _ version: VMMVersion, name: String) {
    let (interface, choice) = program.best(of: version)
    self.init(name: name, program: program, version: version, interface: interface, choice: choice)
  }

  private init(
    name: String, program: VMMProgram?, version: VMMVersion?, interface: VMMClause.Interface,
    choice: Choice
  ) {
    self.name = name
    self.program = program
    self.version = version
    self.interface = interface
    self.choice = choice
  }
}

extension VMMRule {
  /// The same VMM as a description says that it is configured, if it was made from a configuration
  /// of this VMM; its version unless another one was named.
  public func stated(by clause: VMMClause?) -> VMMRule {
    guard let clause, isStated(by: clause) else { return self }
    var rule = self
    if name == program?.rawValue, clause.kind.rawValue == name,
      let version = clause.version, let named = VMMRule.named("\(name)-\(version)")
    {
      rule = named
    }
    rule.stated = clause.interface
    return rule
  }

  /// The VMM that a configuration starts, as it is configured; `nil` if there is none.
  public static func configured(by clause: VMMClause?) -> VMMRule? {
    let rules = clause == nil ? [] : [libvirt, qemu, cloudHypervisor]
    let named = rules.first { $0.name == clause?.kind.rawValue }
    // Proxmox VE is known by the program that it starts.
    return (named ?? rules.first { $0.isStated(by: clause) && $0.program == .qemu })?
      .stated(by: clause)
  }

  /// Whether a configuration tells how this VMM is started.
  public func isStated(by clause: VMMClause?) -> Bool {
    guard let clause, let program else { return false }
    return clause.kind.starts(program)
  }

  /// The same VMM on the interface that it has on a host, beside a plan for a target.
  ///
  /// What a host is not known to have is not used, unless the plan itself is for it.
  func settled(on kernel: HostKernel, besides target: (any Dialect)?) -> VMMRule {
    var rule = self
    let isPlanned = target?.hasAddressSpaceObjects == true
    if interface == .iommufd, let reason = stated == .type1 ? unstatedReason : nil {
      rule.takeType1(because: reason)
    } else if interface == .iommufd, !isPlanned {
      if !IOMMUFDDialect().isKnown(on: kernel) {
        let isMissing = IOMMUFDDialect().missingInterface(on: kernel) != nil
        let has = isMissing ? "has no" : "is not known to have"
        rule.takeType1(because: "the host \(has) iommufd with files of devices")
      } else if program == .libvirt, stated == nil {
        rule.takeType1(because: "libvirt takes type1 unless a device says iommufd='yes'")
      }
    }
    if let program, let version, program.best(of: version).0 == .type1 {
      rule.remark =
        "\(program.title) \(version) is on type1: it uses iommufd from version "
        + "\(program.firstWithIOMMUFD) on"
    }
    if rule.interface == .type1, kernel.vfioContainer == .iommufd, rule.choice != .oldest {
      rule.choice = .oldest
      rule.remark =
        "iommufd answers /dev/vfio/vfio on this host: who asks for type1 is "
        + "attached by IOAS id"
    }
    return rule
  }

  /// How a configuration comes to name no iommufd.
  private var unstatedReason: String {
    program == .libvirt
      ? "no device of the domain says iommufd='yes'" : "its configuration names no iommufd"
  }

  /// Whether a host may have the interface that it is on.
  public func canRun(on kernel: HostKernel) -> Bool {
    interface == .iommufd || kernel.rules.hasContainer != .no
  }

  private mutating func takeType1(because reason: String) {
    (interface, choice) = (.type1, .ownFormat)
    remark = "\(program?.title ?? "it") is on type1: \(reason)"
  }

  /// Whether page tables that it makes are to track dirty pages where the IOMMU can.
  ///
  /// QEMU asks for that early, by the hardware's capabilities alone
  /// (`iommufd_cdev_autodomains_get`, hw/vfio/iommufd.c, QEMU 9.1 and later).
  var tracksDirtyPages: Bool { choice == .newest }
}

extension VMMClause.Kind {
  /// Whether a configuration of this kind tells how a program is started: libvirt and Proxmox VE
  /// start QEMU.
  fileprivate func starts(_ program: VMMProgram) -> Bool {
    (self == .cloudHypervisor) == (program == .cloudHypervisor)
  }
}
