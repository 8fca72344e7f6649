import Parser
import Planner
import TestSupport
import Testing

/// One test per law: the text is a program that breaks it and no other.
///
/// `@` in a text stands for the shortest lawful start: an iommufd with a bound and attached device.
struct ProgramVerifierTests {
  static let start = """
    %iommufd = open "/dev/iommu"
    %gpa = ioctl %iommufd IOMMU_IOAS_ALLOC -> out_ioas_id
    %nic = open cdev(0000:65:00.0)
    %nic.id = ioctl %nic VFIO_DEVICE_BIND_IOMMUFD iommufd=%iommufd -> out_devid
    %gpa.0 = ioctl %iommufd IOMMU_HWPT_ALLOC dev_id=%nic.id pt_id=%gpa -> out_hwpt_id
    %nic.pt = ioctl %nic VFIO_DEVICE_ATTACH_IOMMUFD_PT pt_id=%gpa.0 -> pt_id
    %ram0, %ram0.va = memory size=0x200000
    """

  static let group = """
    %c = open "/dev/vfio/vfio"
    %group17 = open "/dev/vfio/17"
    """

  /// A map of the start's address space; the text gives what differs.
  static func map(
    _ offset: String = "0", _ length: String = "0x1000", _ iova: String = "0"
  ) -> String {
    "ioctl %iommufd IOMMU_IOAS_MAP flags=FIXED_IOVA|READABLE ioas_id=%gpa "
      + "user_va=%ram0.va+\(offset) length=\(length) iova=\(iova)"
  }

  static let kvm = """
    %kvm = open "/dev/kvm"
    %vm = ioctl %kvm KVM_CREATE_VM -> return
    %kvm-vfio = ioctl %vm KVM_CREATE_DEVICE type=VFIO -> fd
    """

  static func add(_ file: String) -> String {
    "ioctl %kvm-vfio KVM_SET_DEVICE_ATTR group=FILE attr=FILE_ADD addr=%\(file)"
  }

  static func rebind(to driver: String) -> String {
    "sysfs override 0000:65:00.0 with \"\(driver)\"\nsysfs probe 0000:65:00.0 by \"\(driver)\"\n@"
  }

