// swift-tools-version: 6.2

import PackageDescription

/// Every target is compiled in Swift 6 mode with warnings as errors.
let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]

/// What git calls the commit; `make release` says so, other builds do without.
let commit = Context.environment["VFIOPLAN_COMMIT"] ?? ""

let package = Package(
  name: "vfioplan",
  products: [.executable(name: "vfioplan", targets: ["vfioplan"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    .systemLibrary(name: "CLibYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    .systemLibrary(name: "CExpat", pkgConfig: "expat", providers: [.apt(["libexpat1-dev"])]),
    .systemLibrary(name: "CLinux"),
    .target(name: "Parser", dependencies: ["CExpat", "CLibYAML"], swiftSettings: strict),
    .target(
      name: "CRelease",
      cSettings: commit.isEmpty ? [] : [.define("VFIOPLAN_COMMIT", to: "\"\(commit)\"")]),
    .target(name: "Planner", dependencies: ["Parser"], swiftSettings: strict),
    .target(
      name: "Executor", dependencies: ["CLinux", "Parser", "Planner"], swiftSettings: strict),
    .executableTarget(
      name: "vfioplan",
      dependencies: [
        "CLinux", "CRelease", "Parser", "Planner", "Executor",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      resources: [.embedInCode("Schemas"), .embedInCode("Reports/Review/Assets")],
      swiftSettings: strict
    ),
    .target(
      name: "TestSupport", dependencies: ["Parser", "Planner", "Executor"],
      path: "Tests/TestSupport", swiftSettings: strict),
    .executableTarget(
      name: "Conform", dependencies: ["Parser", "Planner", "Executor"], path: "Tests/Conform",
      swiftSettings: strict),
    .executableTarget(name: "Hello", path: "Benchmarks/Hello", swiftSettings: strict),
    .testTarget(
      name: "ParserTests", dependencies: ["Parser", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "PlannerTests", dependencies: ["Parser", "Planner", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "ExecutorTests",
      dependencies: ["Parser", "Planner", "Executor", "Conform", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "VFIOPlanTests",
      dependencies: [
        "Parser", "Planner", "Executor", "vfioplan", "TestSupport",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
    .testTarget(name: "TidyTests", dependencies: ["TestSupport"], swiftSettings: strict),
  ]
)
