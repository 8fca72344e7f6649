import Parser

/// A write to a driver attribute of sysfs: a closed set, as that of nodes.
///
/// What is the same wherever a write is shown stands here.
public enum SysfsWrite: Hashable, Sendable {
  /// Takes a device from its driver: its address into `driver/unbind`.
  case unbind(BDF, from: String)
  /// Says which driver may have a device: a name into `driver_override`.
  case driverOverride(BDF, String)
  /// Lets the named driver find the device: its address into `drivers_probe`.
  case probe(BDF, by: String)

  /// The device whose driver changes.
  public var address: BDF {
    switch self {
    case .unbind(let address, _), .driverOverride(let address, _), .probe(let address, _): address
    }
  }

  /// The driver that loses or gets the device.
  public var driver: String {
    switch self {
    case .unbind(_, let driver), .driverOverride(_, let driver), .probe(_, let driver): driver
    }
  }

  /// The attribute that is written, below the device or, for a probe, below the PCI bus.
  public var attribute: StaticString {
    switch self {
    case .unbind: "driver/unbind"
    case .driverOverride: "driver_override"
    case .probe: "drivers_probe"
    }
  }

  /// Where the attribute is.
  public var path: String {
    switch self {
    case .unbind, .driverOverride: "/sys/bus/pci/devices/\(address)/\(attribute)"
    case .probe: "/sys/bus/pci/\(attribute)"
    }
  }

  /// What is written to it.
  public var value: String {
    switch self {
    case .unbind, .probe: address.description
    case .driverOverride: driver
    }
  }

  /// How the text of a program puts it: `unbind 0000:01:00.0 from "nvme"`.
  var words: (verb: String, beforeDriver: StaticString) {
    switch self {
    case .unbind: ("unbind", "from")
    case .driverOverride: ("override", "with")
    case .probe: ("probe", "by")
    }
  }

  /// Every errno that the write can give.
  var errnos: ErrnoTable {
    causes + accessDenied
  }

  private var causes: ErrnoTable {
    switch self {
    case .unbind:
      [
        .enoent: "the device has no driver any more, or is gone",
        .enodev: "the device is on another driver",
        .ebusy: "the device is in use",
      ]
    case .driverOverride:
      [
        .enoent: "the device is gone",
        .einval: "the driver's name is too long",
      ]
    case .probe:
      [
        .enodev: "the driver did not take the device, or the device is gone",
        .ebusy: "vfio-pci takes no physical function that has virtual functions",
        .einval: "a user of VFIO owns the device's group, or the probe was refused",
      ]
    }
  }
}
