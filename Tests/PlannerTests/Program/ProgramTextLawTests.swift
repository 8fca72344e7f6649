import Parser
import Planner
import TestSupport
import Testing

/// The printer and the reader against each other, for everything that can be printed.
struct ProgramTextLawTests {
  static let goldens = PackageFiles.list("Tests/Fixtures/golden", suffix: ".program")

  /// What stands behind `#` in the line of a place.
  static func comment(at span: SourceSpan, in lines: LineTable) -> String? {
    let line = String(decoding: lines.line(lines.lineIndex(of: span.start)), as: UTF8.self)
    return line.firstRange(of: "  # ").map { String(line[$0.upperBound...]) }
  }

  @Test func thereIsAProgramOfEveryExampleThatCompilesWithEveryKindOfStepButClose() throws {
    #expect(Self.goldens.count > 2 * Example.all.count)
    let text = try Self.goldens.map(PackageFiles.text).joined()
    for keyword in ["open", "memory", "sysfs", "expect", "ioctl"] {
      #expect(text.contains("\(keyword) "), "no golden has '\(keyword)'")
    }
    #expect(text.contains(" & 0x"))
  }

  @Test(arguments: goldens)
  func aGoldenProgramIsPrintedAsItWasReadAndLawful(path: String) throws {
    let text = try PackageFiles.text(path)
    let file = SourceFile(id: .vm, name: path, text: text)
    #expect(ProgramTextReader.recognizes(file))
    let program = try ProgramTextReader.read(file)
    let lines = LineTable(file)
    #expect(ProgramText.text(of: program) { Self.comment(at: $0, in: lines) } == text)
    let target = path.split(separator: "/").last?.split(separator: ".").first ?? ""
    let dialect = try #require(Dialects.named(String(target)))
    let found = ProgramVerifier.verify(
      program, for: dialect, unopened: program.devicesWithChangedDriver)
    #expect(found == [])
  }

  @Test(arguments: 0..<100)
  func anyProgramIsReadAsTheOneThatWasPrinted(seed: Int) throws {
    var maker = ProgramMaker(seed: UInt64(seed))
    let program = maker.program()
    let text = ProgramText.text(of: program) { _ in "a comment, \"%x = close\" # and more" }
    let read = try ProgramTextTests.read(text)
    #expect(read.hasSameActions(as: program), "seed \(seed): \(text)")
    #expect(ProgramText.text(of: read) == ProgramText.text(of: program), "seed \(seed)")
    #expect(ProgramTextReader.recognizes(SourceFile(id: .vm, name: "p", text: text)))
  }

  @Test func requestsThatMayBeStepsAreToldApartByTheirNamesTheirResultsToo() {
    for request in RequestRegistry.all where request.isStep {
      #expect(RequestRegistry.request(named: request.name) == request, "\(request.name)")
      let results = request.resultFields.map(\.name)
      #expect(Set(results).count == results.count, "\(request.name): \(results)")
    }
  }

  @Test(arguments: [
    "", "\n\n", "# nothing\n", "apiVersion: vfioplan/v1\nkind: VM\n", "{\"format\": 1}",
    "%YAML 1.1\n---\nkind: VM\n", "%TAG ! tag:x,2026:\n---\nkind: VM\n", "--- %a\n",
    "memory: []\n", "open: 1\n", "close\n", "ioctl = 1\n", "- open \"/dev/kvm\"\n", "%\n",
    "\u{0}\u{1}",
    "\u{1}\n%a = open \"/dev/kvm\"\n", "\"open\" \"/dev/kvm\"\n", "opne \"/dev/kvm\"\n",
  ])
  func noDescriptionPlanOrOtherTextIsTakenForAProgram(text: String) {
    #expect(!ProgramTextReader.recognizes(SourceFile(id: .vm, name: "p", text: text)))
  }

  @Test(arguments: [
    "%a = open \"/dev/kvm\"", "%a", "%a open", "%YAML = open \"/dev/kvm\"", "%TAG, %a = memory",
    "\u{FEFF}%a = open \"/dev/kvm\"", "\r\n \t\r# host\r%a = open", "open \"/dev/kvm\"",
    "sysfs unbind 0000:00:02.0", "close %a", "expect %a == 1", "memory size=1",
    "ioctl %a KVM_CREATE_VM # vm.yaml:1",
  ])
  func aProgramIsKnownByItsFirstStepAlsoAWrongOne(text: String) {
    #expect(ProgramTextReader.recognizes(SourceFile(id: .vm, name: "p", text: text)))
  }

  @Test func aNameThatNoStepMakesIsReportedWhereItIsUsedFirst() {
    let found = ProgramTextTests.errors(
      "%a = open \"/dev/kvm\"\nclose %b\nclose %b\nclose %c\n%b = open \"/dev/kvm\"\nclose %b")
    #expect(found.map(\.code.name) == ["VP1953", "VP1953"])
    #expect(found.map(\.span?.start) == [27, 45])
  }

