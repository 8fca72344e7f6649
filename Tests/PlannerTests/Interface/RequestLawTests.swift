import Parser
import Planner
import Testing

/// What descriptors promise, whatever their members are called.
struct RequestLawTests {
  /// A request that maps memory and calls nothing what the kernel's requests call it.
  static func mapping(
    _ source: [Field], length: Field.Role = .length, undo: Undo = .request(unmapping)
  ) -> RequestDescriptor {
    RequestDescriptor(
      "MADE_UP_MAP", RequestCode(type: 1, number: 1), on: .iommufd,
      .structure(
        StructLayout(
          "made_up_map", size: 40,
          [
            Field("goal", at: 0, width: 8, .iova), Field("extent", at: 8, width: 8, length),
            Field("into", at: 16, .object(ObjectKindSet(.ioas))),
          ] + source)),
      undo: undo, errnos: [:], header: "made up", since: nil,
      summary: "map in a made-up way")
  }

  /// What undoes it: the same members under other names, in another order.
  static let unmapping = RequestDescriptor(
    "MADE_UP_UNMAP", RequestCode(type: 1, number: 2), on: .iommufd,
    .structure(
      StructLayout(
        "made_up_unmap", size: 24,
        [
          Field("space", at: 0, .object(ObjectKindSet(.ioas))),
          Field("mode", at: 4, .number(.values([("ONE", 9)]))),
          Field("bytes", at: 8, width: 8, .length), Field("address", at: 16, width: 8, .iova),
        ])),
    undo: .nothing("it is itself an undo"), isStep: false, errnos: [:], header: "made up",
    since: nil, summary: "unmap in a made-up way")

  static let mapped = [Field("what", at: 24, width: 8, .memoryAddress)]
  static let file = [
    Field("what", at: 20, .object(ObjectKindSet(.memoryFile))),
    Field("behind", at: 24, width: 8, .offset),
  ]

  /// The laws that a lawful start breaks together with some maps of its 2 MiB.
  static func broken(
    _ request: RequestDescriptor,
    _ maps: [(offset: UInt64, length: UInt64, iova: UInt64)]
  ) throws -> Set<ProgramLaw> {
    var program = try ProgramVerifierTests.read("@")
    let id = { (name: String) throws in
      let index = try #require(program.results.firstIndex { $0.name == name })
      return ResultID(Int32(index))
    }
    let (iommufd, space) = (try id("iommufd"), try id("gpa"))
    let (file, address) = (try id("ram0"), try id("ram0.va"))
    let isFile = request.operandFields.contains { $0.role == .offset }
    program.steps += maps.map { map in
      let source: [Operand] =
        isFile
        ? [.result(file), .literal(map.offset)] : [.memory(address, offset: map.offset)]
      let place: [Operand] = [.literal(map.iova), .literal(map.length), .result(space)]
      return Step(
        .ioctl(iommufd, request, arguments: place + source, results: []), origin: .wholeVM)
    }
    return Set(ProgramVerifier.verify(program).map(\.law))
  }

  @Test(arguments: [mapped, file])
  func rangesAreCheckedByTheRolesOfMembers(source: [Field]) throws {
    let request = Self.mapping(source)
    #expect(try Self.broken(request, [(0x1000, 0x1000, 0x8000), (0, 0x20_0000, 0x20_0000)]) == [])
    #expect(try Self.broken(request, [(0, 0x20_1000, 0)]) == [.ranges])
    #expect(try Self.broken(request, [(0x20_0000, 0x1000, 0)]) == [.ranges])
    #expect(try Self.broken(request, [(0x800, 0x1000, 0)]) == [.ranges])
    #expect(try Self.broken(request, [(0, 0, 0)]) == [.ranges])
    #expect(try Self.broken(request, [(0, 0x1000, 0x800)]) == [.ranges])
    #expect(try Self.broken(request, [(0, 0x2000, .max - 0xfff)]) == [.ranges])
    #expect(try Self.broken(request, [(0, 0x2000, 0), (0, 0x1000, 0x1000)]) == [.overlaps])
  }

