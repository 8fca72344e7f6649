/// A device that was found on the host: its place is its address.
public typealias ResolvedDevice = AssignedDevice<BDF>

/// How a device is told: as a description names it, or by its address once it is found.
public protocol DevicePlace: Hashable, Sendable {
  /// The place of the device at an address.
  init(at address: BDF)
  /// The same as a description has it.
  var reference: DeviceReference { get }
}

extension BDF: DevicePlace {
  /// Itself.
  public init(at address: BDF) { self = address }
  /// The device by its address.
  public var reference: DeviceReference { .address(self) }
}

/// One host device given to the VM.
public struct AssignedDevice<Place: DevicePlace>: Hashable, Sendable {
  /// The user's name for it, unique in the VM.
  @Located public var name: String
  /// Which device of the host it is.
  @Located public var place: Place
  /// The VFIO driver it is to be given to; `nil` for `vfio-pci`, or the one that has it.
  @Located public var driver: String?
  /// The secret that opens a virtual function whose physical function is on vfio-pci; `nil` if
  /// there is none.
  @Located public var vfToken: VFToken?
  /// Whether libvirt changes the device's driver (`managed='yes'`); `nil` if nothing is said.
  public var managed: Bool?
  /// What is wanted of its no-snoop DMA.
  @Located public var noSnoop: NoSnoopIntent
  /// The address space its DMA goes through; `gpa` unless told otherwise.
  @Located public var addressSpace: String
  /// What it has to be; `nil` if nothing is said.
  public var expected: DeviceExpectation?
  /// Where the whole entry stands.
  public var span: SourceSpan

  /// Makes an entry whose parts all stand at one place; the decoder refines the places, that of
  /// what was left out being the name's.
  public init(
    name: String, place: Place, noSnoop: NoSnoopIntent = .auto,
    addressSpace: String = VMDescription.guestPhysicalSpace, span: SourceSpan = .wholeVM
  ) {
    _name = Located(name, at: span)
    _place = Located(place, at: span)
    _driver = Located(nil, at: span)
    _vfToken = Located(nil, at: span)
    _noSnoop = Located(noSnoop, at: span)
    _addressSpace = Located(addressSpace, at: span)
    self.span = span
  }

  /// As above, by an address.
  public init(
    name: String, address: BDF, noSnoop: NoSnoopIntent = .auto,
    addressSpace: String = VMDescription.guestPhysicalSpace, span: SourceSpan = .wholeVM
  ) {
    self.init(
      name: name, place: Place(at: address), noSnoop: noSnoop, addressSpace: addressSpace,
      span: span)
  }

  /// The same of a device that is told in another way.
  fileprivate func at<Other>(_ other: Other) -> AssignedDevice<Other> {
    var device = AssignedDevice<Other>(name: name, place: other, span: span)
    (device.$name, device.$place) = ($name, $place)
    (device.driver, device.$driver) = (driver, $driver)
    (device.vfToken, device.$vfToken) = (vfToken, $vfToken)
    device.managed = managed
    (device.noSnoop, device.$noSnoop) = (noSnoop, $noSnoop)
    (device.addressSpace, device.$addressSpace) = (addressSpace, $addressSpace)
    device.expected = expected
    return device
  }
}

// Not generic: another module's copies of a generic function are not specialised.
extension AssignedDevice<DeviceReference> {
  /// The same device, found at an address.
  public func found(at address: BDF) -> ResolvedDevice { at(address) }
}

extension ResolvedDevice {
  /// The same as a description has it.
  public var described: AssignedDevice<DeviceReference> { at(place.reference) }

  /// Its PCI address on the host.
  public var address: BDF {
    get { place }
    set { place = newValue }
  }
}