  static let breaches: [(law: ProgramLaw, text: String)] = [
    (.operandKinds, "@\nioctl %iommufd IOMMU_GET_HW_INFO dev_id=%gpa"),
    (.operandKinds, "@\nioctl %iommufd IOMMU_GET_HW_INFO dev_id=5"),
    (.operandKinds, "@\nexpect %nic.pt == %nic"),
    (.operandKinds, "@\nexpect %gpa == 1"),
    (.notAfterClose, "%ram0 = memory size=0x1000\nclose %ram0"),
    (.allowedNumbers, "@\n" + map().replacing("FIXED_IOVA|READABLE", with: "READABLE")),
    (.allowedNumbers, "@\n" + map().replacing("FIXED_IOVA|READABLE", with: "0x100000005")),
    (
      .allowedNumbers,
      """
      %iommufd = open "/dev/iommu"
      ioctl %iommufd IOMMU_OPTION option_id=HUGE_PAGES op=SET val64=PER_USER
      """
    ),
    (
      .allowedNumbers,
      kvm + "\n%nic = open cdev(0000:65:00.0)\n"
        + add("nic").replacing("FILE_ADD", with: "FILE_DEL")
    ),
    (.stepRequests, "@\nioctl %iommufd IOMMU_DESTROY id=%gpa"),
    (.receivers, "@\n%x = ioctl %nic IOMMU_IOAS_ALLOC -> out_ioas_id"),
    (
      .states,
      "%nic = open cdev(0000:65:00.0)\n%c = open \"/dev/vfio/vfio\"\n" + """
        ioctl %c VFIO_SET_IOMMU type=TYPE1v2
        """
    ),
    (
      .states,
      group + "\n%nic = ioctl %group17 VFIO_GROUP_GET_DEVICE_FD name=0000:65:00.0 -> return"
        + "\n"
    ),
    (
      .attachedBeforeMapped,
      """
      %iommufd = open "/dev/iommu"
      %gpa = ioctl %iommufd IOMMU_IOAS_ALLOC -> out_ioas_id
      %ram0, %ram0.va = memory size=0x200000
      """ + "\n" + map()
    ),
    (.knownBeforeBound, "@\n" + kvm + "\n" + add("nic")),
    (
      .accountingFirst,
      "@\nioctl %iommufd IOMMU_OPTION option_id=RLIMIT_MODE op=SET val64=PER_PROCESS"
    ),
    (
      .driversFirst,
      """
      %nic = open cdev(0000:65:00.0)
      sysfs override 0000:65:00.0 with "vfio-pci"
      sysfs probe 0000:65:00.0 by "vfio-pci"
      """
    ),
    (.notAfterClose, "%kvm = open \"/dev/kvm\"\nclose %kvm\nioctl %kvm KVM_GET_API_VERSION"),
    (.notAfterClose, "%kvm = open \"/dev/kvm\"\nclose %kvm\nclose %kvm"),
    (.notAfterClose, "@\nclose %iommufd"),
    (.notAfterClose, "@\nclose %nic"),
    (.undoable, "%iommufd = open \"/dev/iommu\"\nioctl %iommufd IOMMU_IOAS_ALLOC"),
    (.undoable, "%kvm = open \"/dev/kvm\"\nioctl %kvm KVM_CREATE_VM"),
    (.onlyOnce, "%a = open cdev(0000:65:00.0)\n%b = open cdev(0000:65:00.0)"),
    (.onlyOnce, "%a = open \"/dev/vfio/17\"\n%b = open \"/dev/vfio/17\""),
    (.onlyOnce, "@\n%x = ioctl %nic VFIO_DEVICE_BIND_IOMMUFD iommufd=%iommufd -> out_devid"),
    (.onlyOnce, "@\n%x = ioctl %nic VFIO_DEVICE_ATTACH_IOMMUFD_PT pt_id=%gpa.0 -> pt_id"),
    (.onlyOnce, kvm + "\n%nic = open cdev(0000:65:00.0)\n" + add("nic") + "\n" + add("nic")),
    (.ranges, "%ram0 = memory size=0"),
    (.ranges, "%ram0 = memory size=0x1001"),
    (.ranges, "%ram0 = memory size=0x1000 hugepages=0x200000"),
    (.ranges, "%ram0 = memory size=0x6000 hugepages=0x3000"),
    (.ranges, "@\n" + map("0", "0x201000")),
    (.ranges, "@\n" + map("0x200000", "0x1000")),
    (.ranges, "@\n" + map("0xfffffffffffff000", "0x2000")),
    (.ranges, "@\n" + map("0x800", "0x1000")),
    (.ranges, "@\n" + map("0", "0")),
    (.ranges, "@\n" + map("0", "0x1000", "0x800")),
    (.ranges, "@\n" + map("0", "0x2000", "0xfffffffffffff000")),
    (.overlaps, "@\n" + map("0", "0x2000") + "\n" + map("0", "0x1000", "0x1000")),
    (
      .overlaps,
      "@\n" + map("0", "0x1000", "0x5000") + "\n" + map("0", "0x9000", "0") + "\n"
        + map("0", "0x1000", "0x20000")
    ),
    (.driverChanges, "sysfs override 0000:65:00.0 with \"vfio-pci\"\n@"),
    (.driverChanges, "sysfs probe 0000:65:00.0 by \"vfio-pci\"\n@"),
    (
      .driverChanges,
      """
      sysfs unbind 0000:65:00.0 from "e1000e"
      sysfs probe 0000:65:00.0 by "vfio-pci"
      @
      """
    ),
    (
      .driverChanges,
      """
      sysfs override 0000:00:1f.2 with "vfio-pci"
      sysfs probe 0000:00:1f.2 by "vfio-pci"
      @
      """
    ),
    (
      .driverNames,
      """
      sysfs override 0000:65:00.0 with "evil"
      sysfs probe 0000:65:00.0 by "evil"
      @
      """
    ),
    (.driverNames, rebind(to: "evilvfio-pci")),
    (.driverNames, rebind(to: String(repeating: "a", count: 256) + "-vfio-pci")),
    (
      .driverNames,
      """
      sysfs unbind 0000:65:00.0 from ".."
      sysfs override 0000:65:00.0 with "vfio-pci"
      sysfs probe 0000:65:00.0 by "vfio-pci"
      @
      """
    ),
    (
      .driverNames,
      """
      sysfs unbind 0000:65:00.0 from "../../x/vfio-pci"
      sysfs override 0000:65:00.0 with "vfio-pci"
      sysfs probe 0000:65:00.0 by "vfio-pci"
      @
      """
    ),
    (
      .ownIDs,
      """
      @
      %other = open "/dev/iommu"
      %x = ioctl %other IOMMU_IOAS_ALLOC -> out_ioas_id
      %y = ioctl %iommufd IOMMU_HWPT_ALLOC dev_id=%nic.id pt_id=%x -> out_hwpt_id
      """
    ),
    (
      .ownIDs,
      """
      @
      %other = open "/dev/iommu"
      %x = ioctl %other IOMMU_IOAS_ALLOC -> out_ioas_id
      %gpu = open cdev(0000:01:00.0)
      %gpu.id = ioctl %gpu VFIO_DEVICE_BIND_IOMMUFD iommufd=%iommufd -> out_devid
      ioctl %gpu VFIO_DEVICE_ATTACH_IOMMUFD_PT pt_id=%x
      """
    ),
  ]

