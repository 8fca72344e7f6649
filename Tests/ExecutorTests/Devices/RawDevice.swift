import Parser
import Planner

@testable import Executor

/// A device that is open, by its own node or by its group, and raw requests to it.
struct RawDevice {
  let raw: RawKernel
  let file: Int32
  /// The iommufd it is bound to, or the container it is in.
  let context: Int32

  /// Binds a device of a host by its own node.
  init(
    _ address: BDF = LabHost.c1, of host: HostDescription = LabHost.mixed(),
    release: KernelVersion = KernelVersion(7, 3)
  ) {
    raw = RawKernel(host, release: release)
    context = raw.file(.iommu)
    file = raw.file(.vfioDevice(address))
    _ = raw.bind(file, context)
  }

  /// Opens a device of a host by its group, in a container.
  init(
    _ address: BDF = LabHost.c1, byGroup group: Int, of host: HostDescription = LabHost.mixed(),
    release: KernelVersion = KernelVersion(7, 3)
  ) {
    raw = RawKernel(host, release: release)
    context = raw.file(.vfioContainer)
    let group = raw.file(.vfioGroup(group))
    _ = raw.setContainer(group, context)
    _ = raw.setIOMMU(context)
    file = raw.deviceFD(group, address.description).file
  }

  /// A request with numbers of 32 bits, in room for so many bytes; the answer, and what is there
  /// afterwards.
  func ask(_ command: UInt32, _ numbers: [UInt32], room: Int? = nil) -> (
    answer: String, bytes: [UInt8]
  ) {
    var bytes = numbers.flatMap { raw.bytes(UInt64($0), 4) }
    if let room { bytes = Array((bytes + [UInt8](repeating: 0xaa, count: room)).prefix(room)) }
    var argument = IoctlArgument.bytes(bytes, pointers: [])
    do throws(Errno) {
      let returned = try raw.kernel.ioctl(file, command, &argument)
      guard case .bytes(let after, _) = argument else { return ("\(returned)", []) }
      return ("\(returned)", after)
    } catch {
      guard case .bytes(let after, _) = argument else { return (error.description, []) }
      return (error.description, after)
    }
  }

  /// The answer alone.
  func say(_ command: UInt32, _ numbers: [UInt32], room: Int? = nil) -> String {
    ask(command, numbers, room: room).answer
  }

  /// Sets interrupts; what is given is the data's numbers of 32 bits.
  func interrupts(
    _ flags: UInt32, _ index: UInt32, start: UInt32 = 0, count: UInt32 = 1, _ data: [Int32] = []
  ) -> String {
    let size = UInt32(20 + 4 * data.count)
    return say(0x3b6e, [size, flags, index, start, count] + data.map(UInt32.init(bitPattern:)))
  }

  /// The open file.
  var device: SimulatedDeviceFile? { try? raw.kernel.files.file(file) as? SimulatedDeviceFile }

  /// What vfio-pci keeps of it.
  var function: SimulatedFunction? { device.map { raw.kernel.host.function(of: $0.device) } }

  /// Reads configuration space as a number.
  func read(_ offset: UInt64, _ width: Int) -> UInt64? {
    (try? device?.readConfiguration(at: offset, count: width, in: raw.kernel))?
      .littleEndian(at: 0, width: width)
  }

  /// Writes a number to configuration space.
  func write(_ value: UInt64, _ offset: UInt64, _ width: Int) {
    _ = try? device?.writeConfiguration(raw.bytes(value, width), at: offset, in: raw.kernel)
  }

  /// How often an event was signalled.
  func signals(_ number: Int32) -> UInt64? { (try? raw.kernel.event(number))?.signals }
}

extension LabHost {
  /// A card of two functions in groups of their own behind a port, and one on a root bus.
  static func card(second: String? = "vfio-pci") -> HostDescription {
    let unit = HostIOMMU(name: "dmar0", enforceSnoop: .yes)
    let root = BDF(domain: 0, bus: 0, device: 3, function: 0)
    let other = BDF(domain: 0, bus: 1, device: 0, function: 1)
    return HostDescription(
      name: "card", iommus: [unit],
      devices: [(root, "vfio-pci"), (c1, "vfio-pci"), (other, second)].enumerated().map {
        HostDevice(
          address: $1.0, vendor: 0x8086, device: 0x1533, classCode: 0x020000, iommu: "dmar0",
          group: 10 + $0, driver: $1.1)
      })
  }

  /// The function on the root bus.
  static let onRoot = BDF(domain: 0, bus: 0, device: 3, function: 0)
}
