import Parser
import Planner
import Testing

@testable import Executor

/// What the simulator does as each release: requests, sizes, and one law for each fact.
struct KernelReleaseTests {
  /// Answers of a release to a request with 64 zeros behind its size.
  private func answer(_ release: KernelVersion, _ number: UInt32, size: UInt64 = 64) -> String {
    let raw = RawKernel(LabHost.mixed(), release: release)
    let zeros = [(UInt64, Int)](repeating: (0, 8), count: 8)
    return raw.call(raw.file(.iommu), number, [(size, 4), (0, 4)] + zeros)
  }

  /// From the headers, not from the simulator's table.
  static let requests: [(number: UInt32, since: KernelVersion)] = [
    (0x3b81, KernelVersion(6, 2)), (0x3b89, KernelVersion(6, 6)), (0x3b8a, KernelVersion(6, 6)),
    (0x3b8b, KernelVersion(6, 7)), (0x3b8c, KernelVersion(6, 7)), (0x3b8d, KernelVersion(6, 8)),
    (0x3b8e, KernelVersion(6, 11)), (0x3b8f, KernelVersion(6, 13)), (0x3b90, KernelVersion(6, 13)),
    (0x3b91, KernelVersion(6, 13)), (0x3b92, KernelVersion(6, 13)), (0x3b93, KernelVersion(6, 15)),
    (0x3b94, KernelVersion(6, 17)), (0x3b95, KernelVersion(7, 2)),
  ]

  @Test(arguments: requests)
  func aRequestIsThereFromItsFirstReleaseOn(number: UInt32, since: KernelVersion) {
    for release in SimulatedKernel.releases where release >= KernelVersion(6, 2) {
      #expect((answer(release, number) == "ENOTTY") == (release < since), "\(release)")
    }
  }

  @Test func behindTheLastRequestIsAQuestionForTheContainer() {
    let raw = RawKernel(LabHost.mixed(), release: KernelVersion(6, 12))
    #expect(raw.call(raw.file(.iommu), 0x3b8f, .none) == "ENOTTY", "no size is read")
    #expect(raw.call(raw.file(.iommu), 0x3b8e, .none) == "EFAULT")
  }

  @Test(arguments: [
    (KernelVersion(6, 6), 24), (KernelVersion(6, 8), 40), (KernelVersion(6, 12), 48),
  ])
  func aTablesRequestGrew(release: KernelVersion, size: Int) {
    let raw = RawKernel(LabHost.mixed(), release: release)
    let members: [(UInt64, Int)] = [(56, 4)] + (4..<56).map { (UInt64($0 == size ? 1 : 0), 1) }
    #expect(raw.call(raw.file(.iommu), 0x3b89, members) == "E2BIG")
  }

  @Test(arguments: [
    (KernelVersion(6, 12), "0"), (KernelVersion(6, 17), "E2BIG"), (KernelVersion(6, 19), "1"),
    (KernelVersion(7, 3), "1"),
  ])
  func aBindsTail(release: KernelVersion, answer: String) {
    let raw = RawKernel(LabHost.mixed(), release: release)
    let (iommufd, device) = (raw.file(.iommu), raw.file(.vfioDevice(LabHost.c1)))
    let bound = raw.bind(device, iommufd, argsz: 24, tail: [1, 0, 0, 0, 0, 0, 0, 0])
    #expect((bound == "1" ? "0" : bound) == (answer == "1" ? "0" : answer))
  }

  @Test(arguments: [("6.18.2", "E2BIG"), ("6.18.5", "1"), ("6.18.0-9-amd64", "1")])
  func aStableReleaseMayHaveWhatALaterOneBrought(name: String, answer: String) {
    var host = LabHost.mixed()
    host.kernel.release = name
    let raw = RawKernel(kernel: SimulatedKernel(host))
    let (iommufd, device) = (raw.file(.iommu), raw.file(.vfioDevice(LabHost.c1)))
    #expect(raw.bind(device, iommufd, argsz: 24, tail: [1, 0, 0, 0, 0, 0, 0, 0]) == answer)
  }