  static func read(_ text: String) throws -> Program {
    let text = text.replacing("@", with: start)
    return try ProgramTextReader.read(SourceFile(id: .vm, name: "p", text: text))
  }

  @Test(arguments: breaches.indices)
  func aBreachOfALawIsFound(index: Int) throws {
    let (law, text) = Self.breaches[index]
    let program = try Self.read(text)
    let found = Set(ProgramVerifier.verify(program).map(\.law))
    // A group without a container breaks the same law twice, nothing else.
    #expect(found == [law], "\(text)")
  }

  @Test func theStartOfThoseProgramsIsLawful() throws {
    for text in ["@", "@\n" + Self.map(), Self.kvm, Self.group] {
      #expect(ProgramVerifier.verify(try Self.read(text)) == [])
    }
  }

  @Test func numbersOfOtherInterfacesAreRefused() throws {
    let program = try Self.read(
      "%kvm = open \"/dev/kvm\"\n%vm = ioctl %kvm KVM_CREATE_VM -> return\n"
        + "%x = open \"/dev/ioasid\"\nioctl %vm KVM_ADD_IOASID_FD ioasid_fd=%x")
    #expect(ProgramVerifier.verify(program) == [])
    let laws = ProgramVerifier.verify(program, for: IOMMUFDDialect()).map(\.law)
    #expect(laws == [.interface])
  }

  @Test func programsThatTextCannotSayAreRefusedToo() throws {
    var program = try Self.read("@")
    let steps = program.steps
    program.steps[0].origin.end = 0
    program.steps[0].origin.start = 9
    #expect(ProgramVerifier.verify(program).map(\.law) == [.origins])
    program.steps = steps
    program.steps[0].origin.source = SourceID(rawValue: 9)
    #expect(ProgramVerifier.verify(program).map(\.law) == [.origins])
    program.steps = steps
    program.results[0].name = "gpa"
    #expect(ProgramVerifier.verify(program).map(\.law) == [.resultNames])
    program.results[0].name = "a b"
    #expect(ProgramVerifier.verify(program).map(\.law) == [.resultNames])
    program.results[0].name = "iommufd"
    program.results.append(ResultDefinition(name: "nobody", kind: .hwpt))
    #expect(ProgramVerifier.verify(program).map(\.law) == [.madeOnce])
    program.results.removeLast()
    program.results[1].kind = .hwpt
    #expect(ProgramVerifier.verify(program).contains { $0.law == .resultKinds })
  }