  @Test func whatFollowsFromABreachIsNotReportedAgain() throws {
    let unattached = "@\n%other = ioctl %iommufd IOMMU_IOAS_ALLOC -> out_ioas_id\n"
    let maps = ["0", "0x1000", "0x2000"].map {
      ProgramVerifierTests.map("0", "0x1000", $0).replacing("%gpa ", with: "%other ")
    }
    let program = try ProgramVerifierTests.read(unattached + maps.joined(separator: "\n"))
    #expect(ProgramVerifier.verify(program).map(\.law) == [.attachedBeforeMapped])
    let closed = "%kvm = open \"/dev/kvm\"\nclose %kvm\n"
    let uses = "%v = ioctl %kvm KVM_CREATE_VM -> return\n%w = ioctl %kvm KVM_CREATE_VM -> return\n"
    let found = ProgramVerifier.verify(try ProgramTextTests.read(closed + uses))
    #expect(found.map(\.law) == [.notAfterClose] && found.first?.step == 2)
  }
}

/// Makes programs that the types can hold and the text can say, most of them unlawful: every
/// request, every kind of step, any kind of operand anywhere.
private struct ProgramMaker {
  private var random: SeededNumbers
  private var made = Program()

  init(seed: UInt64) { random = SeededNumbers(seed: seed) }

  mutating func program() -> Program {
    for _ in 0..<3 { append(.open(path(), make(nil))) }
    for request in RequestRegistry.all.filter(\.isStep).shuffled(using: &random) {
      let file = used()
      let arguments = request.operandFields.map { operand(for: $0) }
      let results = request.resultFields.map { flip() ? make($0.kind) : nil }
      append(.ioctl(file, request, arguments: arguments, results: results))
      appendOther()
    }
    return made
  }

  private mutating func appendOther() {
    switch random.below(5) {
    case 0: append(.open(path(), make(nil)))
    case 1:
      let memory = GuestMemory(
        size: number(), hugePageBytes: flip() ? number() : nil, population: flip() ? .lazy : .eager)
      append(.memory(memory, file: make(.memoryFile), address: flip() ? make(.memory) : nil))
    case 2: append(.sysfs(write()))
    case 3:
      append(.expect(used(), mask: flip() ? number() : nil, equals: operand(for: nil)))
    default: append(.close(used()))
    }
  }

  /// Adds a step; what an `open` makes is of the kind that its path gives.
  private mutating func append(_ action: Action) {
    if case .open(let path, let id) = action { made.results[Int(id.index)].kind = path.kind }
    made.steps.append(Step(action, origin: .wholeVM))
  }

  private mutating func make(_ kind: ObjectKind?) -> ResultID {
    let letters = Array("aZ09._-")
    var name = ""
    repeat {
      name.append(letters[random.below(letters.count)])
    } while flip() || made.results.contains { $0.name == name }
    made.results.append(ResultDefinition(name: name, kind: kind ?? .number))
    return ResultID(Int32(made.results.count - 1))
  }

  private mutating func operand(for field: Field?) -> Operand {
    switch random.below(6) {
    case 0: return .result(used())
    case 1: return .memory(used(), offset: number())
    case 2: return .address(address())
    case 3: return .literal(number())
    default:
      guard case .number(let constants)? = field?.role else { return .literal(number()) }
      let some = constants.names.filter { _ in flip() }.map(\.value)
      return .literal(constants.areFlags ? some.reduce(0, |) : some.first ?? number())
    }
  }

  private mutating func path() -> DevicePath {
    let paths: [DevicePath] = [
      .iommu, .vfioContainer, .vfioGroup(random.below(1000)), .vfioDevice(address()), .kvm, .ioasid,
    ]
    return paths[random.below(paths.count)]
  }

  private mutating func write() -> SysfsWrite {
    let odd: [Unicode.Scalar] = [
      "a", "-", " ", "\"", "\\", "#", "%", "\n", "\r", "\u{0}", "\u{1F600}",
    ]
    var driver = ""
    while random.below(4) > 0 { driver.unicodeScalars.append(odd[random.below(odd.count)]) }
    return switch random.below(3) {
    case 0: .unbind(address(), from: driver)
    case 1: .driverOverride(address(), driver)
    default: .probe(address(), by: driver)
    }
  }

  private mutating func address() -> BDF {
    BDF(
      domain: UInt32(truncatingIfNeeded: random.next()) >> UInt32(random.below(32)),
      bus: UInt8(random.below(256)), device: UInt8(random.below(32)),
      function: UInt8(random.below(8)))
  }

  private mutating func number() -> UInt64 { random.next() >> UInt64(random.below(64)) }

  private mutating func used() -> ResultID { ResultID(Int32(random.below(made.results.count))) }

  private mutating func flip() -> Bool { random.below(2) == 0 }
}
