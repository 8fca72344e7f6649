/// The keys of a VM's file, but for those of its devices.
public enum VMKeys {
  /// A description as it is read: a size of memory is laid out once the machine is known.
  struct Draft: Equatable {
    var vm: VMDescription
    var memory = MemoryForm.Memory.regions([])
  }

  static let document = KeyTable<Draft>(
    "a VM description", keepsIncomplete: true, FileKeys.head(of: "VM") + machine + contents)

  /// The JSON Schema of a file, as it lies in schemas/.
  public static var schema: String {
    JSONSchema.file(
      "vm", "vfioplan VM description",
      "What a virtual machine wants of its devices. Addresses are PCI addresses as Linux prints "
        + "them; sizes and addresses in memory are bytes.", document.schema
    ).fileText
  }

  /// What two descriptions say differently of the VM as a whole, besides memory, devices and some
  /// keys.
  public static func differences(
    from before: ResolvedVM, to after: ResolvedVM, besides names: [String]
  ) -> [(key: String, before: String?, after: String?)] {
    document.differences(
      from: Draft(vm: before.with(devices: [])), to: Draft(vm: after.with(devices: [])),
      besides: names)
  }

  private static let machine: [Key<Draft>] = [
    Key(
      "name", TextForm(what: "the VM's name"), "The VM's name.", get: { $0.vm.name },
      put: { draft, name, span in
        (draft.vm.name, draft.vm.$name, draft.vm.kvm.$incoherentDMA) = (name, span, span)
      }
    ).required(),
    Key(
      "objective", ObjectiveForm(),
      "The order of the four metrics the plan is optimal in: a preset, or all four by name. "
        + "Default: coherency.", get: { $0.vm.objective }, set: { $0.vm.objective = $1 }),
    Key(
      "memory", MemoryForm(),
      "Guest-physical memory, the contents of address space gpa: a size, laid out as the machine "
        + "has it, or regions. May be left out where nothing needs it.", get: { $0.memory },
      set: { $0.memory = $1 }),
    Key(
      "machine", WordForm("machine", of: GuestMachine.self),
      "The machine whose layout a size of memory has. Default: q35.", get: { $0.vm.machine },
      set: { $0.vm.machine = $1 }),
    Key(
      "vmm", MappingForm(table: vmm) { _ in VMMClause(kind: .qemu) },
      "Whose configuration the description was made from: what --as takes the VMM to be.",
      get: { $0.vm.vmm }, set: { $0.vm.vmm = $1 }),
    Key(
      "kvm", MappingForm(table: kvm) { _ in KVMClause() },
      "What KVM is told of the devices, and by whom.", get: { $0.vm.kvm },
      set: { draft, clause in
        let start = draft.vm.kvm.$incoherentDMA
        draft.vm.kvm = clause
        if clause.$incoherentDMA == .wholeVM { draft.vm.kvm.$incoherentDMA = start }
      }),
  ]

  private static let contents: [Key<Draft>] = [
    Key(
      "devices",
      MappingsForm(table: device, what: "a list of devices") {
        AssignedDevice(name: "", address: .zero, span: $0)
      }, "The host's devices that the VM gets; each is named by address, path or match.",
      get: { $0.vm.devices }, set: { $0.vm.devices = $1 }
    ).required(),
    Key(
      "addressSpaces",
      MappingsForm(table: space, what: "a list of address spaces") {
        AddressSpace(name: "", windows: [], nameSpan: $0)
      }, "Address spaces other than gpa.", get: { $0.vm.addressSpaces },
      set: { $0.vm.addressSpaces = $1 }),
    Key(
      "companions", WordForm("policy", of: CompanionPolicy.self),
      "What happens to other members of the devices' IOMMU groups that drivers of the host use: "
        + "the description is refused (the default), or they are taken from their drivers, too, "
        + "and kept unused.", get: { $0.vm.companions }, set: { $0.vm.companions = $1 }),
  ]

  /// Whose configuration a description was made from.
  public static let vmm = KeyTable<VMMClause>(
    "the vmm clause",
    [
      Key(
        "kind", WordForm("VMM", of: VMMClause.Kind.self), "Who starts the VM.",
        get: { $0.kind }, set: { $0.kind = $1 }
      ).required(),
      Key(
        "backend", WordForm("interface", of: VMMClause.Interface.self),
        "The kernel interface that it is told to use. Default: what it takes by itself.",
        get: { $0.interface }, set: { $0.interface = $1 }),
      Key(
        "version", NameForm(what: "a version"), "Its version. Default: the newest that is known.",
        get: { $0.version }, set: { $0.version = $1 }),
    ])

  /// What KVM is told.
  public static let kvm = KeyTable<KVMClause>(
    "the kvm clause",
    [
      Key(
        "incoherentDMA", WordForm("kvm setting", of: KVMClause.IncoherentDMA.self),
        "What KVM is told: follow the devices (auto, the default), never, or always.",
        get: { $0.incoherentDMA }, put: { ($0.incoherentDMA, $0.$incoherentDMA) = ($1, $2) }),
      Key(
        "owner", WordForm("owner", of: KVMClause.Owner.self),
        "Who makes the VM and tells KVM: the command that is started, if there is one, else "
          + "vfioplan (auto, the default), vfioplan, or the command.",
        get: { $0.owner == .auto ? nil : $0.owner }, set: { $0.owner = $1 }
      ).saying(KVMClause.Owner.auto.rawValue),
    ])
}
