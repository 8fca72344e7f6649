import Parser
import Testing

@testable import Executor

/// What vfio-pci answers on an open device: the order of its checks, and what it says (§2.24).
struct DeviceRequestTests {
  /// A request: its number, the smallest structure, and what it needs behind `argsz` to be right.
  struct Request {
    var command: UInt32
    var size: Int
    var numbers: [UInt32] = []
  }

  static let requests = [
    Request(command: 0x3b6b, size: 16), Request(command: 0x3b6c, size: 32, numbers: [0, 7]),
    Request(command: 0x3b6d, size: 16, numbers: [0, 4]),
    Request(command: 0x3b6e, size: 20, numbers: [0x21, 4, 0, 0]),
    Request(command: 0x3b70, size: 12), Request(command: 0x3b71, size: 12),
    Request(command: 0x3b74, size: 28), Request(command: 0x3b75, size: 8),
  ]

  @Test(arguments: requests)
  func aStructureIsReadBeforeItsSizeIsLookedAt(request: Request) {
    let device = RawDevice()
    let short = UInt32(request.size - 1)
    let numbers = [UInt32(request.size)] + request.numbers
    #expect(device.say(request.command, numbers, room: request.size - 1) == "EFAULT")
    #expect(device.say(request.command, [short], room: request.size - 1) == "EFAULT")
    #expect(device.say(request.command, [short] + request.numbers, room: request.size) == "EINVAL")
    #expect(device.raw.call(device.file, request.command, .none) == "EFAULT")
  }

  @Test(arguments: requests)
  func aDeviceThatIsNotBoundAnswersNothing(request: Request) {
    let raw = RawKernel(LabHost.mixed())
    let file = raw.file(.vfioDevice(LabHost.c1))
    #expect(raw.call(file, request.command, .none) == "EINVAL")
    let numbers = [(UInt64(request.size), 4)] + request.numbers.map { (UInt64($0), 4) }
    #expect(raw.call(file, request.command, numbers + [(0, 8), (0, 8)]) == "EINVAL")
  }

