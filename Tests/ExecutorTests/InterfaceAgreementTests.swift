import Planner
import Testing

@testable import Executor

/// Two independent statements of one interface agree: the descriptors by which programs are encoded
/// and the tables and views by which the simulator reads them.
///
/// Each was written from the kernel's headers, neither from the other, so a slip in one shows here.
struct InterfaceAgreementTests {
  /// A request as a table of the simulator states it.
  struct Statement {
    var name: String
    var command: UInt32
    var rule: ArgumentRule
    var layout: any StructureLayout.Type

    /// The members of its structure, by offset.
    var members: [(name: String, member: any StructureMember)] {
      Mirror(reflecting: layout.init()).children.compactMap { child in
        guard let name = child.label, let member = child.value as? any StructureMember else {
          return nil
        }
        return (name, member)
      }
    }

    /// `sizeof` by the rules of C: the members' end, as a multiple of the widest one.
    var size: Int {
      let end = members.map { $0.member.offset + $0.member.width }.max() ?? 0
      let alignment = members.map(\.member.width).max() ?? 1
      return (end + alignment - 1) / alignment * alignment
    }
  }

  static func statements<File>(_ table: OperationTable<File>) -> [Statement] {
    table.operations.map {
      Statement(name: $0.name, command: $0.command, rule: $0.rule, layout: $0.layout)
    }
  }

  static func statements(of receiver: ObjectKind) -> [Statement] {
    switch receiver {
    case .iommufd: statements(SimulatedIOMMUFD.operations)
    case .deviceFD:
      statements(SimulatedDeviceFile.cdevOperations)
        + statements(SimulatedDeviceFile.proposalOperations)
    case .group: statements(SimulatedGroupFile.operations)
    case .container: statements(SimulatedContainer.operations)
    case .kvm: statements(SimulatedKVM.operations)
    case .vm: statements(SimulatedVM.operations)
    case .kvmVFIO: statements(SimulatedKVMVFIO.operations)
    case .ioasidFD: statements(SimulatedIOASIDFile.operations)
    default: []
    }
  }

  static let all: [Statement] =
    ObjectKind.allCases.flatMap(statements(of:))
    + statements(SimulatedIOMMUFD.compatOperations)
    + statements(SimulatedDeviceFile.groupDeviceOperations)

  @Test(arguments: RequestRegistry.all)
  func everyRequestIsStatedTwiceAlike(request: RequestDescriptor) throws {
    let statement = try #require(
      Self.statements(of: request.receiver).first { $0.name == request.name },
      "\(request.name) is not in the simulator's table of \(request.receiver)")
    #expect(statement.command == request.code.command)
    switch request.argument {
    case .none: #expect(statement.layout is NoArgument.Type)
    case .value: #expect(statement.layout is NumberArgument.Type)
    case .address: #expect(statement.layout is TextArgument.Type)
    case .structure(let layout):
      expectSameSize(statement, layout)
      expectSameMembers(statement, layout)
    }
  }

  private func expectSameSize(_ statement: Statement, _ layout: StructLayout) {
    #expect(statement.size == layout.size)
    switch statement.rule {
    case .sized(let minimum, let full, _), .grown(let minimum, let full, _, _):
      #expect(full == layout.size)
      #expect(minimum <= layout.sentSize)
    case .argsz(let minimum): #expect(minimum <= layout.sentSize)
    case .fixed(let size): #expect(size == layout.size)
    case .none: Issue.record("\(statement.name) takes a structure that nobody checks")
    }
  }

  private func expectSameMembers(_ statement: Statement, _ layout: StructLayout) {
    let members = statement.members
    #expect(members.map(\.name).map(plain) == layout.fields.map(\.name).map(plain))
    for ((name, member), field) in zip(members, layout.fields) {
      #expect(member.offset == field.offset, "\(statement.name): \(name)")
      #expect(member.width == field.width, "\(statement.name): \(name)")
      // The kernel also writes some sizes and members that no program looks at.
      if field.direction != .input { #expect(member.isAnswer, "\(statement.name): \(name)") }
      if field.takesOperand, field.direction == .input {
        #expect(!member.isAnswer, "\(statement.name): \(name)")
      }
    }
  }

  /// A name without what C and Swift write differently.
  private func plain(_ name: String) -> String { name.lowercased().filter { $0 != "_" } }

  /// Requests without a descriptor are stated once, and still by the rules of C.
  @Test func theMembersOfAStructureLieOneBehindTheOther() {
    for statement in Self.all {
      var end = 0
      for (name, member) in statement.members {
        #expect(member.offset >= end, "\(statement.name): \(name)")
        if member.width != 3 { #expect(member.offset % member.width == 0) }
        end = member.offset + member.width
      }
      if case .sized(_, let full, _) = statement.rule {
        #expect(statement.size == full, "\(statement.name)")
      }
    }
  }

  @Test func anIOMMUFDStatesTheContainersRequestsAsTheContainerDoes() {
    for (ours, theirs) in zip(
      Self.statements(SimulatedIOMMUFD.compatOperations), Self.statements(of: .container))
    {
      #expect(ours.name == theirs.name)
      #expect(ours.command == theirs.command)
      #expect(ours.rule == theirs.rule)
      #expect(ObjectIdentifier(ours.layout) == ObjectIdentifier(theirs.layout))
    }
  }

  @Test func oneNameHasOneNumber() {
    for (name, statements) in Dictionary(grouping: Self.all, by: \.name) {
      #expect(Set(statements.map(\.command)).count == 1, "\(name)")
    }
  }
}
