import TestSupport
import Testing

@testable import vfioplan

/// Commands that are given configurations as they are.
struct ImportCommandTests {
  private static let host = ["--host", "examples/hosts/z790.yaml"]

  @Test func todayIsTheVMMWhoseConfigurationItIs() throws {
    let files = [
      ("libvirt/01-plain.xml", "libvirt 12.2 with type1"), ("qemu/06-iommufd.sh", "QEMU 10.0"),
      ("proxmox/06-sparse-numbers.conf", "QEMU 10.0 with type1"),
      ("cloud-hypervisor/16-create-one-line.json", "cloud-hypervisor 53.0 with iommufd"),
    ]
    for (name, title) in files {
      let path = "\(ImportedFile.folder)/\(name)"
      let text = try Tool.run(["import", path]).output
        .replacing("kind: VM\n", with: "kind: VM\ncompanions: bind\n")
      let outcome = try Tool.run(["compile", "-", "--as", "today"] + Self.host, input: text)
      #expect(outcome.code == 0 && outcome.output.contains(title), "\(outcome)")
    }
    let plain = try Tool.run(
      ["compile", "examples/igd-and-nic.yaml", "--as", "today"] + Self.host)
    #expect(plain.code == 64 && plain.errors.contains("VP1910"))
  }

  @Test func everyCommandReadsAConfiguration() throws {
    let path = "examples/win11.xml"
    let commands = [
      ["compile", path], ["apply", path, "--simulate"], ["apply", path, "--dry-run"],
      ["check", path, "--as", "today"], ["diff", path, path], ["compile", path, "--pareto"],
      ["compile", path, "--format", "json"],
    ]
    for command in commands {
      let outcome = try Tool.run(command + Self.host)
      #expect(outcome.code == 0 && !outcome.output.isEmpty, "\(command): \(outcome.errors)")
    }
    let folder = try Tool.run(["check", "examples/hosts", "examples/win11.xml"] + Self.host)
    #expect(folder.code == 0, "\(folder.errors)")
  }

  @Test func aConfigurationAndItsDescriptionAreNoChange() throws {
    let text = try Tool.run(["import", "examples/win11.xml"]).output
    let outcome = try Tool.run(
      ["diff", "examples/win11.xml", "-", "--exit-code"] + Self.host, input: text)
    #expect(outcome.code == 0 && outcome.output.contains("no changes"), "\(outcome)")
  }

  @Test func aSavedPlanKeepsWhatItWasMadeFrom() throws {
    let path = "\(ImportedFile.folder)/libvirt/09-old-machine.xml"
    let text = try Tool.run(["import", path]).output
      .replacing("kind: VM\n", with: "kind: VM\ncompanions: bind\n")
    let plan = try Tool.run(["compile", "-", "--format", "json"] + Self.host, input: text)
    #expect(plan.code == 0, "\(plan.errors)")
    let domain = try Tool.run(["compile", "-", "--format", "libvirt"], input: plan.output)
    #expect(domain.output.contains("machine='pc'") && domain.output.contains("managed='yes'"))
    let today = try Tool.run(["compile", "-", "--as", "today"], input: plan.output)
    #expect(today.output.contains("today, as libvirt 12.2 with type1"), "\(today)")
    let run = try Tool.run(["apply", "-", "--simulate"], input: plan.output)
    #expect(run.code == 0, "\(run.errors)")
  }

  @Test func twoVMsWithTheSameSlotClash() throws {
    let path = "\(ImportedFile.folder)/proxmox/02-all-functions.conf"
    let outcome = try Tool.run(["check", path, "examples/win11.xml"] + Self.host)
    #expect(outcome.code == 1 && outcome.output.contains("CLASH"), "\(outcome)")
  }

  @Test func anInputIsNeverOverwritten() throws {
    let outcome = try Tool.run(["import", "examples/win11.xml", "-o", "examples/win11.xml"])
    #expect(outcome.code == 64)
    let nothing = try Tool.run(["import"])
    #expect(nothing.code == 64)
  }

  @Test func aSlotIsAllThatTheHostHasThere() throws {
    let path = "\(ImportedFile.folder)/proxmox/02-all-functions.conf"
    let outcome = try Tool.run(["compile", path] + Self.host)
    #expect(outcome.output.contains("hostpci0.0  0000:01:00.0"), "\(outcome.errors)")
    #expect(outcome.output.contains("hostpci0.1  0000:01:00.1"))
    let elsewhere = try Tool.run(["compile", path, "--host", "examples/hosts/edge.yaml"])
    #expect(elsewhere.code != 0 && elsewhere.errors.contains("02-all-functions.conf:1:11"))
  }

  @Test func aProcessIsReadByItsCommandLine() throws {
    let script =
      "sleep 5 | sh -c 'read x' qemu-system-x86_64 -m 8G -M q35 -device vfio-pci,host=02:00.0 & "
      + "sleep 0.2; \"$0\" import --pid $!; kill $!"
    let outcome = try Tool.run("/bin/sh", ["-c", script, Tool.vfioplan])
    #expect(outcome.output.contains("address: \"0000:02:00.0\""), "\(outcome)")
    let file = script.replacing("host=02:00.0", with: "fd=0,id=gpu")
    let unknown = try Tool.run("/bin/sh", ["-c", file, Tool.vfioplan])
    #expect(unknown.errors.contains("leads to no device of VFIO"), "\(unknown)")
    #expect(outcome.output.contains("name: pid-") && outcome.output.contains("memory: 8GiB"))
  }
}
