/// Keys that files of several kinds have.
enum FileKeys {
  /// What every file begins with.
  static func head<Subject>(of kind: String) -> [Key<Subject>] {
    [
      Key(
        "apiVersion", ConstantForm(word: DescriptionReader.apiVersion),
        "The version of the format.", get: { _ in DescriptionReader.apiVersion },
        set: { _, _ in }
      ).required(),
      Key(
        "kind", ConstantForm(word: kind), "What the file is.", get: { _ in kind }, set: { _, _ in }
      ).required(),
    ]
  }
}

/// What tells devices apart, in hosts, VMs and policies.
enum DeviceForms {
  /// A PCI vendor id.
  static let vendor = NumberForm<UInt16>("a vendor id", upTo: 0xffff, digits: 4, "id")
  /// A PCI device id.
  static let device = NumberForm<UInt16>("a device id", upTo: 0xffff, digits: 4, "id")
  /// A PCI class code.
  static let classCode = NumberForm<UInt32>("a class code", upTo: 0xff_ffff, digits: 6, "class")
  /// The number of an IOMMU group.
  static let group = NumberForm<Int>("a group number", in: 0...UInt64(Int32.max))
}
