import Parser
import Testing

@testable import Executor

/// Interrupts of a device, and the events that hear of them (§2.24).
struct InterruptTests {
  private let device = RawDevice()
  private static let (none, bools, files): (UInt32, UInt32, UInt32) = (1, 2, 4)
  private static let (mask, unmask, trigger): (UInt32, UInt32, UInt32) = (8, 16, 32)
  private static let (intx, msi, msix): (UInt32, UInt32, UInt32) = (0, 1, 2)

  @Test func numbersAreLookedAtBeforeWhatTheyMean() {
    let flags = Self.none | Self.trigger
    #expect(device.interrupts(flags, 5) == "EINVAL")
    #expect(device.interrupts(64 | flags, Self.msi) == "EINVAL")
    #expect(device.interrupts(flags, Self.msi, start: 1) == "EINVAL")
    #expect(device.interrupts(flags, Self.msi, start: .max, count: 1) == "EINVAL")
    #expect(device.interrupts(flags, Self.msi, start: 2, count: .max - 1) == "EINVAL")
    #expect(device.interrupts(Self.none | Self.bools | Self.trigger, Self.msi) == "EINVAL")
    #expect(device.interrupts(Self.trigger, Self.msi) == "EINVAL")
    // Less data than is promised, then less memory than is promised.
    #expect(device.interrupts(Self.files | Self.trigger, Self.msi, []) == "EINVAL")
    #expect(device.say(0x3b6e, [24, Self.files | Self.trigger, Self.msi, 0, 1]) == "EFAULT")
    // What nobody can do comes after all of that.
    #expect(device.say(0x3b6e, [24, Self.files, Self.msi, 0, 1]) == "EFAULT")
    #expect(device.interrupts(Self.none, Self.msi) == "ENOTTY")
    #expect(device.interrupts(Self.none | Self.mask, Self.msi) == "ENOTTY")
    #expect(device.interrupts(Self.none | Self.mask | Self.unmask, Self.intx) == "ENOTTY")
    #expect(device.interrupts(Self.none | Self.unmask, 4) == "ENOTTY")
  }

  @Test func oneKindOfInterruptIsOnAtATime() {
    let event = device.raw.kernel.openEvent()
    let flags = Self.files | Self.trigger
    for (kind, others) in [
      (Self.intx, [Self.msi, Self.msix]), (Self.msi, [Self.intx, Self.msix]),
      (Self.msix, [Self.intx, Self.msi]),
    ] {
      #expect(device.interrupts(flags, kind, [event]) == "0")
      for other in others { #expect(device.interrupts(flags, other, [event]) == "EINVAL") }
      #expect(device.interrupts(Self.none | Self.trigger, kind, count: 0) == "0")
      #expect(device.interrupts(Self.none | Self.trigger, kind, count: 0) == "EINVAL")
    }
  }

  @Test func anEventIsAFileThatCounts() {
    let flags = Self.files | Self.trigger
    let null = device.raw.devNull()
    for kind in [Self.intx, Self.msi, Self.msix, 3, 4] {
      #expect(device.interrupts(flags, kind, [999]) == "EBADF")
      #expect(device.interrupts(flags, kind, [null]) == "EINVAL")
    }
    let event = device.raw.kernel.openEvent()
    for kind in [Self.msi, Self.msix, 3, 4] {
      #expect(device.interrupts(flags, kind, [event]) == "0")
      let before = device.signals(event) ?? 0
      #expect(device.interrupts(Self.none | Self.trigger, kind) == "0")
      #expect(device.say(0x3b6e, [21, Self.bools | Self.trigger, kind, 0, 1, 1]) == "0")
      #expect(device.say(0x3b6e, [21, Self.bools | Self.trigger, kind, 0, 1, 0]) == "0")
      #expect(device.signals(event) == before + 2)
      #expect(device.interrupts(Self.none | Self.trigger, kind, count: 0) == "0")
    }
    #expect(device.interrupts(Self.none | Self.trigger, 4) == "EINVAL")
    #expect(device.interrupts(flags, 4, [-2]) == "EINVAL")
    #expect(device.interrupts(flags, 4, [-1]) == "0")
  }

  @Test func aFailureLetsGoOfTheVectorsItHasSet() {
    let (first, second) = (device.raw.kernel.openEvent(), device.raw.kernel.openEvent())
    let flags = Self.files | Self.trigger
    #expect(device.interrupts(flags, Self.msix, count: 3, [first, 999, second]) == "EBADF")
    #expect(device.function?.interrupts.active == nil)
    #expect(device.interrupts(flags, Self.msix, count: 3, [first, -1, second]) == "0")
    #expect(device.function?.interrupts.events.keys.sorted() == [0, 2])
    #expect(device.interrupts(flags, Self.msix, start: 1, count: 2, [second, 999]) == "EBADF")
    #expect(device.function?.interrupts.events.keys.sorted() == [0])
    #expect(device.function?.interrupts.active == .msix)
  }

  @Test func vectorsOfATableComeOneByOneSince65() {
    let flags = Self.files | Self.trigger
    for (release, answer, flag) in [
      (KernelVersion(6, 1), "EINVAL", UInt64(9)), (KernelVersion(6, 12), "0", 1),
    ] {
      let device = RawDevice(byGroup: 1, release: release)
      let event = device.raw.kernel.openEvent()
      #expect(
        device.ask(0x3b6d, [16, 0, Self.msix, 0]).bytes.littleEndian(at: 4, width: 4) == flag)
      #expect(device.interrupts(flags, Self.msix, [event]) == "0")
      #expect(device.interrupts(flags, Self.msix, start: 3, [event]) == answer)
      #expect(device.interrupts(flags, Self.msix, start: 2, [-1]) == answer)
    }
  }