  @Test func whatAHostStatesOfItsKernelCountsMoreThanItsRelease() {
    var host = LabHost.mixed()
    host.kernel.release = "6.5.0-1024-nvidia"
    host.kernel.statedRules = [
      "attachKeepsTables": .init(true), "IOMMU_IOAS_MAP_FILE": .init(true),
      "type1EnforcesByTable": .init(false),
    ]
    let kernel = SimulatedKernel(host)
    #expect(kernel.facts.has(.attachKeepsTables))
    #expect(!kernel.facts.has(.type1EnforcesByTable))
    #expect(!kernel.facts.has(.fileMappings))
    let raw = RawKernel(kernel: kernel)
    #expect(raw.mapFile(raw.file(.iommu), 9, flags: 4, from: 0, length: 1) == "ENOENT")
    let other = SimulatedKernel(host, release: KernelVersion(6, 5))
    #expect(!other.facts.has(.attachKeepsTables), "a release that is asked for is that release")
  }

  /// Each table was written from the kernel, neither from the other.
  @Test func theFactsAndThePlannersRulesAgreeAboutReleases() throws {
    let facts = Dictionary(uniqueKeysWithValues: KernelFact.all.map { ($0.name, $0.since) })
    let shared = KernelRules.all.filter { facts[$0.name] != nil }
    #expect(shared.count >= 12)
    for rule in shared {
      #expect(rule.since == facts[rule.name], "\(rule.name)")
      let fact = KernelFact.all.first { $0.name == rule.name }
      #expect(rule.backports == fact?.backports, "\(rule.name)")
    }
    for request in RequestRegistry.all {
      let operation = SimulatedIOMMUFD.operations.operations.first { $0.name == request.name }
      guard let since = operation?.since?.since else { continue }
      #expect(request.since == since, "\(request.name)")
    }
  }

  /// Rules that nothing in a program hangs on: what texts say of caches, what BARs and widths come
  /// to, and what every kernel has.
  static let unseen: Set = [
    "driverOverride", "onlyPATCounts", "guestPATQuirk", "amdTableWidthByHATS", "barsAsDMABufs",
  ]

  @Test func theSimulatorObeysEveryRuleThatMayBeStated() {
    let facts = Dictionary(uniqueKeysWithValues: KernelFact.all.map { ($0.name, $0) })
    let rules = Set(KernelRules.all.map(\.name))
    #expect(rules.subtracting(facts.keys) == Self.unseen)
    for (name, fact) in facts where rules.contains(name) {
      for release in SimulatedKernel.releases {
        for holds in [true, false] {
          var kernel = HostKernel(
            release: release.description, iommufd: .unknown, vfioCdev: .unknown)
          kernel.statedRules[name] = .init(holds)
          #expect(SimulatedRelease(of: kernel, as: nil).has(fact) == holds, "\(name) on \(release)")
        }
      }
    }
  }

  @Test func everyFactHasANameOfItsOwnAndBringsARelease() {
    #expect(Set(KernelFact.all.map(\.name)).count == KernelFact.all.count)
    let releases = SimulatedKernel.releases
    #expect(releases == releases.sorted())
    #expect(Set(releases).count == releases.count)
    #expect(releases.first == KernelVersion(5, 4))
    #expect(releases.last == KernelVersion(7, 3))
    for fact in KernelFact.all {
      let earlier = releases.last { $0 < fact.since && fact.backports[$0] == nil }
      let before = earlier.map { SimulatedKernel(.empty, release: $0) }
      #expect(before?.facts.has(fact) == false, "\(fact.name)")
      #expect(SimulatedKernel(.empty, release: fact.since).facts.has(fact), "\(fact.name)")
    }
  }
}

extension HostDescription {
  fileprivate static let empty = HostDescription(name: "empty")
}

/// Requests of an iommufd that other releases answer otherwise.
struct IOMMUFDReleaseTests {
  private static let before = KernelVersion(6, 6)

  /// A device on an address space of its own, both with ids: iommufd, devices, address space.
  private struct Machine {
    let raw: RawKernel
    let iommufd: Int32
    let c1, n1: Int32
    let ioas: UInt64

