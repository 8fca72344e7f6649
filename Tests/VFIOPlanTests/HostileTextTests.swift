import Foundation
import TestSupport
import Testing

/// Characters that a terminal acts on, or that change the direction of text, reach no output.
struct HostileTextTests {
  /// Escapes of YAML and the characters they stand for.
  private static let escapes =
    #"\u061c \u200e \u200f \u202a \u202b \u202c \u202d \u202e \u2066 \u2067 \u2068 \u2069"#
  /// Those that no text of a description may hold.
  private static let refused = #"\0 \a \b \e \x7f \x80 \x9b \N \L \P \ufffe \uffff"#

  private static func isHostile(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 10: false
    case 0..<32, 0x7f...0x9f, 0x061c, 0x200e...0x200f, 0x2028...0x202e, 0x2066...0x2069,
      0xfeff, 0xfffe...0xffff:
      true
    default: false
    }
  }

  private static func check(_ outcome: Tool.Outcome, _ what: String) {
    for text in [outcome.output, outcome.errors] {
      let found = text.unicodeScalars.first(where: isHostile)
      #expect(found == nil, "\(what): U+\(String(found?.value ?? 0, radix: 16))")
    }
  }

  private static func hosts(_ text: String) -> String {
    """
    apiVersion: vfioplan/v1
    kind: Host
    name: "h\(text)"
    kernel: { release: "6\(text)", iommufd: true, vfioCdev: true, type1: true, kvm: true }
    iommus: [ { name: "u\(text)", type: "t\(text)", isolatedMSI: true } ]
    devices: [ { address: "0000:01:00.0", iommu: "u\(text)", group: 1 } ]

    """
  }

  private static func vm(_ text: String, _ intent: String = "auto") -> String {
    """
    apiVersion: vfioplan/v1
    kind: VM
    name: "v\(text)<&"
    memory: [ { gpa: 0, size: 2MiB } ]
    devices: [ { name: d, address: "0000:01:00.0", noSnoop: \(intent) } ]

    """
  }

  @Test func namesReachNoOutputAsTheyAre() throws {
    let folder = try TemporaryFolder()
    let host = try folder.write(Self.hosts(Self.escapes), to: "host\u{202e}.yaml")
    let vm = try folder.write(Self.vm(Self.escapes), to: "vm\u{202e}\u{1b}.yaml")
    let inputs = [vm, "--host", host]
    for form in ["text", "json", "program", "qemu", "libvirt", "cloud-hypervisor"] {
      let outcome = try Tool.run(["compile"] + inputs + ["--format", form])
      #expect(outcome.code == 0, "\(form): \(outcome.errors)")
      Self.check(outcome, form)
    }
    Self.check(try Tool.run(["compile"] + inputs + ["--all"]), "all as text")
    let other = try folder.write(Self.vm(Self.escapes, "forbidden"), to: "other.yaml")
    for form in ["text", "json"] {
      for arguments in [
        ["compile"] + inputs + ["--pareto"], ["compile"] + inputs + ["--as", "qemu"],
        ["apply"] + inputs + ["--simulate"], ["apply"] + inputs + ["--dry-run"],
        ["diff", vm, vm, "--host", host],
      ] {
        Self.check(try Tool.run(arguments + ["--format", form]), "\(arguments) \(form)")
      }
      let refused = try Tool.run(
        ["compile", other, "--host", host, "--diagnostics", form])
      #expect(refused.code == 1 && refused.errors.contains("VP3005"))
      Self.check(refused, "findings as \(form)")
    }
  }

  @Test func mistakesReachNoOutputAsTheyAre() throws {
    let folder = try TemporaryFolder()
    let text = Self.escapes + " " + Self.refused
    for form in ["text", "json"] {
      for (name, contents) in [("vm", Self.vm(text, "\"\(text)\"")), ("host", Self.hosts(text))] {
        let lines = contents + "\"k\(text)\": \"\(text)\"\n"
        let file = try folder.write(lines, to: name + "\u{2067}.yaml")
        let arguments = ["compile", file, "--host", file, "--diagnostics", form]
        let outcome = try Tool.run(arguments)
        #expect(outcome.code == 1)
        Self.check(outcome, "\(name) \(form)")
      }
    }
  }

  @Test func aTreeReachesNoOutputAsItIs() throws {
    let copy = try SysfsCopy()
    let text = "\u{202e}\u{2066}\u{200f}"
    try copy.unit("u\(text)", cap: "d2008c40660462", ecap: "f020df")
    try copy.device("0000:01:00.0", 0x10de, 1, 0x030000, unit: "u\(text)", group: 1)
    try copy.write("sys/bus/pci/devices/x\(text)\u{1b}/vendor", "")
    try copy.write("proc/sys/kernel/hostname", "h\(text)\n")
    for form in ["text", "yaml", "json"] {
      for findings in ["text", "json"] {
        let outcome = try Tool.run(
          ["host", "--root", copy.path, "--format", form, "--diagnostics", findings])
        #expect(outcome.code == 66)
        Self.check(outcome, form)
      }
    }
  }

  @Test func anXMLTextIsTheName() throws {
    let folder = try TemporaryFolder()
    let host = try folder.write(Self.hosts(""), to: "host.yaml")
    // A letter with an accent of its own is one character to people, and two in a file.
    let vm = try folder.write(Self.vm(#"<\u0301&\u0301\u202e"#), to: "vm.yaml")
    let outcome = try Tool.run(["compile", vm, "--host", host, "--format", "libvirt"])
    #expect(outcome.output.contains("<name>v&lt;\u{301}&amp;\u{301}&#8238;&lt;&amp;</name>"))
  }
}