  @Test func whatIsNotALengthDoesNotCountAsOneWhateverItIsCalled() throws {
    let request = Self.mapping(Self.mapped, length: .number(.none), undo: .nothing("a test"))
    #expect(try Self.broken(request, [(0, 0x20_1000, 0)]) == [])
  }

  @Test func anUndoGetsItsMembersByRole() {
    #expect(
      Self.mapping(Self.file).undoArguments == [
        .operand(2), .literal(9), .operand(1), .operand(0),
      ])
    #expect(IOMMUFDRequests.ioasMap.undoArguments == [.operand(1), .operand(4), .operand(3)])
    #expect(IOMMUFDRequests.hwptAlloc.undoArguments == [.result(0)])
    #expect(KVMRequests.addFile.undoArguments == [.literal(1), .literal(2), .operand(2)])
  }

  @Test func everyStepHasErrnosEachOnceAndWithAMeaning() {
    for request in RequestRegistry.all {
      #expect(!request.isStep || !request.errnos.isEmpty, "\(request.name)")
      #expect(Set(request.errnos.map(\.errno)).count == request.errnos.count, "\(request.name)")
      #expect(request.errnos.allSatisfy { !$0.meaning.isEmpty }, "\(request.name)")
    }
  }

  @Test func kernelsHaveEveryRequestButTheProposalsSinceARelease() {
    let proposal = Set(IOASIDRequests.all)
    for request in RequestRegistry.all {
      #expect((request.since == nil) == proposal.contains(request), "\(request.name)")
      #expect(HostKernel(release: "2.6.19").rules.knows(request) == .no, "\(request.name)")
      #expect(HostKernel(release: "7.3").rules.knows(request) == Fact(request.since != nil))
    }
    #expect(IOMMUFDRequests.destroy.source == "linux/iommufd.h, 6.2")
    #expect(KVMRequests.createVM.source == "linux/kvm.h, 2.6.20")
    #expect(VFIOContainerRequests.setIOMMU.source == "linux/vfio.h, 3.6; TYPE1v2 3.15")
    #expect(IOASIDRequests.alloc.source == "RFC v1 of May 2021; never merged")
  }

  @Test func aRequestThatIsYoungerThanItsTargetsFilesMayBeMissing() throws {
    for request in IOMMUFDRequests.all + VFIODeviceRequests.all {
      let since = try #require(request.since)
      #expect(request.mayBeMissing == (since > KernelRules.vfioCdevs.since), "\(request.name)")
      let missing = request.errnos.meaning(of: .enotty)
      #expect(missing == (request.mayBeMissing ? "the kernel is older than \(since)" : nil))
    }
  }

  @Test func rulesHaveNamesAndAPlaceOfTheirOwnAndBeginWithTheirRelease() {
    #expect(Set(KernelRules.all.map(\.name)).count == KernelRules.all.count)
    #expect(KernelRules.all.map(\.since) == KernelRules.all.map(\.since).sorted())
    for rule in KernelRules.all {
      #expect(!rule.before.isEmpty && !rule.meaning.isEmpty && !rule.source.isEmpty)
      #expect(HostKernel(release: "2.6.19").rules.answer(rule) == .no, "\(rule.name)")
      let stated = [rule.name: HostKernel.StatedRule(true)]
      var kernel = HostKernel(release: "2.6.19")
      kernel.statedRules = stated
      #expect(kernel.rules.answer(rule) == .yes, "\(rule.name)")
      guard rule.since <= KernelRules.newestStudied else { continue }
      #expect(HostKernel(release: "\(rule.since).0").rules.answer(rule) == .yes, "\(rule.name)")
      #expect(HostKernel().rules.answer(rule) == .yes, "\(rule.name)")
      #expect(
        HostKernel(release: "4.18.0-553.el8").rules.answer(rule) != .no
          || rule.since <= KernelVersion(4, 18))
    }
  }
}
