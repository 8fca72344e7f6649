import Parser
import Planner

/// What is looked at on this machine before a program's first step.
///
/// Only what would make the first steps fail after others had changed something: nodes and drivers
/// that are not there, or not ours to use.
public enum KernelPreflight {
  /// What a program needs and this machine lacks; all of it at once.
  ///
  /// An iommufd that comes from elsewhere needs no node here.
  public static func findings(
    for program: Program, receivingIOMMUFD isReceived: Bool = false
  ) -> [Diagnostic] {
    var seen: Set<String> = isReceived ? ["/dev/iommu"] : []
    let unmet: [Diagnostic] = program.steps.compactMap { step in
      guard let (path, need) = requirement(of: step.action), seen.insert(path).inserted else {
        return nil
      }
      switch SystemCalls.refusal(of: path) {
      case nil: return nil
      case .enoent?: return need.map { KernelDiagnostics.missing(path, $0, step.origin) }
      case let errno?: return KernelDiagnostics.denied(path, errno, step.origin)
      }
    }
    return (unknownUse(of: program).map { [$0] } ?? []) + unmet
  }

  /// Without `/proc` nobody knows what is mounted from a device that changes its driver.
  private static func unknownUse(of program: Program) -> Diagnostic? {
    let change = program.steps.first { $0.action.verb == .sysfs }
    guard let change else { return nil }
    let path = "/proc/self/mountinfo"
    do throws(Errno) {
      _ = try SystemCalls.read(path)
      return nil
    } catch .enoent {
      return KernelDiagnostics.missing(path, "/proc, which says what uses a device", change.origin)
    } catch {
      return KernelDiagnostics.denied(path, error, change.origin)
    }
  }

  /// The file a step needs, and what brings it; `nil` if the program itself may.
  private static func requirement(of action: Action) -> (path: String, need: String?)? {
    switch action {
    case .open(.vfioDevice(let address), _):
      DriverLinks.cdev(of: address).map { ("/dev/vfio/devices/" + $0, nil) }
    case .open(let path, _): path.isProposalOnly ? nil : (path.node, need(of: path))
    case .sysfs(.driverOverride(let address, _)):
      (
        DriverLinks.device(address) + "/driver_override",
        "a device at \(address); Linux \(KernelRules.driverOverride.since) for driver_override"
      )
    case .sysfs(.probe(_, let driver)):
      ("/sys/bus/pci/drivers/\(driver)/bind", "driver \(driver) (CONFIG_VFIO_PCI), or its module")
    default: nil
    }
  }

  private static func need(of path: DevicePath) -> String? {
    path.option.map { "\($0)" + (path == .kvm ? ", and virtualization in the firmware" : "") }
  }
}

extension Action {
  /// The kernel option or release that a failing step lacks; `nil` if it failed for another reason.
  public func missingFeature(_ errno: Errno) -> String? {
    switch (self, errno) {
    case (.open(let path, _), .enoent): path.option.map { "the kernel needs \($0)" }
    case (.ioctl(_, let request, _, _), .enotty):
      "this kernel does not know \(request.name) (\(request.source))"
    default: nil
    }
  }
}
