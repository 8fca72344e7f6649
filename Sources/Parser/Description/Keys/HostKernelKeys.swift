extension HostKeys {
  /// The kernel and the CPUs that it runs on.
  public static let kernel = KeyTable<HostKernel>(
    "the kernel clause", interfaces + processor + pages + [rules])

  private static let interfaces: [Key<HostKernel>] = [
    Key(
      "release", TextForm(what: "a kernel release", isQuoted: true, ownSchema: { .type("string") }),
      "uname -r; left out: the rules of the newest release studied.",
      get: { $0.release.isEmpty ? nil : $0.release }, set: { $0.release = $1 }),
    statement("iommufd", "Whether /dev/iommu exists; left out: unknown.") {
      $0.iommufd
    } set: {
      $0.iommufd = $1
    },
    statement("vfioCdev", "Whether VFIO device cdevs exist; left out: unknown.") {
      $0.vfioCdev
    } set: {
      $0.vfioCdev = $1
    },
    statement("type1", "Whether /dev/vfio/vfio exists; left out: unknown.") {
      $0.type1
    } set: {
      $0.type1 = $1
    },
    statement("kvm", "Whether /dev/kvm exists; left out: unknown.") {
      $0.kvm
    } set: {
      $0.kvm = $1
    },
    Key(
      "allowUnsafeInterrupts", FlagForm(),
      "Whether devices without isolated MSI may be bound all the same.",
      get: { $0.allowUnsafeInterrupts }, set: { $0.allowUnsafeInterrupts = $1 }),
    Key(
      "vfioContainer", WordForm("owner of /dev/vfio/vfio", of: HostKernel.VFIOContainer.self),
      "Who answers /dev/vfio/vfio; left out: as type1 says.", get: { $0.vfioContainer },
      set: { $0.vfioContainer = $1 }),
  ]

  private static let processor: [Key<HostKernel>] = [
    Key(
      "architecture", WordForm("architecture", of: HostProcessor.Architecture.self),
      "uname -m; left out: concluded from the types of the IOMMUs. KVM has a non-coherent mode on "
        + "x86_64 only.", get: { $0.processor.architecture },
      set: { $0.processor.architecture = $1 }),
    Key(
      "cpuVendor", WordForm("vendor of CPUs", of: HostProcessor.Vendor.self),
      "Who makes the CPUs: what KVM does with the guest's cache attributes depends on it.",
      get: { $0.processor.vendor }, set: { $0.processor.vendor = $1 }
    ).pinned(Pin.ifBothSay),
    statement(
      "guestPATQuirk",
      "Whether KVM has KVM_X86_QUIRK_IGNORE_GUEST_PAT, so that a VMM can switch it off."
    ) {
      $0.processor.guestPATQuirk
    } set: {
      $0.processor.guestPATQuirk = $1
    }
    .pinned(Pin.ifBothSay),
    statement("cpuSelfSnoop", "Whether the CPUs have self-snoop (flag ss).") {
      $0.processor.selfSnoop
    } set: {
      $0.processor.selfSnoop = $1
    }
    .pinned(Pin.ifBothSay),
    Key(
      "cpuAddressBits", NumberForm("a number of address bits", in: 1...64),
      "How many bits physical addresses of the CPUs have; a guest's have no more. Left out: "
        + "unknown.", get: { $0.processor.addressBits }, set: { $0.processor.addressBits = $1 }),
  ]

  private static let pages: [Key<HostKernel>] = [
    Key(
      "dmaEntryLimit", NumberForm("a limit of mappings", in: 0...UInt64(UInt32.max)),
      "How many mappings a container of type1 takes (dma_entry_limit of module vfio_iommu_type1); "
        + "left out: unknown, 65535 unless it was set.", get: { $0.mappingLimit },
      set: { $0.mappingLimit = $1 }),
    Key(
      "pageSize", BytesForm(what: "a page size", isPage: true),
      "How large a page of the CPUs is; left out: 4KiB.", get: { $0.statedPageBytes },
      put: { ($0.statedPageBytes, $0.$statedPageBytes) = ($1, $2) }
    ).following("cpuAddressBits"),
  ]

  private static let rules = Key<HostKernel>(
    "rules", RulesForm(),
    "What this kernel does otherwise than its release, by a rule's or a request's name: see "
      + "'vfioplan explain rules'.", get: { $0.statedRules.isEmpty ? nil : $0.statedRules },
    set: { $0.statedRules = $1 })

  /// What is unknown where it is left out.
  private static func statement(
    _ name: StaticString, _ description: String,
    get: @escaping @Sendable (HostKernel) -> Fact,
    set: @escaping @Sendable (inout HostKernel, Fact) -> Void
  ) -> Key<HostKernel> {
    Key(
      name, StatementForm(), description, get: { get($0) == .unknown ? nil : get($0) }, set: set)
  }
}

/// What is stated of rules; which rules there are is the planner's to know.
private struct RulesForm: ValueForm {
  var schema: JSONSchema {
    .type("object").with("additionalProperties", .type("boolean"))
  }

  func read(
    _ node: YAMLTree.Node, _ decoder: inout NodeDecoder
  ) -> [String: HostKernel.StatedRule]? {
    let tree = decoder.tree
    guard tree.kind(of: node) == .mapping else {
      decoder.reportKind(of: node, expected: "rules with 'true' or 'false'")
      return nil
    }
    var rules: [String: HostKernel.StatedRule] = [:]
    var children = tree.children(of: node)
    while let key = children.next(), let value = children.next() {
      guard let name = decoder.name(key, "a rule's name"), let holds = decoder.bool(value) else {
        continue
      }
      rules[name] = HostKernel.StatedRule(holds, at: tree.span(of: key))
    }
    return rules
  }

  func write(_ rules: [String: HostKernel.StatedRule], to writer: inout JSONWriter) {
    writer.beginObject()
    for (name, rule) in rules.sorted(by: { $0.key < $1.key }) {
      writer.key(name)
      writer.bool(rule.holds)
    }
    writer.endObject()
  }

  func yaml(_ rules: [String: HostKernel.StatedRule]) -> String {
    let members = rules.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.holds)" }
    return "{ " + members.joined(separator: ", ") + " }"
  }
}
