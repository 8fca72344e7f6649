import Parser
import TestSupport
import Testing

@testable import Executor

/// Who has nodes of a device open that are not disks.
struct NodeUseTests {
  private static let card = BDF(domain: 0, bus: 0x42, device: 0, function: 0)
  private static let place = "pci0000:40/0000:40:03.1/0000:42:00.0"
  private static let holder = DeviceHolders.Holder(process: "42", command: "qemu")
  private let copy: SysfsCopy

  init() throws { copy = try SysfsCopy() }

  private func node(_ group: String, _ place: String, _ number: String) throws {
    let name = place.split(separator: "/").last ?? ""
    try copy.link("sys/class/\(group)/\(name)", to: "../../devices/\(place)")
    try copy.write("sys/devices/\(place)/dev", number + "\n")
  }

  private func opened(
    _ paths: [String], isWaitedFor: Bool = false
  ) -> [DeviceUse.Use] {
    [.nodes(.init(holders: [Self.holder], isWaitedFor: isWaitedFor, paths: paths))]
  }

  @Test func aCardThatAProcessShowsThingsOnIsFound() throws {
    try node("drm", Self.place + "/drm/card1", "226:1")
    try copy.link(
      "sys/class/drm/card1-DP-1", to: "../../devices/\(Self.place)/drm/card1/card1-DP-1")
    #expect(copy.uses(of: Self.card) == [])
    try copy.open("/dev/dri/card1")
    #expect(copy.uses(of: Self.card) == opened(["/dev/dri/card1"]))
    #expect(copy.uses(of: BDF(domain: 0, bus: 0x42, device: 0, function: 1)) == [])
  }

  @Test func manyProcessesAreOneFinding() throws {
    try node("drm", Self.place + "/drm/card1", "226:1")
    for process in 1...29 {
      try copy.link("proc/\(process)/fd/3", to: "/dev/dri/card1")
      try copy.write("proc/\(process)/comm", "p\(process)\n")
    }
    let uses = copy.uses(of: Self.card)
    #expect(uses.count == 1)
    let findings = uses.map { MachineDiagnostics.inUse("device 'gpu'", $0, .wholeVM) }
    let message = findings.first?.message ?? ""
    #expect(message.hasPrefix("process ") && message.contains(" and 26 more have /dev/dri/card1"))
    #expect(findings.first?.help == "end those processes first")
  }

  @Test func whatAnotherProcessHasOpenTakesACapabilityToSee() {
    let hidden = OpenFiles.Blindness(
      path: "/proc/1/fd/0", error: TreeError("EACCES", isDenied: true))
    let finding = MachineDiagnostics.inUse("device 'd'", .unknown(hidden), .wholeVM)
    #expect(finding.code.name != "VP4030" || finding.help?.contains("CAP_SYS_PTRACE") == true)
  }

  @Test func aNodeIsFoundByItsNumber() throws {
    try node("video4linux", Self.place + "/usb3/3-1/3-1:1.0/video4linux/video0", "81:0")
    try copy.write(
      "sys/devices/\(Self.place)/usb3/3-1/3-1:1.0/video4linux/video0/uevent",
      "MAJOR=81\nMINOR=0\nDEVNAME=v4l/video0\n")
    try copy.open("/camera")
    let number = DeviceNumber(isBlock: false, text: "81:0")
    let nodes = MadeUpNodes(numbers: ["/proc/42/fd/3": number])
    #expect(copy.uses(of: Self.card, nodes) == opened(["/dev/v4l/video0"]))
  }

  @Test(arguments: [
    ("i2c-dev", "i2c-5/i2c-dev/i2c-5", "/dev/i2c-5"),
    ("sound", "sound/card1/controlC1", "/dev/snd/controlC1"),
  ])
  func someDriversWaitForAProcess(group: String, place: String, path: String) throws {
    try node(group, "\(Self.place)/\(place)", "89:5")
    try copy.open(path)
    #expect(copy.uses(of: Self.card) == opened([path], isWaitedFor: true))
  }

  @Test func soundOfUSBIsNotWaitedFor() throws {
    try node("sound", Self.place + "/usb1/1-2/1-2:1.0/sound/card2/controlC2", "116:9")
    try node("sound", Self.place + "/usb1/1-2/1-2:1.0/sound/card2/pcmC2D0p", "116:10")
    try copy.open("/dev/snd/controlC2")
    try copy.open("/dev/snd/pcmC2D0p", as: 4)
    #expect(copy.uses(of: Self.card) == opened(["/dev/snd/controlC2", "/dev/snd/pcmC2D0p"]))
  }

  /// NVIDIA's driver says in its own files which node is whose.
  @Test func theNodesOfNVIDIAsDriverAreKnown() throws {
    try copy.link("sys/bus/pci/devices/0000:42:00.0/driver", to: "../../../bus/pci/drivers/nvidia")
    try copy.open("/dev/nvidia0")
    #expect(copy.uses(of: Self.card) == opened(["/dev/nvidia*"], isWaitedFor: true))
    let facts = "proc/driver/nvidia/gpus/0000:42:00.0/information"
    try copy.write(facts, "Model: \t\t X\nDevice Minor: \t 1\n")
    #expect(copy.uses(of: Self.card) == [])
    try copy.write(facts, "Model: \t\t X\nDevice Minor: \t 0\n")
    #expect(copy.uses(of: Self.card) == opened(["/dev/nvidia0"], isWaitedFor: true))
  }

  /// Kinds of events: of a keyboard, a mouse, a power button and a jack.
  @Test(arguments: [
    ("120013", true), ("17", true), ("3", false), ("21", false),
  ])
  func aKeyboardOrMouseIsNamed(kinds: String, isNamed: Bool) throws {
    let place = "\(Self.place)/usb1/1-1/1-1:1.0/0003:046D:C31C.0001/input/input7"
    try copy.link("sys/class/input/input7", to: "../../devices/\(place)")
    try copy.write("sys/devices/\(place)/capabilities/ev", kinds + "\n")
    try copy.write("sys/devices/\(place)/name", "Logitech Keyboard\n")
    #expect(copy.uses(of: Self.card) == (isNamed ? [.input("Logitech Keyboard")] : []))
  }

  private func keyboard(_ name: String, _ place: String) throws {
    try copy.link("sys/class/input/\(name)", to: "../../devices/\(place)/input/\(name)")
    try copy.write("sys/devices/\(place)/input/\(name)/capabilities/ev", "120013\n")
    try copy.write("sys/devices/\(place)/input/\(name)/name", name + "\n")
  }

  private func uses(when taken: BDF...) -> [DeviceUse.Use] {
    copy.uses(of: Self.card, when: Set(taken))
  }

  /// A keyboard is the last one if no other stays: not on PS/2, not behind what is not taken.
  @Test func theLastKeyboardIsKnown() throws {
    let other = BDF(domain: 0, bus: 0x43, device: 0, function: 0)
    try keyboard("input7", Self.place)
    #expect(uses(when: Self.card) == [.lastKeyboard("input7")])
    try keyboard("input8", "pci0000:40/0000:43:00.0")
    #expect(uses(when: Self.card) == [.input("input7")])
    #expect(uses(when: Self.card, other) == [.lastKeyboard("input7")])
    try keyboard("input9", "platform/i8042/serio0")
    #expect(uses(when: Self.card, other) == [.input("input7")])
  }
}
