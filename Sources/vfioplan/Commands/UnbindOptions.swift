import ArgumentParser

/// How long drivers may take to let devices go, for commands that change drivers.
struct UnbindOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Seconds after which a driver that does not let a device go is given up; its journal stays.",
      valueName: "seconds"))
  var unbindTimeout = 10

  func validate() throws {
    guard (1...3600).contains(unbindTimeout) else {
      throw ValidationError("--unbind-timeout is from 1 to 3600 seconds.")
    }
  }
}
