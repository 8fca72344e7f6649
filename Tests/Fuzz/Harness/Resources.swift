/// What the package manager makes of files that are part of the program; nothing here reads them.
enum PackageResources {
  /// The style of pages.
  static let review_css: [UInt8] = []
  /// The script of pages.
  static let review_js: [UInt8] = []
}