  /// §T74: Information, regions and interrupts of a device, by its node and by its group.
  @Test func informationRegionsAndInterruptsOfADeviceByItsNodeAndByItsGroup() {
    for device in [RawDevice(), RawDevice(byGroup: 1)] {
      let information = device.ask(0x3b6b, [16, 0, 0, 0])
      #expect(information.answer == "0")
      #expect(information.bytes.littleEndian(at: 8, width: 4) == 9)
      #expect(information.bytes.littleEndian(at: 12, width: 4) == 5)
      #expect(device.say(0x3b6c, [32, 0, 7], room: 32) == "0")
      #expect(
        device.ask(0x3b6c, [32, 0, 7], room: 32).bytes.littleEndian(at: 16, width: 8) == 4096)
      #expect(device.say(0x3b6c, [32, 0, 8], room: 32) == "EINVAL")
      #expect(device.say(0x3b6c, [32, 0, 100], room: 32) == "EINVAL")
      let missing = device.ask(0x3b6c, [32, 9, 5], room: 32)
      #expect(missing.answer == "0")
      #expect(missing.bytes.littleEndian(at: 4, width: 4) == 0)
      #expect(missing.bytes.littleEndian(at: 16, width: 8) == 0)
      #expect(missing.bytes.littleEndian(at: 24, width: 8) == 5 << 40)
      #expect(device.say(0x3b6d, [16, 0, 5, 0]) == "EINVAL")
      #expect(device.say(0x3bff, []) == "ENOTTY")
      #expect(device.raw.call(device.file, 0x3b6f, .none) == "0")
    }
  }

  @Test func informationFillsTheRoomThereIs() {
    // 6.1 writes the offset as a whole or not at all, and never the padding.
    for (release, sizes) in [
      (KernelVersion(6, 1), [16: 16, 19: 16, 20: 20, 24: 20, 64: 20]),
      (KernelVersion(7, 3), [16: 16, 19: 19, 20: 20, 24: 24, 64: 24]),
    ] {
      for (room, written) in sizes {
        let device = RawDevice(byGroup: 1, release: release)
        let answer = device.ask(0x3b6b, [UInt32(room)], room: room)
        #expect(answer.answer == "0")
        #expect(answer.bytes.littleEndian(at: 0, width: 4) == UInt64(room))
        #expect(answer.bytes.dropFirst(16).prefix { $0 == 0 }.count == written - 16)
        #expect(answer.bytes.dropFirst(written).allSatisfy { $0 == 0xaa })
      }
    }
  }

  @Test func aCapabilityThatDoesNotFitIsNotAnError() throws {
    var host = LabHost.mixed()
    host.devices[0].bars = [BAR(index: 0, size: 1 << 20), BAR(index: 4, size: 1 << 14)]
    let device = RawDevice(of: host)
    let short = device.ask(0x3b6c, [32, 0, 4, 7], room: 40)
    #expect(short.answer == "0")
    #expect(short.bytes.littleEndian(at: 0, width: 4) == 40)
    #expect(short.bytes.littleEndian(at: 4, width: 4) == 0xf)
    #expect(short.bytes.littleEndian(at: 12, width: 4) == 0)
    #expect(short.bytes.suffix(8).allSatisfy { $0 == 0xaa })
    let whole = device.ask(0x3b6c, [40, 0, 4, 7], room: 40)
    #expect(whole.bytes.littleEndian(at: 0, width: 4) == 40)
    #expect(whole.bytes.littleEndian(at: 12, width: 4) == 32)
    #expect(whole.bytes.littleEndian(at: 32, width: 8) == 0x1_0003)
    #expect(device.say(0x3b6c, [40, 0, 4, 7], room: 36) == "EFAULT")
    let other = device.ask(0x3b6c, [40, 0, 0, 7], room: 40)
    #expect(other.bytes.littleEndian(at: 4, width: 4) == 7)
    #expect(other.bytes.littleEndian(at: 12, width: 4) == 7)
    #expect(other.bytes.littleEndian(at: 16, width: 8) == 1 << 20)
  }

  @Test func aVGACardHasTheAddressesOfAllVGACards() {
    var host = LabHost.mixed()
    host.devices[0].classCode = 0x030000
    let region = RawDevice(of: host).ask(0x3b6c, [32, 0, 8], room: 32)
    #expect(region.answer == "0")
    #expect(region.bytes.littleEndian(at: 16, width: 8) == 0xc0000)
  }

  @Test func featuresAreFlagsFirstThenWhatTheDeviceHas() {
    let device = RawDevice()
    let (get, set, probe): (UInt32, UInt32, UInt32) = (1 << 16, 1 << 17, 1 << 18)
    #expect(device.say(0x3b75, [8, 1 << 19]) == "EINVAL")
    #expect(device.say(0x3b75, [8, get | set | 1]) == "EINVAL")
    #expect(device.say(0x3b75, [8, get | set | probe | 1]) == "ENOTTY")
    for feature: UInt32 in [0, 1, 2, 6, 7, 8, 9, 10, 99] {
      #expect(device.say(0x3b75, [8, set | feature]) == "ENOTTY")
    }
    #expect(device.say(0x3b75, [8, get | 3]) == "EINVAL")
    #expect(device.say(0x3b75, [8, 3]) == "EINVAL")
    #expect(device.say(0x3b75, [8, set | probe | 3]) == "0")
    #expect(device.say(0x3b75, [8, set | 3]) == "0")
    #expect(device.say(0x3b75, [8, set | 3]) == "EINVAL")
    #expect(device.say(0x3b75, [8, set | 5]) == "0")
    #expect(device.say(0x3b75, [8, set | 4]) == "EINVAL")
    #expect(device.say(0x3b75, [16, set | 4, 999, 0]) == "EBADF")
    let old = RawDevice(byGroup: 1, release: KernelVersion(5, 10))
    #expect(old.say(0x3b75, [8, set | 3]) == "ENOTTY")
  }

  /// §T75: A reset of the bus: where there is one, whom it reaches, and who may ask for it.
  @Test func aResetOfTheBusWhereThereIsOneWhomItReachesAndWhoMayAskForIt() {
    let root = RawDevice(LabHost.onRoot, of: LabHost.card())
    #expect(root.say(0x3b70, [12, 0, 0]) == "ENODEV")
    #expect(root.say(0x3b71, [12, 1, 0]) == "EINVAL")
    #expect(root.say(0x3b71, [16, 0, 1, 0]) == "EINVAL")
    #expect(root.say(0x3b71, [12, 0, 0]) == "ENODEV")
    let device = RawDevice(of: LabHost.card())
    let short = device.ask(0x3b70, [12, 7, 7])
    #expect(short.answer == "ENOSPC")
    #expect(short.bytes.littleEndian(at: 4, width: 8) == 2 << 32)
    // The second function is nobody's: the card is not this iommufd's as a whole.
    let whole = device.ask(0x3b70, [28, 7, 7], room: 28)
    #expect(whole.answer == "0")
    #expect(whole.bytes.littleEndian(at: 4, width: 8) == 2 << 32 | 1)
    #expect(whole.bytes.littleEndian(at: 12, width: 4) == 1)
    #expect(whole.bytes.littleEndian(at: 20, width: 4) == 0xffff_ffff)
    #expect(whole.bytes.littleEndian(at: 24, width: 4) == 0x101_0000)
    #expect(device.say(0x3b71, [12, 0, 0]) == "EINVAL")
    let mate = device.raw.file(.vfioDevice(BDF(domain: 0, bus: 1, device: 0, function: 1)))
    #expect(device.raw.bind(mate, device.context) == "2")
    let owned = device.ask(0x3b70, [28, 7, 7], room: 28)
    #expect(owned.bytes.littleEndian(at: 4, width: 4) == 3)
    #expect(owned.bytes.littleEndian(at: 20, width: 4) == 2)
    #expect(device.say(0x3b71, [12, 0, 0]) == "0")
    #expect(device.function?.resets == 1)
    let host = RawDevice(of: LabHost.card(second: "e1000e"))
    #expect(host.say(0x3b71, [12, 0, 0]) == "EINVAL")
  }

  @Test func aDeviceOfAGroupNamesGroupsForAReset() {
    let device = RawDevice(byGroup: 11, of: LabHost.card())
    let answer = device.ask(0x3b70, [28, 7, 7], room: 28)
    #expect(answer.bytes.littleEndian(at: 4, width: 8) == 2 << 32)
    #expect(answer.bytes.littleEndian(at: 12, width: 4) == 11)
    #expect(answer.bytes.littleEndian(at: 20, width: 4) == 12)
    let second = UInt32(device.raw.file(.vfioGroup(12)))
    let first = UInt32(device.file - 1)
    #expect(device.say(0x3b71, [12, 0, 0]) == "EINVAL")
    #expect(device.say(0x3b71, [24, 0, 3, 0, 0, 0]) == "EINVAL")
    #expect(device.say(0x3b71, [20, 0, 2, 0], room: 19) == "EFAULT")
    #expect(device.say(0x3b71, [16, 0, 1, 999]) == "EBADF")
    #expect(device.say(0x3b71, [16, 0, 1, UInt32(device.file)]) == "EINVAL")
    #expect(device.say(0x3b71, [16, 0, 1, first]) == "EINVAL")
    #expect(device.say(0x3b71, [20, 0, 2, first, second]) == "0")
  }

  @Test func stateGoesWithTheLastFileOfADevice() {
    let device = RawDevice(byGroup: 1)
    let second = device.raw.deviceFD(device.file - 1, LabHost.c1.description).file
    device.write(6, 4, 2)
    #expect(device.read(4, 2) == 6)
    device.raw.close(device.file)
    let other = try? device.raw.kernel.files.file(second) as? SimulatedDeviceFile
    #expect(
      (try? other?.readConfiguration(at: 4, count: 2, in: device.raw.kernel)) == [6, 0])
    device.raw.close(second)
    let third = device.raw.deviceFD(device.file - 1, LabHost.c1.description).file
    let new = try? device.raw.kernel.files.file(third) as? SimulatedDeviceFile
    #expect((try? new?.readConfiguration(at: 4, count: 2, in: device.raw.kernel)) == [2, 0])
  }
}
