import Parser
import Planner
import TestSupport
import Testing

struct ProgramTextTests {
  static func read(_ text: String) throws -> Program {
    try ProgramTextReader.read(SourceFile(id: .vm, name: "p", text: text))
  }

  static func errors(_ text: String) -> [Diagnostic] {
    do throws(DiagnosticsError) {
      _ = try ProgramTextReader.read(SourceFile(id: .vm, name: "p", text: text))
      return []
    } catch {
      return error.diagnostics
    }
  }

  /// A random sketch of up to six devices in up to two address spaces.
  static func sketch(_ random: inout SeededNumbers) -> PlanSketch {
    let spaces = random.below(2) == 0 ? ["gpa"] : ["gpa", "dma-0"]
    let devices = (0...random.below(6)).map { index in
      PlanSketch.Device(
        ["nic", "gpu.0", "kvm", "x\(index)"][random.below(4)] + "-\(index)", group: index,
        driver: ["vfio-pci", "we\"ird\\ \u{e9}", nil][random.below(3)],
        space: index < spaces.count ? index : random.below(spaces.count),
        isEnforced: random.below(2) == 0, canEnforce: random.below(2) == 0,
        isKnownToKVM: random.below(2) == 0)
    }
    let used = (devices.map(\.space).max() ?? 0) + 1
    return PlanSketch(
      devices, spaces: Array(spaces.prefix(used)),
      memory: (0...random.below(3)).map { index in
        MemoryRegion(
          gpa: UInt64(index) << 32, size: UInt64(random.below(1000) + 1) << 21,
          hugePageBytes: random.below(2) == 0 ? nil : 2 << 20)
      })
  }

  @Test(arguments: 0..<300)
  func whatIsPrintedReadsBackAsTheSameProgram(seed: Int) throws {
    var random = SeededNumbers(seed: UInt64(seed))
    let sketch = Self.sketch(&random)
    for dialect in Dialects.all {
      let program = dialect.lower(
        sketch.plan(target: dialect.name), for: sketch.vm, on: sketch.host)
      let text = ProgramText.text(of: program) { "from \($0.start)" }
      let read = try Self.read(text)
      #expect(read.hasSameActions(as: program), "seed \(seed): \(text)")
      #expect(ProgramText.text(of: read) == ProgramText.text(of: program), "seed \(seed)")
    }
  }

  @Test func anOriginIsTheStepsPlaceInTheTextWithoutItsComment() throws {
    let text = "# nothing\r\n  %kvm = open \"/dev/kvm\" # vm.yaml:1\r\n\r\nclose %kvm"
    let program = try Self.read(text)
    let places = program.steps.map { step in
      String(
        decoding: Array(text.utf8)[Int(step.origin.start)..<Int(step.origin.end)], as: UTF8.self)
    }
    #expect(places == ["%kvm = open \"/dev/kvm\"", "close %kvm"])
  }

  @Test func numbersConstantsAndWhatIsNotUsedHaveOtherSpellings() throws {
    let canonical = """
      %c = open "/dev/vfio/vfio"
      %n = ioctl %c VFIO_CHECK_EXTENSION extension=TYPE1v2 -> return
      expect %n == 0x10
      %ram = memory size=0x200000 hugepages=0x200000

      """
    let other = """
      %c=open"/dev/vfio/vfio"
      \t%n = ioctl %c VFIO_CHECK_EXTENSION extension = 3->return
      expect %n==16
      %ram = memory size=2097152 hugepages=0x200000
      """
    #expect(ProgramText.text(of: try Self.read(other)) == canonical)
  }

