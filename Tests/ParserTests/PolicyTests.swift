import TestSupport
import Testing

@testable import Parser

struct PolicyTests {
  @Test func everyKeyOfARowIsRead() throws {
    let text = Reading.policyText(
      """
      intents:
        - { vendor: 0x8086, device: 42, class: 0x03xxxx, subsystem: "1462:7b48", bus: 0x65,
            noSnoop: forbidden, reason: "because: it's said" }
        - { noSnoop: allowed, place: elsewhere }
      require: [ known-facts, objective=page-tables ]
      """)
    let policy = try Reading.policy(text)
    #expect(
      policy.rows.map(\.devices) == [
        DevicePattern(
          vendor: 0x8086, device: 42, classCode: ClassPattern(base: 3),
          subsystem: PCISubsystem("1462:7b48"), bus: 0x65),
        DevicePattern(),
      ])
    #expect(policy.rows.map(\.intent) == [.forbidden, .allowed])
    #expect(policy.rows.map(\.reason) == ["because: it's said", nil])
    #expect(policy.rows.map(\.place) == ["p.yaml:4", "elsewhere"])
    #expect(policy.requirements.map(\.what) == [.knownFacts, .objective(.pageTables)])
    #expect(Reading.covered(policy.requirements[0].span, of: text) == "known-facts")
    #expect(policy.rows[0].devices.description.contains("class 0x03xxxx, subsystem 1462:7b48, bus"))
  }

  @Test func withoutRowsAndRequirementsAPolicySaysNothing() throws {
    #expect(try Reading.policy(Reading.policyText("")).isEmpty)
    #expect(try Reading.policy(Reading.policyText("intents: []\nrequire: ~\n")).isEmpty)
  }

  @Test func aNameThatCanNotStandInAPlanIsLeftOutOfThePlace() throws {
    let text = Reading.policyText("intents: [ { noSnoop: allowed } ]\n")
    for name in ["a\nb", String(repeating: "x", count: 254)] {
      #expect(try Reading.policy(text, name: name).rows.map(\.place) == ["policy:3"])
    }
  }

  @Test(arguments: Requirement.named.map(\.name))
  func aRequirementIsReadByItsName(name: String) throws {
    let policy = try Reading.policy(Reading.policyText("require: [ \(name) ]\n"))
    #expect(policy.requirements.map(\.what.name) == [name])
  }

  private static func pattern(_ text: String) -> ClassPattern? {
    Array(text.utf8).withUnsafeBufferPointer { ClassPattern(utf8: $0) }
  }

  @Test(
    arguments: [
      ("0x03xxxx", 0x030000, 0x03ffff), ("0x0302xx", 0x030200, 0x0302ff),
      ("0x00xxxx", 0, 0xffff), ("0xFFffxx", 0xffff00, 0xffffff),
    ] as [(String, UInt32, UInt32)])
  func aClassPatternFitsWhatBeginsAlike(text: String, first: UInt32, last: UInt32) throws {
    let pattern = try #require(Self.pattern(text))
    #expect(pattern.description == text.lowercased())
    #expect(pattern.matches(first) && pattern.matches(last))
    #expect(!pattern.matches(first &- 1) && !pattern.matches(last + 1))
  }

  @Test(arguments: [
    "0x030000", "0x0xxxxx", "0x030xxx", "0x03000x", "0x03XXXX", "03xxxx", "0x03xxx", "0x03xx00",
    "0xxxxxxx", "0xg3xxxx", "",
  ])
  func anythingElseIsNone(text: String) { #expect(Self.pattern(text) == nil) }

  /// Patterns and devices of a small world, each part of two values or none.
  private static let patterns: [DevicePattern] = [nil, 1, 2].flatMap { vendor in
    [nil, ClassPattern(base: 3), ClassPattern(0x030000), ClassPattern(0x030200)].flatMap { code in
      [nil, 0, 1].flatMap { bus in
        [nil, PCISubsystem(vendor: 1, device: 1)].map { subsystem in
          DevicePattern(vendor: vendor, classCode: code, subsystem: subsystem, bus: bus)
        }
      }
    }
  }

  private static let devices: [HostDevice] = [1, 2].flatMap { vendor in
    [0x030000, 0x030200, 0x030300, 0x020000].flatMap { code in
      [0, 1].flatMap { bus in
        [nil, PCISubsystem(vendor: 1, device: 1)].map { subsystem in
          HostDevice(
            address: BDF(domain: 7, bus: bus, device: 0, function: 0), vendor: vendor,
            classCode: code, subsystem: subsystem)
        }
      }
    }
  }

  @Test func aPatternThatCoversAnotherFitsAllItsDevices() {
    for wide in Self.patterns {
      for narrow in Self.patterns {
        let isWider = Self.devices.allSatisfy { !narrow.matches($0) || wide.matches($0) }
        #expect(wide.covers(narrow) == isWider, "\(wide) and \(narrow)")
      }
    }
  }
}
