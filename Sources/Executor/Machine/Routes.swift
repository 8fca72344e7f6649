/// What the tables of routes say of interfaces.
struct Routes: Sendable {
  /// The interfaces that a default route of any table goes through.
  var defaults: Set<String> = []
  /// The interfaces that have an address.
  var addressed: Set<String> = []
}