  @Test(arguments: [
    ("opne \"/dev/kvm\"", "VP1951", 0, "did you mean 'open'?"),
    ("%a = open \"/dev/sda\"", "VP1956", 10, nil),
    ("%a = open \"/dev/vfio/017\"", "VP1956", 10, nil),
    ("%a = open \"/dev/kvm\" now", "VP1951", 21, nil),
    ("%a = open \"/dev/kvm", "VP1951", 10, nil),
    ("%a, %b = open \"/dev/kvm\"", "VP1951", 9, nil),
    ("open \"/dev/kvm\"", "VP1951", 0, nil),
    ("% = open \"/dev/kvm\"", "VP1951", 0, nil),
    ("%a = close %a", "VP1951", 0, nil),
    ("close %a", "VP1953", 6, nil),
    ("%abc = open \"/dev/kvm\"\nclose %abd", "VP1953", 29, "did you mean 'abc'?"),
    ("%a = open \"/dev/kvm\"\n%a = open \"/dev/iommu\"", "VP1954", 21, nil),
    (
      "%a = open \"/dev/kvm\"\nioctl %a KVM_CREATE_VN", "VP1952", 30,
      "did you mean 'KVM_CREATE_VM'?"
    ),
    ("%a = memory size=0x10000000000000000", "VP1956", 17, nil),
    ("%a = memory size=4KiB", "VP1956", 17, nil),
    ("%a = memory", "VP1951", 11, nil),
    ("sysfs unbind 0000:65:00.0 \"x\"", "VP1951", 26, nil),
    ("sysfs override 0000:65:00 with \"x\"", "VP1956", 15, nil),
    ("sysfs probe 0000:65:00.0 by \"\\u{110000}\"", "VP1951", 29, nil),
    ("%a = open \"/dev/iommu\"\nioctl %a IOMMU_OPTION op=SET", "VP1955", 45, nil),
    (
      "%a = open \"/dev/iommu\"\n%b = ioctl %a IOMMU_IOAS_ALLOC -> out_id", "VP1955", 57,
      "IOMMU_IOAS_ALLOC gives out_ioas_id, in this order"
    ),
    ("%a = open \"/dev/kvm\" \u{1}", "VP1951", 21, nil),
  ])
  func mistakesAreFoundAtTheirPlace(text: String, code: String, start: UInt32, help: String?) throws
  {
    let found = Self.errors(text)
    #expect(found.count == 1, "\(found)")
    let first = try #require(found.first)
    #expect(first.code.name == code)
    #expect(first.span?.start == start)
    if let help { #expect(first.help == help) }
  }

  @Test func oneMistakeInAStepIsOneFindingAndReadingGoesOn() {
    let found = Self.errors(
      """
      %a = open "/dev/nonsense"
      close %a
      close %b
      """)
    #expect(found.map(\.code.name) == ["VP1956", "VP1953"])
    let many = String(repeating: "nonsense\n", count: 1000)
    #expect(Self.errors(many).count == ProgramTextReader.maximumErrors)
  }

  @Test func aBrokenLawIsReportedAtTheStepsLine() throws {
    let program = try Self.read("%ram = memory size=1")
    let violation = try #require(ProgramVerifier.verify(program).first)
    let finding = ProgramDiagnostics.violation(violation, in: program)
    #expect(finding.code.name == "VP1957")
    #expect(finding.span == SourceSpan(source: .vm, start: 0, end: 20))
    #expect(finding.notes.map(\.message) == ["the law is 'ranges'"])
  }

  @Test(arguments: 0..<300)
  func mutatedTextNeverCrashesAndFindingsLieInsideIt(seed: Int) {
    var random = SeededNumbers(seed: UInt64(seed))
    let sketch = Self.sketch(&random)
    let dialect = Dialects.all[seed % Dialects.all.count]
    let program = dialect.lower(sketch.plan(target: dialect.name), for: sketch.vm, on: sketch.host)
    var bytes = Array(ProgramText.text(of: program).utf8)
    let odd = Array("%=->,+()\"\\#\n\r \u{0}|:.{}u0x9".utf8) + [0xff, 0xc3]
    for _ in 0...random.below(8) {
      let position = random.below(bytes.count)
      switch random.below(3) {
      case 0: bytes[position] = odd[random.below(odd.count)]
      case 1: bytes.remove(at: position)
      default: bytes.insert(odd[random.below(odd.count)], at: position)
      }
    }
    do throws(DiagnosticsError) {
      let read = try ProgramTextReader.read(SourceFile(id: .vm, name: "p", bytes: bytes))
      _ = ProgramVerifier.verify(read)
      _ = ProgramText.text(of: read)
    } catch {
      for finding in error.diagnostics {
        guard let span = finding.span else { continue }
        #expect(span.start <= span.end && Int(span.end) <= bytes.count, "seed \(seed)")
      }
    }
  }

  @Test func theExampleOfTheDocumentationIsLawfulAndCanonical() throws {
    let text = try PackageFiles.text("docs/program-format.md")
    let block = try #require(text.split(separator: "```\n").dropFirst().first)
    let program = try Self.read(String(block))
    #expect(ProgramVerifier.verify(program, for: IOMMUFDDialect()) == [])
    let plain = block.split(separator: "\n").map { $0.replacing("  # vm.yaml:9", with: "") }
    #expect(ProgramText.text(of: program) == plain.joined(separator: "\n") + "\n")
  }

  @Test func codesAreListedByNumberEachOnce() {
    let names = ProgramDiagnostics.all.map(\.name)
    #expect(names == names.sorted() && Set(names).count == names.count)
    #expect(ProgramDiagnostics.all.allSatisfy { $0.severity == .error })
  }
}
