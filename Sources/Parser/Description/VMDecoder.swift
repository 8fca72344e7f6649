/// Reads a VM description out of a tree.
///
/// It checks one entry at a time: that values are well formed. What concerns several entries
/// (names used twice, overlaps) is the planner's.
struct VMDecoder: DocumentDecoder {
  static let kind = DocumentKind.vm
  private let tree: YAMLTree
  private(set) var decoder: NodeDecoder

  init(_ tree: YAMLTree) {
    self.tree = tree
    decoder = NodeDecoder(tree)
  }

  mutating func document() -> VMDescription {
    let (root, head) = (tree.root, tree.headSpan(of: tree.root))
    var draft = VMKeys.Draft(
      vm: VMDescription(name: "", kvm: KVMClause(span: head), nameSpan: head))
    _ = decoder.reading(VMKeys.document) { $0.read(root, into: &draft, &$1) }
    switch draft.memory {
    case .regions(let regions): draft.vm.memory = regions
    case .size(let bytes, let span):
      let machine = draft.vm.machine ?? .q35
      draft.vm.machine = machine
      draft.vm.memory = layout(of: bytes, in: machine, at: span)
    }
    return draft.vm
  }

  /// A size of memory, as regions where a machine has it.
  private mutating func layout(
    of bytes: UInt64, in machine: GuestMachine, at span: SourceSpan
  ) -> [MemoryRegion] {
    machine.layout(of: bytes).map { range in
      PagesForm.checkEnd(of: range.gpa, range.size, "guest-physical", span, &decoder)
      return MemoryRegion(gpa: range.gpa, size: range.size, span: span)
    }
  }
}
