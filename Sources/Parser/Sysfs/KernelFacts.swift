extension HostKernel {
  /// What a kernel offers: by its files, by its modules' classes, and for modules that come when
  /// they are needed by the configuration it was built with.
  init(_ tree: SysfsTree) {
    let release = tree.text("/proc/sys/kernel/osrelease") ?? ""
    let options = KernelOptions(tree, release)
    self.init(
      release: release,
      iommufd: tree.hasDevice("iommu", "/dev/iommu") || options.has("CONFIG_IOMMUFD"),
      type1: tree.hasDevice("vfio", "/dev/vfio/vfio") || options.has("CONFIG_VFIO_IOMMU_TYPE1"),
      kvm: tree.hasDevice("kvm", "/dev/kvm"),
      allowUnsafeInterrupts: tree.allowsUnsafeInterrupts)
    vfioCdev =
      tree.hasCdevs ?? options.has("CONFIG_VFIO_DEVICE_CDEV")
      || options.isUnknown && iommufd && hasRelease(atLeast: 6, 6)
  }
}

extension SysfsTree {
  /// Whether the kernel has a device of class `misc`, or its node.
  fileprivate func hasDevice(_ name: String, _ node: String) -> Bool {
    exists("/sys/class/misc/\(name)") || exists(node)
  }

  /// Whether devices of VFIO have nodes; `nil` if there is no device to look at.
  ///
  /// The class is there from 6.1 on, the nodes from 6.6 on with CONFIG_VFIO_DEVICE_CDEV.
  fileprivate var hasCdevs: Bool? {
    let directory = "/sys/class/vfio-dev"
    return names(in: directory).first.map { exists("\(directory)/\($0)/dev") }
  }

  /// Whether every loaded interface was told to give devices without isolated interrupts; iommufd
  /// and type1 have a parameter each.
  fileprivate var allowsUnsafeInterrupts: Bool {
    let told = ["iommufd", "vfio_iommu_type1"].compactMap {
      text("/sys/module/\($0)/parameters/allow_unsafe_interrupts")
    }
    return !told.isEmpty && told.allSatisfy { $0 == "Y" || $0 == "1" }
  }
}

/// The options a kernel was built with, if its distribution tells.
private struct KernelOptions {
  private let enabled: Set<Substring>

  init(_ tree: SysfsTree, _ release: String) {
    let isName = !release.contains("/")
    let text = isName ? tree.text("/boot/config-" + release) ?? "" : ""
    let lines = text.split(separator: "\n").filter { $0.hasSuffix("=y") || $0.hasSuffix("=m") }
    enabled = Set(lines.map { $0.dropLast(2) })
  }

  /// Whether nothing tells.
  var isUnknown: Bool { enabled.isEmpty }

  func has(_ option: Substring) -> Bool { enabled.contains(option) }
}
