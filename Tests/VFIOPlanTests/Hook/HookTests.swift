import Foundation
import TestSupport
import Testing

/// What libvirt and Proxmox VE call, as far as no device changes its driver.
struct HookTests {
  private static let vm = "examples/igd-and-nic.yaml"
  private static let nothing = """
    apiVersion: vfioplan/v1
    kind: VM
    name: plain
    memory: [ { gpa: 0x0, size: 1GiB } ]
    devices: []

    """

  private static func libvirt(_ words: String..., input: String = "") throws -> Tool.Outcome {
    try Tool.run(["hook", "libvirt", "--"] + words, input: input)
  }

  private static func script(_ name: String, _ words: [String], path: String) throws -> Tool.Outcome
  {
    try Tool.run(
      "/bin/sh", [PackageFiles.path("packaging/\(name)")] + words, environment: ["PATH": path])
  }

  private static let silent = Tool.Outcome(code: 0, output: "", errors: "")

  /// Every operation but a start's first and an end's last ends with 0 and says nothing.
  @Test(arguments: [
    ["prepare", "end"], ["start", "begin"], ["started", "begin"], ["stopped", "end"],
    ["migrate", "begin"], ["restore", "begin"], ["reconnect", "begin"], ["attach", "begin"],
    ["reconnect", "begin", "-", "more", "--than", "-known"], ["dance"], [],
  ])
  func everyOperationButAStartsFirstAndAnEndsLastSaysNothing(operation: [String]) throws {
    for name in ["win11", "-v", "--policy", ""] {
      let words = [name] + operation
      #expect(
        try Tool.run(["hook", "libvirt", "--"] + words, input: "<junk") == Self.silent, "\(words)")
      #expect(try Self.script("libvirt-hook", words, path: "/usr/bin:/bin") == Self.silent)
    }
    #expect(try Self.libvirt() == Self.silent)
  }

  @Test(arguments: ["post-start", "pre-stop", "dance"])
  func otherPhases(phase: String) throws {
    #expect(try Tool.run(["hook", "proxmox", "--", "100", phase]) == Self.silent)
    #expect(try Self.script("proxmox-hook", ["100", phase], path: "/usr/bin:/bin") == Self.silent)
  }

  private static let domain = """
    <domain type='kvm' id='1'><name>plain</name><memory unit='KiB'>1048576</memory>
    <os><type arch='x86_64' machine='q35'>hvm</type></os><devices>
    <disk type='file' device='disk'><source file='/a.img'/><target dev='vda'/></disk>
    <hostdev mode='subsystem' type='usb'><source><address bus='1' device='2'/></source></hostdev>
    </devices></domain>

    """

  @Test(arguments: [nothing, domain])
  func aVMWithoutPCIDevicesOfTheHostStarts(vm: String) throws {
    #expect(try Self.libvirt("plain", "prepare", "begin", "-", input: vm) == Self.silent)
  }

  @Test func aVMOfProxmoxWithoutHostDevicesStarts() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(
      "#a note\nboot: order=scsi0\nmemory: 2048\nname: plain\nscsi0: local:vm-1\n[old]\n"
        + "hostpci0: 0000:01:00.0\n", to: "100.conf")
    let outcome = try Tool.run(
      ["hook", "proxmox", "--configuration", path, "--", "100", "pre-start"])
    #expect(outcome == Self.silent)
  }

  @Test func aDomainIsRefusedWithAReason() throws {
    let device = """
      <hostdev mode='subsystem' type='pci' managed='no'><source>
      <address domain='0x0000' bus='0xfe' slot='0x1f' function='0x7'/></source></hostdev></devices>
      """
    let vm = Self.domain.replacing("</devices>", with: device)
    let outcome = try Self.libvirt("plain", "prepare", "begin", "-", input: vm)
    #expect([69, 77].contains(outcome.code) && outcome.output == "", "\(outcome.errors)")
    #expect(outcome.errors.hasPrefix("vfioplan refuses to start libvirt domain 'plain': VP"))
    #expect(outcome.errors.filter { $0 == "\n" }.count == 1, "\(outcome.errors)")
  }

  @Test func aRefusalIsOneLineOnStandardError() throws {
    let vm = try PackageFiles.text(Self.vm)
    let refused = try Self.libvirt("it's", "prepare", "begin", "-", input: vm)
    // No machine that tests run on has these devices with these facts.
    #expect([69, 77].contains(refused.code) && refused.output == "")
    #expect(refused.errors.hasPrefix("vfioplan refuses to start libvirt domain 'it's': VP"))
    #expect(refused.errors.filter { $0 == "\n" }.count == 1, "\(refused.errors)")
  }

  @Test func whatCannotBeReadIsRefused() throws {
    let junk = try Self.libvirt("a", "prepare", "begin", "-", input: "no: [yaml\n")
    #expect(junk.code == 1 && junk.errors.hasPrefix("vfioplan refuses to start"), "\(junk.errors)")
    let missing = try Tool.run(["hook", "proxmox", "--", "4711", "pre-start"])
    #expect(missing.code == 66 && missing.errors.contains("'/etc/pve/qemu-server/4711.conf'"))
    #expect(try Tool.run(["hook", "proxmox", "--", "../x", "pre-start"]).code == 64)
  }

  @Test func aHookThatOutlivesTheProgramLetsVMsStart() throws {
    let folder = try TemporaryFolder()
    let start = ["win11", "prepare", "begin", "-"]
    #expect(try Self.script("libvirt-hook", start, path: folder.root) == Self.silent)
    #expect(
      try Self.script("proxmox-hook", ["100", "pre-start"], path: folder.root) == Self.silent)
    // It is called by name, with all words.
    let program = try folder.write("#!/bin/sh\necho \"$@\"\n", to: "vfioplan")
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
    let called = try Self.script("libvirt-hook", ["a b", "release", "end", "-"], path: folder.root)
    #expect(called.output == "hook libvirt -- a b release end -\n")
    let other = try Self.script("proxmox-hook", ["100", "post-stop"], path: folder.root)
    #expect(other.output == "hook proxmox -- 100 post-stop\n")
  }

  @Test func theScriptsMayBeExecuted() {
    for name in ["libvirt-hook", "proxmox-hook"] {
      #expect(FileManager.default.isExecutableFile(atPath: PackageFiles.path("packaging/\(name)")))
    }
  }
}