  @Test func aDeviceGetsOneMessageWhereInterruptsAreNotRemapped() {
    var host = LabHost.mixed(isolatedMSI: false)
    host.kernel.allowUnsafeInterrupts = true
    let device = RawDevice(of: host)
    let address = LabHost.c1
    var made = MadeConfiguration(
      of: host.devices[0], isOnRootBus: false, isVirtual: false
    ).bytes
    made[0x5a] |= 4  // four messages
    let other = RawDevice(of: LabHost.mixed())
    for device in [device, other] {
      let index = device.raw.kernel.host.device(address) ?? 0
      device.raw.kernel.host.closeFunction(of: index)
      device.raw.kernel.host.devices[index].function = nil
      device.raw.kernel.host.setConfiguration(made, of: index)
    }
    let files = Self.files | Self.trigger
    #expect(device.interrupts(files, Self.msi, count: 2, [-1, -1]) == "1")
    #expect(device.function?.interrupts.active == nil)
    #expect(other.interrupts(files, Self.msi, count: 3, [-1, -1, -1]) == "0")
    #expect(other.interrupts(files, Self.msi, start: 3, [-1]) == "0")
    let event = other.raw.kernel.openEvent()
    #expect(other.interrupts(files, Self.msi, start: 3, [event]) == "EINVAL")
    #expect(other.interrupts(Self.none | Self.trigger, Self.msi, count: 0) == "0")
    #expect(other.interrupts(files, Self.msi, count: 0) == "ERANGE")
  }

  @Test func thePinStaysMaskedUntilItsUserHasLookedAfterIt() throws {
    let event = device.raw.kernel.openEvent()
    let flags = Self.files | Self.trigger
    #expect(device.interrupts(Self.none | Self.mask, Self.intx) == "EINVAL")
    #expect(device.interrupts(flags, Self.intx, [event]) == "0")
    let function = try #require(device.function)
    #expect(function.fire(0))
    #expect(!function.fire(0))
    #expect(device.interrupts(Self.none | Self.unmask, Self.intx) == "0")
    #expect(function.fire(0))
    #expect(device.interrupts(Self.files | Self.mask, Self.intx, [event]) == "ENOTTY")
    #expect(device.interrupts(Self.files | Self.unmask, Self.intx, [999]) == "EBADF")
    #expect(device.interrupts(Self.files | Self.unmask, Self.intx, [event]) == "0")
    #expect(device.interrupts(Self.files | Self.unmask, Self.intx, [event]) == "EBUSY")
    // Configuration space switches it off, and no request on again.
    device.write(0x402, 4, 2)
    #expect(device.interrupts(Self.none | Self.unmask, Self.intx) == "0")
    #expect(!function.fire(0))
    device.write(0x2, 4, 2)
    #expect(function.fire(0))
    #expect(device.signals(event) == 3)
  }

  @Test func aMessageNeedsADeviceThatMaySendRequests() throws {
    let event = device.raw.kernel.openEvent()
    #expect(device.interrupts(Self.files | Self.trigger, Self.msix, [event]) == "0")
    let function = try #require(device.function)
    #expect(!function.fire(0))
    device.write(0x6, 4, 2)
    #expect(function.fire(0))
    #expect(!function.fire(1))
  }

  @Test func everyDeviceHasAnInterruptForErrorsSince73() {
    for (release, answer) in [(KernelVersion(7, 2), "EINVAL"), (KernelVersion(7, 3), "0")] {
      let device = RawDevice(byGroup: 1, release: release)
      let index = device.raw.kernel.host.device(LabHost.c1) ?? 0
      device.raw.kernel.host.devices[index].function = nil
      device.raw.kernel.host.setConfiguration([UInt8](repeating: 0, count: 256), of: index)
      #expect(device.say(0x3b6d, [16, 0, 3, 0]) == answer)
      #expect(device.interrupts(Self.files | Self.trigger, 3, [-1]) == answer)
      #expect(device.read(256, 1) == nil)
    }
  }

  @Test func anEventWritesToAWindowButNotToTheTable() throws {
    let table = try #require(device.function?.configuration.table)
    let event = UInt32(device.raw.kernel.openEvent())
    func ask(_ flags: UInt32, _ offset: UInt64, _ file: UInt32) -> String {
      device.say(
        0x3b74,
        [
          32, flags, UInt32(truncatingIfNeeded: offset), UInt32(offset >> 32), 1, 0, file, 0,
        ])
    }
    let start = UInt64(table.window) << 40
    #expect(ask(16, start, event) == "EINVAL")
    #expect(ask(3, start, event) == "EINVAL")
    #expect(ask(4, start, .max - 1) == "EINVAL")
    #expect(ask(4, 7 << 40, event) == "EINVAL")
    #expect(ask(4, start + table.range.lowerBound - 3, event) == "EINVAL")
    #expect(ask(4, start + table.range.lowerBound - 4, .max) == "ENODEV")
    #expect(ask(4, start, 999) == "EBADF")
    #expect(ask(4, start, event) == "0")
    #expect(ask(4, start, event) == "EEXIST")
    #expect(ask(8, start, event) == "0")
    #expect(ask(4, start, .max) == "0")
    #expect(ask(4, start, .max) == "ENODEV")
  }
}
