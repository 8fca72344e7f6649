import TestSupport
import Testing

/// What rests on facts that nobody knows is called so in every output, with what settles it.
struct UnknownOutputTests {
  /// A plan's parts for a host with one device, behind one unit.
  private static func files(
    noSnoop: String, enforces: String, _ intent: String, extra: String = ""
  ) throws -> (vm: String, host: String, copy: SysfsCopy) {
    let copy = try SysfsCopy()
    try copy.write(
      "host.yaml",
      """
      apiVersion: vfioplan/v1
      kind: Host
      name: desk
      kernel: { release: "6.12.0", iommufd: true, vfioCdev: true, type1: true, kvm: true }
      iommus:
        - { name: dmar0, type: intel-vtd, enforceSnoop: \(enforces), isolatedMSI: true,
            addressBits: 48, pageSizes: [4KiB] }
      devices:
        - { address: "0000:03:00.0", vendor: 0x10de, device: 0x2080, class: 0x030000, iommu: dmar0,
            group: 7, driver: vfio-pci, noSnoopCapable: \(noSnoop) }
      """)
    try copy.write(
      "vm.yaml",
      "apiVersion: vfioplan/v1\nkind: VM\nname: guest\nmemory: [ { gpa: 0, size: 1GiB } ]\n\(extra)"
        + "devices: [ { name: gpu, address: \"0000:03:00.0\", noSnoop: \(intent) } ]\n")
    return (copy.path + "/vm.yaml", copy.path + "/host.yaml", copy)
  }

  private static func run(
    _ command: String..., noSnoop: String = "unknown", enforces: String = "unknown",
    intent: String = "allowed"
  ) throws -> Tool.Outcome {
    let (vm, host, copy) = try files(noSnoop: noSnoop, enforces: enforces, intent)
    defer { withExtendedLifetime(copy) {} }
    return try Tool.run([command[0], vm, "--host", host] + command.dropFirst())
  }

