import Parser
import Testing

@testable import Executor

/// Which paths of a program lead to the emulated machine.
struct EmulatedPathTests {
  private static let address = BDF(domain: 0, bus: 1, device: 0, function: 0)

  private static func shown(_ path: String, from base: String? = "/nowhere") -> String {
    var paths = EmulatedPaths(hasKVM: true)
    paths.devices = [3: address]
    return Array(path.utf8).withUnsafeBufferPointer { bytes in
      switch paths.kind(of: bytes, from: { base }) {
      case .other: "other"
      case .node(let node): "\(node)"
      case .driverOverride(let address): "override of \(address)"
      }
    }
  }

  @Test(arguments: [
    "/dev/iommu", "//dev//iommu", "/dev/./iommu", "/dev/vfio/../iommu", "/usr/../dev/iommu",
  ])
  func aNodeIsFoundHoweverItIsWritten(path: String) { #expect(Self.shown(path) == "iommu") }

  @Test func nodesOfVFIOAreFound() {
    #expect(Self.shown("/dev/vfio/vfio") == "vfioContainer")
    #expect(Self.shown("/dev/vfio/12") == "vfioGroup(12)")
    #expect(Self.shown("/dev/vfio/devices/vfio3").hasPrefix("vfioDevice"))
    #expect(Self.shown("/dev/kvm") == "kvm")
  }

  @Test func aPathThatBeginsElsewhereIsFoundFromThere() {
    #expect(Self.shown("vfio", from: "/dev/vfio") == "vfioContainer")
    #expect(Self.shown("../iommu", from: "/dev/vfio") == "iommu")
    #expect(Self.shown("vfio", from: "/tmp") == "other")
    #expect(Self.shown("vfio", from: nil) == "other")
  }

  @Test(arguments: [
    "", "/", "/etc/passwd", "/dev/null", "/dev/vfio", "/dev/vfio/x", "/dev/vfio/devices/vfio4",
    "/dev/vfio/devices/vfio", "/dev/vfio/99999999999999999999", "/proc/self/fd/3", "/tmp/iommu",
  ])
  func whatIsNotOursIsLeftAlone(path: String) { #expect(Self.shown(path) == "other") }

  @Test func theChoiceOfADriverIsFoundByItsDevice() {
    let path = "/sys/bus/pci/devices/0000:01:00.0/driver_override"
    #expect(Self.shown(path) == "override of 0000:01:00.0")
    #expect(Self.shown("/sys/bus/pci/devices/x/driver_override") == "other")
    #expect(Self.shown("driver_override", from: "/sys/x/0000:01:00.0").hasPrefix("override"))
  }
}
