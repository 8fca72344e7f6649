/// Finds request descriptors by name, for programs read from text or from a saved plan.
///
/// Built once, on first use; lowering never comes here.
public enum RequestRegistry {
  /// Every known request: KVM's, then each dialect's, each once.
  public static let all = (KVMRequests.all + Dialects.all.flatMap(\.requests)).uniqued

  /// The request of that name; of two with the same name the one that may be a step.
  public static func request(named name: String) -> RequestDescriptor? { byName[name] }

  private static let byName = Dictionary(
    all.map { ($0.name, $0) }, uniquingKeysWith: { $0.isStep ? $0 : $1 })
}
