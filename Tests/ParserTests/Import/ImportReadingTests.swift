import Testing

@testable import Parser

/// What the readers of configurations are made of: words, lines, numbers, layouts.
struct ImportReadingTests {
  private static func words(_ text: String) -> [[String]] {
    ShellScript(SourceFile(id: .vm, name: "t", text: text)).commands.map { $0.map(\.text) }
  }

  @Test(arguments: [
    ("a b\nc", [["a", "b"], ["c"]]), ("a \\\n  b", [["a", "b"]]), ("a \\\r\n  b", [["a", "b"]]),
    ("a 'b c' \"d e\"", [["a", "b c", "d e"]]), ("a'b'\"c\"d", [["abcd"]]),
    ("a # b\nc#d", [["a"], ["c#d"]]), ("a; b & c | d", [["a"], ["b"], ["c"], ["d"]]),
    ("X=1\necho $X ${X} '$X' \"$X\"", [["echo", "1", "1", "$X", "1"]]),
    ("X='a b'\nc $X \"$X\"", [["c", "a", "b", "a b"]]),
    ("a $Y ${Y} $1", [["a", "$Y", "${Y}", "$1"]]),
    ("x=( a 'b c' )\nx+=(d)\nrun \"${x[@]}\" e", [["run", "a", "b c", "d", "e"]]),
    ("a ''", [["a", ""]]), ("\"a\\\"b\"", [["a\"b"]]), ("", []), ("\\\n", []),
  ])
  func aScriptIsReadAsAShellReadsIt(text: String, expected: [[String]]) {
    #expect(Self.words(text) == expected)
  }

  @Test func aVariableThatGrowsIsBounded() {
    var text = "X=aaaaaaaaaaaaaaaa\n"
    for _ in 0..<40 { text += "X=$X$X\n" }
    #expect(ShellScript(SourceFile(id: .vm, name: "t", text: text)).finding != nil)
    var array = "x=(a)\n"
    for _ in 0..<40 { array += "x+=( \"${x[@]}\" )\n" }
    let script = ShellScript(SourceFile(id: .vm, name: "t", text: array))
    #expect(script.finding != nil)
  }

  @Test(arguments: [
    ("8G", 8 << 30), ("8g", 8 << 30), ("512", 512 << 20), ("1.5G", 3 << 29), ("1024k", 1 << 20),
    ("0x100", 256), ("4096B", 4096),
  ])
  func aSizeIsReadAsQEMUReadsIt(text: String, expected: Int) {
    #expect(ImportNumbers.size(text, unit: 1 << 20) == UInt64(expected))
  }

  @Test(arguments: ["", "G", "8GB", "-1", "+1", "1..5", "99999999999999999999", "16E", "1 G"])
  func whatIsNotASizeIsNotOne(text: String) {
    #expect(ImportNumbers.size(text, unit: 1 << 20) == nil)
  }

  @Test(
    arguments: [
      ("1", nil, 1024), ("1", "KiB", 1024), ("1", "KB", 1000), ("2", "G", 2 << 30),
      ("7", "bytes", 7),
      ("1", "tb", 1_000_000_000_000),
    ] as [(String, String?, Int)])
  func aSizeIsReadAsLibvirtReadsIt(text: String, unit: String?, expected: Int) {
    #expect(ImportNumbers.libvirtSize(text, unit: unit) == UInt64(expected))
  }

  @Test(arguments: [
    ("0x1f", 31), ("31", 31), ("017", 15), ("0", 0), ("0X1", 1),
  ])
  func aNumberIsReadAsCReadsIt(text: String, expected: Int) {
    #expect(ImportNumbers.number(text) == UInt64(expected))
  }

  @Test func memoryIsWhereTheMachinePutsIt() {
    let (gib, low): (UInt64, UInt64) = (1 << 30, 0xb000_0000)
    #expect(Self.ranges(.q35, low - 4096) == [0, low - 4096])
    #expect(Self.ranges(.q35, low) == [0, 2 * gib, 4 * gib, low - 2 * gib])
    #expect(Self.ranges(.i440fx, 0xe000_0000 - 4096) == [0, 0xe000_0000 - 4096])
    #expect(Self.ranges(.i440fx, 0xe000_0000) == [0, 3 * gib, 4 * gib, gib / 2])
    #expect(Self.ranges(.virt, 8 * gib) == [gib, 8 * gib])
    #expect(Self.ranges(.cloudHypervisor, 3 * gib) == [0, 3 * gib])
    #expect(Self.ranges(.cloudHypervisor, 4 * gib) == [0, 3 * gib, 4 * gib, gib])
  }

  private static func ranges(_ machine: GuestMachine, _ bytes: UInt64) -> [UInt64] {
    machine.layout(of: bytes).flatMap { [$0.gpa, $0.size] }
  }

  @Test(arguments: GuestMachine.allCases)
  func aLayoutHoldsAllOfTheMemoryInOrder(machine: GuestMachine) {
    for bytes in stride(from: UInt64(4096), to: 9 << 30, by: 0x0fff_f000) {
      let ranges = machine.layout(of: bytes)
      #expect(ranges.reduce(0) { $0 + $1.size } == bytes)
      #expect(zip(ranges, ranges.dropFirst()).allSatisfy { $0.gpa + $0.size <= $1.gpa })
      #expect(ranges.allSatisfy { $0.size > 0 })
    }
  }

  @Test func aSizeOfMemoryIsTheMachinesLayout() throws {
    let vm = try Reading.vm(Reading.vmText("memory: 16GiB\nmachine: i440fx\ndevices: []\n"))
    #expect(vm.memory.map(\.gpa) == [0, 4 << 30])
    #expect(vm.memory.map(\.size) == [3 << 30, 13 << 30])
    let plain = try Reading.vm(Reading.vmText("memory: 1GiB\ndevices: []\n"))
    #expect(plain.machine == .q35 && plain.memory.count == 1)
    let empty = try Reading.vm(Reading.vmText("devices: []\n"))
    #expect(empty.memory.isEmpty && empty.machine == nil)
  }

  @Test(arguments: [
    ("0000:01:00.0", false, "0000:01:00.0"), ("01:00.1", false, "0000:01:00.1"),
    ("0000:01:00", true, "0000:01:00.0"), ("01:1f", true, "0000:01:1f.0"),
    ("10000:e1:00", true, "10000:e1:00.0"),
  ])
  func anAddressMayLeaveOutDomainAndFunction(
    text: String, isSlot: Bool, expected: String
  ) throws {
    let address = try #require(BDF(expected))
    #expect(DeviceReference(text) == (isSlot ? .slot(address) : .address(address)))
  }

  @Test(arguments: ["", "1:0.0", "01:20", "01:00.8", "01:00:0", "000:01:00.0", "01", "gpu"])
  func whatIsNotAnAddressIsNotOne(text: String) { #expect(DeviceReference(text) == nil) }

  @Test func attributesHaveTheirPlacesInTheFile() throws {
    let text = "<domain xmlns:q='u'\n  type = 'kvm' id=\"3\"><a b='x&amp;y'/></domain>"
    let tree = try XMLReader.read(SourceFile(id: .vm, name: "t", text: text))
    for (index, name, value) in [(0, "type", "kvm"), (0, "id", "3"), (1, "b", "x&amp;y")] {
      let word = try #require(tree.attribute(name, of: index))
      #expect(Reading.covered(word.span, of: text) == value)
    }
    #expect(tree.attribute("b", of: 1)?.text == "x&y")
  }
}