  private func expect(_ text: String, contains parts: String...) {
    let words = text.split { $0.isWhitespace }.joined(separator: " ")
    for part in parts { #expect(words.contains(part), "\(part) is not in\n\(text)") }
  }

  static let facts = "\"canNoSnoop\":\"unknown\",\"canEnforceSnoop\":\"unknown\","
  static let counted = "\"countsAs\":{\"canNoSnoop\":true,\"canEnforceSnoop\":false}"

  @Test(arguments: ["type1", "iommufd"])
  func aPlanDoesNotSayThatAUnitCannotWhichPerhapsCan(target: String) throws {
    let text = try Self.run("compile", "--target", target, "--all")
    #expect(text.code == 0, "\(text.errors)")
    expect(
      text.output, contains: "gpa.0 not known to enforce",
      "no-snoop requests may bypass the CPU caches", "may be carried out (a fact is unknown)",
      "KVM may carry out (a fact is unknown) WBINVD", "1 not known to enforce")
    #expect(!text.output.contains("1 not enforced"), "\(text.output)")
    let json = try Self.run("compile", "--target", target, "--format", "json").output
    for part in [
      "\"enforceSnoop\":false,\"known\":false", "\"code\":\"notKnownToEnforce\"",
      "\"incoherentDMA\":true,\"known\":false", Self.facts + Self.counted,
    ] { #expect(json.contains(part), "\(part) is not in\n\(json)") }
    try SchemaTests.validate(["plan", "-"], input: json)
  }

  @Test func aPlanThatRestsOnKnownFactsSaysNothingOfUnknown() throws {
    let text = try Self.run(
      "compile", "--target", "type1", "--all", noSnoop: "true", enforces: "false")
    expect(text.output, contains: "gpa.0 not enforced", "KVM carries out WBINVD")
    #expect(!text.output.contains("(unknown") && !text.output.contains("not known"))
    let json = try Self.run(
      "compile", "--target", "type1", "--format", "json", noSnoop: "true", enforces: "false"
    ).output
    #expect(json.contains("\"code\":\"cannotEnforce\"") && !json.contains("\"known\""))
  }

  /// On the interface of the proposal the user decides what a page table does.
  @Test func whereTheUserDecidesThePageTableIsKnown() throws {
    let plan = try Self.run("compile", "--target", "ioasid", "--all")
    expect(plan.output, contains: "gpa.0 not enforced", "KVM carries out WBINVD")
  }

  @Test func whatAVMMMakesOfUnknownFactsIsCalledUnknown() throws {
    let text = try Self.run("compile", "--target", "type1", "--as", "type1")
    expect(
      text.output, contains: "gpa.0 not known to enforce", "(unknown, counted as yes)",
      "(unknown, counted as no)", "--test-no-snoop 0000:03:00.0", "KVM may carry out WBINVD")
    let json = try Self.run(
      "compile", "--target", "type1", "--as", "type1", "--format", "json"
    ).output
    #expect(json.components(separatedBy: Self.facts + Self.counted).count == 3, "\(json)")
    #expect(json.components(separatedBy: "\"known\":false").count == 5, "\(json)")
  }

  @Test func aRunSaysWhatUnknownFactsCountAs() throws {
    let run = try Self.run("apply", "--target", "type1", "--simulate", "--format", "json")
    #expect(run.code == 0, "\(run.errors)")
    #expect(run.output.contains(Self.facts + Self.counted), "\(run.output)")
    try SchemaTests.validate(["run", "-"], input: run.output)
    let known = try Self.run(
      "apply", "--target", "type1", "--simulate", "--format", "json", noSnoop: "true",
      enforces: "false")
    #expect(known.output.contains("\"canNoSnoop\":true,\"canEnforceSnoop\":false,\"effective\""))
    let text = try Self.run("apply", "--target", "type1", "--simulate")
    expect(text.output, contains: "unknown: facts of gpu, counted as in the plan")
  }

  @Test func theParetoFrontTellsWhatWorksFromWhatMayWork() throws {
    let text = try Self.run("compile", "--target", "type1", "--pareto")
    expect(
      text.output, contains: "perhaps gpu", "counted as yes", "--test-no-snoop 0000:03:00.0")
    let json = try Self.run("compile", "--target", "type1", "--pareto", "--format", "json").output
    #expect(json.contains("\"effective\":[\"gpu\"],\"unknown\":[\"gpu\"]"), "\(json)")
  }

  @Test func aDifferenceSaysThatADevicePerhapsIsEffective() throws {
    let (vm, host, copy) = try Self.files(noSnoop: "unknown", enforces: "unknown", "allowed")
    defer { withExtendedLifetime(copy) {} }
    let after = copy.path + "/after.json"
    let saved = try Tool.run(["compile", vm, "--host", host, "--target", "type1", "-o", after])
    #expect(saved.code == 0, "\(saved.errors)")
    let other = try Self.files(noSnoop: "false", enforces: "unknown", "allowed")
    let quiet = other.copy.path + "/quiet.json"
    #expect(
      try Tool.run([
        "compile", other.vm, "--host", other.host, "--target", "type1", "-o", quiet,
      ]).code == 0)
    let text = try Tool.run(["diff", quiet, after])
    expect(
      text.output, contains: "gpu may become NON-COHERENT", "non-coherent (whether",
      "whether it can no-snoop is unknown, counted as yes",
      "whether its IOMMU enforces is unknown, counted as no")
    let json = try Tool.run(["diff", quiet, after, "--format", "json"]).output
    #expect(json.contains("\"unknown\":[\"canNoSnoop\",\"canEnforceSnoop\"]"), "\(json)")
  }

  @Test(arguments: [
    ("unknown", "unknown", "\"unknown\":[\"canNoSnoop\",\"canEnforceSnoop\"]"),
    ("true", "unknown", "\"unknown\":[\"canEnforceSnoop\"]"),
    ("unknown", "false", "\"unknown\":[\"canNoSnoop\"]"), ("true", "false", nil),
  ])
  func aFindingSaysWhichUnknownFactsItRestsOn(
    noSnoop: String, enforces: String, member: String?
  ) throws {
    let refused = try Self.run(
      "compile", "--target", "type1", "--diagnostics", "json", noSnoop: noSnoop,
      enforces: enforces, intent: "forbidden")
    #expect(refused.errors.contains("\"VP3005\""), "\(refused.errors)")
    if let member {
      #expect(refused.errors.contains(member), "\(refused.errors)")
    } else {
      #expect(!refused.errors.contains("\"unknown\""), "\(refused.errors)")
    }
    try SchemaTests.validate(["diagnostics", "-"], input: refused.errors)
  }

  @Test func aBrokenRequirementSaysThatItPerhapsIsNone() throws {
    let test = "'vfioplan host --test-no-snoop 0000:03:00.0' finds out"
    let coherent = try Self.run("compile", "--target", "type1", "--require", "coherent")
    expect(
      coherent.errors, contains: "[VP3511]", "KVM may carry out WBINVD", "counts as effective",
      test)
    let box = try Self.run("compile", "--target", "type1", "--require", "no-box-3")
    expect(box.errors, contains: "[VP3513]", "counts as in it, as a fact is unknown", test)
    let facts = try Self.run(
      "compile", "--target", "type1", "--require", "known-facts", enforces: "false",
      intent: "required")
    expect(facts.errors, contains: "[VP3512]", test)
    let known = try Self.run(
      "compile", "--target", "type1", "--require", "no-box-3", noSnoop: "true", enforces: "false")
    expect(known.errors, contains: "'gpu' is in it")
  }

  @Test func theTableOfAMachineSaysWhatIsNotKnownAndHowToFindOut() throws {
    let copy = try SysfsCopy()
    try copy.kernel("7.3.4")
    try copy.write("proc/cmdline", "amd_iommu=pgtbl_v2\n")
    try copy.device("0000:08:00.0", 0x1002, 0x67df, 0x030000, unit: "ivhd0", group: 3, control: 0)
    try copy.write("sys/class/iommu/ivhd0/amd-iommu/features", "0x246577efa2254afa\n")
    let text = try Tool.run(["host", "--root", copy.path]).output
    expect(
      text, contains: "yes; it may make the VM non-coherent", "no-snoop unknown, counted as yes",
      "enforcement unknown, counted as no",
      "'vfioplan host --test-no-snoop 0000:08:00.0' finds out",
      "unknown enforcement of ivhd0 counts as no")
    let yaml = try Tool.run(["host", "--root", copy.path, "--format", "yaml"]).output
    #expect(yaml.contains("enforceSnoop: unknown") && yaml.contains("pageTables: v2"), "\(yaml)")
  }
}
