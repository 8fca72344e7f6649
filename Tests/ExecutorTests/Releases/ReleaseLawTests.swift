import Parser
import Planner
import TestSupport
import Testing

@testable import Executor

/// Which units a host has, all alike.
enum UnitKind: CaseIterable {
  case intel, firstStage, amd, arm, virtio, riscv
}

extension HostDescription {
  /// The host with units of a kind, and nodes as a release has them.
  func running(_ release: String, on unit: UnitKind = .intel) -> HostDescription {
    var host = self
    host.kernel.release = release
    (host.kernel.iommufd, host.kernel.vfioCdev) = (.unknown, .unknown)
    for index in host.iommus.indices {
      switch unit {
      case .intel: break
      case .firstStage: host.iommus[index].firstStage = .yes
      case .amd: host.iommus[index].type = HostIOMMU.amd
      case .arm:
        host.kernel.processor.architecture = .arm
        host.iommus[index].type = HostIOMMU.arm
      case .virtio:
        (host.iommus[index].type, host.iommus[index].enforceSnoop) = (HostIOMMU.virtio, .no)
      case .riscv:
        host.kernel.processor.architecture = nil
        (host.iommus[index].type, host.iommus[index].enforceSnoop) = (HostIOMMU.riscv, .no)
      }
    }
    return host
  }
}

/// What compiles for a release runs on the simulator of that release, and does what it says.
struct ReleaseLawTests {
  /// Releases that people have, with the suffixes of those who build them.
  static let releases = [
    "5.4.0-216-generic", "5.10.0-33-amd64", "5.15.0-91-generic", "5.19.17", "6.1.0-53-amd64",
    "6.1.192", "6.2.16-20-pve", "6.5.0-1024-nvidia", "6.6.30", "6.7", "6.8.12-13-pve",
    "6.8.0-51-generic", "6.9", "6.10", "6.11.0-29-generic", "6.12.41+deb13-amd64", "6.12.95-rt",
    "6.13", "6.14.6-300.fc42.x86_64", "6.14.11-2-pve", "6.15", "6.16.3+deb13-amd64",
    "6.17.4-1-pve", "6.18.2", "6.18.0-9-amd64", "6.19", "7.0.1-arch1-1", "7.1", "7.2", "7.3.4",
  ]

  @Test(arguments: releases)
  func everyExampleThatCompilesRuns(release: String) throws {
    var feasible = 0
    for example in Example.all {
      guard let sample = try? SweepCase.descriptions(of: example) else { continue }
      let host = sample.host.running(release)
      for dialect in Dialects.all {
        guard let failure = PlannedRun.disagreement(sample.vm, on: host, dialect) else { continue }
        #expect(failure == "", "\(example.name) for \(dialect.name) on \(release)")
        feasible += 1
      }
    }
    #expect(feasible >= 20, "only \(feasible) compile")
  }
}

/// The same of small worlds, in `make exhaust`.
///
/// Worlds of up to two devices run on every release. Larger ones are dealt out, each to one release
/// of each kind of unit; with `make exhaust ALL=1` they run on every one, which takes an hour.
struct ExhaustiveReleaseTests {
  @Test(
    .enabled(if: Exhaustive.isAsked),
    arguments: UnitKind.allCases)
  func everySmallWorldOnReleasesAndKindsOfUnit(kind: UnitKind) {
    let start = ContinuousClock.now
    var (worlds, runs) = (0, 0)
    var failures: [String] = []
    SmallWorlds.forEachSmall { world in
      worlds += 1
      for release in Self.releases(of: world, number: worlds) where failures.isEmpty {
        let host = world.host.running(release.description, on: kind)
        for dialect in Dialects.all {
          let vm = world.vm(.coherency)
          guard let failure = PlannedRun.disagreement(vm, on: host, dialect) else { continue }
          runs += 1
          guard failure != "" else { continue }
          failures.append("\(release), \(dialect.name): \(failure)\n\(world)")
        }
      }
    }
    #expect(failures == [])
    Exhaustive.report("releases: \(worlds) worlds on \(kind), \(runs) runs", since: start)
  }

  private static func releases(of world: SmallWorld, number: Int) -> [KernelVersion] {
    let all = SimulatedKernel.releases
    return world.devices.count <= 2 || Exhaustive.isAskedForAll ? all : [all[number % all.count]]
  }
}
