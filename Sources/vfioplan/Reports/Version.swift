/// The release of vfioplan.
enum Version {
  /// Its number.
  static let text = "0.1.0"
}