    init(_ release: KernelVersion, _ host: HostDescription = LabHost.mixed()) {
      raw = RawKernel(host, release: release)
      iommufd = raw.file(.iommu)
      c1 = raw.file(.vfioDevice(LabHost.c1))
      n1 = raw.file(.vfioDevice(LabHost.n1))
      #expect([raw.bind(c1, iommufd), raw.bind(n1, iommufd)] == ["1", "2"])
      #expect(raw.ioasAlloc(iommufd) == "3")
      ioas = 3
    }
  }

  /// §7.15: Up to 6.6 nothing is borrowed: an attach makes the table enforce, or fails.
  @Test func attachesMakeTablesEnforce() {
    let old = Machine(Self.before)
    let raw = old.raw
    #expect([raw.hwptAlloc(old.iommufd, device: 2, parent: 3)] == ["4"])
    #expect([raw.attach(old.n1, 4), raw.attach(old.c1, 4)] == ["4", "EINVAL"])
    #expect(raw.attach(old.c1, 3) == "5", "by address space it gets a table of its own")
    #expect([raw.detach(old.c1), raw.detach(old.n1)] == ["0", "0"])
    #expect(raw.attach(old.c1, 4) == "4", "nobody is on it, and nothing was ever mapped")
    #expect(raw.kernel.state().pageTables.map(\.enforcesSnoop) == [true])
    #expect(raw.attach(old.n1, 4) == "EINVAL", "it enforces from now on")
  }

  /// §7.15: Up to 6.6 a table with mappings can't be made to enforce; from 6.7 it need not.
  @Test func attachesKeepMappedTables() {
    for (release, answer) in [(Self.before, "EINVAL"), (KernelVersion(6, 7), "4")] {
      let machine = Machine(release)
      let raw = machine.raw
      #expect(raw.hwptAlloc(machine.iommufd, device: 2, parent: 3) == "4")
      let map = raw.map(
        machine.iommufd, 3, flags: RawKernel.fixed | RawKernel.readable, va: raw.memory(),
        length: 0x1000, iova: 0x10000)
      #expect(map == "\(0x10000)")
      #expect(raw.unmap(machine.iommufd, 3, iova: 0x10000, length: 0x1000) == "\(0x1000)")
      #expect(raw.attach(machine.c1, 4) == answer)
    }
  }

  /// §7.31: A table of Intel's has 57 bits before 6.12, until it is made by an attach.
  @Test func aTableOfIntelsOnceHadAllBitsUntilItWasMadeByAnAttach() {
    let last = { (machine: Machine) in
      machine.raw.ranges(machine.iommufd, 3, room: 4).split(separator: " ").last ?? ""
    }
    let old = Machine(KernelVersion(6, 11))
    #expect(old.raw.hwptAlloc(old.iommufd, device: 1, parent: 3) == "4")
    #expect(last(old) == "0-1ffffffffffffff")
    let far: UInt64 = 1 << 39
    let map = { (machine: Machine, iova: UInt64) in
      machine.raw.map(
        machine.iommufd, 3, flags: RawKernel.fixed | RawKernel.readable, va: machine.raw.memory(),
        length: 0x1000, iova: iova)
    }
    #expect(map(old, far) == "\(far)")
    #expect(old.raw.attach(old.c1, 4) == "EINVAL", "what is mapped is beyond the unit")
    let near = Machine(KernelVersion(6, 11))
    #expect(near.raw.attach(near.c1, 3) == "4")
    #expect(last(near) == "fef00000-7fffffffff")
    let new = Machine(KernelVersion(6, 12))
    #expect(new.raw.hwptAlloc(new.iommufd, device: 1, parent: 3) == "4")
    #expect(last(new) == "0-7fffffffff")
  }