  @Test func usesBeforeTheDefinitionAndIdsThatDoNotExistAreRefused() {
    let origin = SourceSpan.wholeVM
    for id in [Int32.min, -1, 0, 1, 7, Int32.max] {
      let program = Program(
        steps: [
          Step(.close(ResultID(id)), origin: origin),
          Step(.open(.kvm, ResultID(id)), origin: origin),
          Step(.expect(ResultID(id), mask: nil, equals: .result(ResultID(id))), origin: origin),
          Step(
            .ioctl(ResultID(id), IOMMUFDRequests.ioasMap, arguments: [], results: []),
            origin: origin),
        ], results: [ResultDefinition(name: "a", kind: .kvm)])
      let laws = ProgramVerifier.verify(program).map(\.law)
      #expect(laws.first == .definedEarlier, "\(id)")
      #expect(id == 0 || laws.contains(.madeOnce), "\(id)")
    }
    let misfit = Program(
      steps: [
        Step(.open(.iommu, ResultID(0)), origin: origin),
        Step(
          .ioctl(ResultID(0), IOMMUFDRequests.ioasMap, arguments: [.literal(7)], results: []),
          origin: origin),
      ], results: [ResultDefinition(name: "a", kind: .iommufd)])
    #expect(ProgramVerifier.verify(misfit).map(\.law) == [.operandCount])
  }

  @Test func everyLawHasATestAbove() {
    let elsewhere: Set<ProgramLaw> = [
      .definedEarlier, .madeOnce, .resultNames, .resultKinds, .operandCount, .origins, .interface,
    ]
    #expect(elsewhere.union(Self.breaches.map(\.law)) == Set(ProgramLaw.allCases))
  }

  @Test func theLawsAreDocumentedUnderTheirNames() throws {
    let text = try PackageFiles.text("docs/program-format.md")
    for law in ProgramLaw.allCases { #expect(text.contains("| `\(law.rawValue)` |")) }
  }

  /// Whatever is done to a lawful program, checking and undoing it ends without a crash.
  @Test(arguments: 0..<200)
  func mangledProgramsAreRefusedOrLawfulNeverFatal(seed: Int) throws {
    var random = SeededNumbers(seed: UInt64(seed))
    let sketch = PlanSketch([.init("a", group: 1, driver: "x"), .init("b", group: 1)])
    let dialect = Dialects.all[seed % Dialects.all.count]
    var program = dialect.lower(sketch.plan(target: dialect.name), for: sketch.vm, on: sketch.host)
    for _ in 0..<3 {
      let (left, right) = (
        random.below(program.steps.count), random.below(program.steps.count)
      )
      switch random.below(4) {
      case 0: program.steps.swapAt(left, right)
      case 1: program.steps.remove(at: left)
      case 2: program.steps.insert(program.steps[left], at: right)
      default:
        guard
          case .ioctl(let file, let request, var arguments, var results) =
            program.steps[left].action
        else { continue }
        if !arguments.isEmpty, random.below(2) == 0 {
          arguments[random.below(arguments.count)] = random.operand()
        } else {
          results.append(ResultID(Int32(random.below(40)) - 5))
        }
        program.steps[left].action = .ioctl(file, request, arguments: arguments, results: results)
      }
    }
    let violations = ProgramVerifier.verify(program)
    for step in program.steps { _ = program.undo(of: step) }
    #expect(violations.count <= ProgramVerifier.maximumViolations, "seed \(seed)")
    _ = ProgramText.text(of: program)
  }
}