  /// §7.16, §7.19: An SMMUv3: whole tables from 6.11, enforcement by CANWBS from 6.13.
  @Test func anSMMUv3HasWholeTablesAndLaterEnforcement() {
    var host = LabHost.virtio()
    host.iommus = [HostIOMMU(name: "virtio1", type: HostIOMMU.arm, enforceSnoop: .yes)]
    for (release, map, enforces) in [
      (KernelVersion(6, 8), "EINVAL", false), (KernelVersion(6, 11), "0", false),
      (KernelVersion(6, 13), "0", true),
    ] {
      let raw = RawKernel(host, release: release)
      let (iommufd, device) = (raw.file(.iommu), raw.file(.vfioDevice(LabHost.c1)))
      #expect([raw.bind(device, iommufd), raw.ioasAlloc(iommufd)] == ["1", "2"])
      #expect(raw.hwptAlloc(iommufd, device: 1, parent: 2) == "3")
      let flags = RawKernel.fixed | RawKernel.readable
      #expect(raw.map(iommufd, 2, flags: flags, va: raw.memory(), length: 4096) == map)
      #expect(raw.kernel.state().pageTables.map(\.enforcesSnoop) == [enforces], "\(release)")
    }
  }

  /// §7.22, §7.23: Intel's first stage: from 6.13, and unchecked from 6.19.
  @Test func intelsFirstStageIsThereAndLaterUnchecked() {
    var host = LabHost.mixed()
    for index in host.iommus.indices { host.iommus[index].firstStage = .yes }
    for (release, table) in [
      (KernelVersion(6, 12), "5"), (KernelVersion(6, 18), "5"), (KernelVersion(6, 19), "4"),
    ] {
      let machine = Machine(release, host)
      #expect(machine.raw.attach(machine.c1, 3) == "4")
      #expect(machine.raw.attach(machine.n1, 3) == table, "\(release)")
    }
  }

  /// §7.24: A unit takes a narrower table; before 6.13 one of any width that is not full.
  @Test func aUnitTakesANarrowerTable() {
    var host = LabHost.mixed()
    for index in host.iommus.indices { host.iommus[index].enforceSnoop = .yes }
    host.iommus[1].addressBits = 48
    for (release, wide, narrow) in [
      (KernelVersion(6, 12), "4", "4"), (KernelVersion(6, 13), "5", "4"),
      (KernelVersion(7, 3), "5", "4"),
    ] {
      let first = Machine(release, host)
      #expect([first.raw.attach(first.n1, 3), first.raw.attach(first.c1, 3)] == ["4", wide])
      let second = Machine(release, host)
      #expect([second.raw.attach(second.c1, 3), second.raw.attach(second.n1, 3)] == ["4", narrow])
    }
  }

  /// §7.39 to §7.41: Numbers of mappings.
  @Test func theNumberOfMappingsThatEachReleaseTakes() {
    for (release, plain, sum, file) in [
      (KernelVersion(6, 8), "0", "EINVAL", "ENOTTY"),
      (KernelVersion(6, 12), "EINVAL", "EINVAL", "ENOTTY"),
      (KernelVersion(6, 18), "EINVAL", "EOVERFLOW", "EBADF"),
      (KernelVersion(6, 19), "EINVAL", "EOVERFLOW", "EINVAL"),
    ] {
      let raw = RawKernel(release: release)
      let iommufd = raw.file(.iommu)
      #expect(raw.ioasAlloc(iommufd) == "1")
      #expect(raw.map(iommufd, 1, flags: 1, va: 0x1000, length: 0x1000, iova: 0) == plain)
      let long = RawKernel.u - 1
      #expect(raw.map(iommufd, 1, flags: 4, va: 0x1000, length: long) == sum)
      #expect(raw.mapFile(iommufd, 1, flags: 4, from: 99, length: 0) == file, "\(release)")
    }
    let old = RawKernel(release: KernelVersion(6, 8))
    let iommufd = old.file(.iommu)
    #expect(old.ioasAlloc(iommufd) == "1")
    let large: UInt64 = 64 << 20
    let chosen = [KernelVersion(6, 8), KernelVersion(6, 12)].map { release in
      let raw = RawKernel(release: release)
      let file = raw.file(.iommu)
      #expect(raw.ioasAlloc(file) == "1")
      return raw.map(file, 1, flags: 4, va: large, length: large)
    }
    #expect(chosen == ["\(large)", "\(2 << 20)"])
  }
}
