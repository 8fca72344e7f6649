import Planner

extension Program {
  func undo(of index: Int) -> UndoAction {
    switch steps[index].action {
    case .open(_, let id): return .close(id)
    case .memory(let size, _, let id): return .unmapMemory(id, size: size)
    case .sysfs(let write): return .revert(write)
    case .ioctl(_, let request, _, let results):
      if request.undo == .closeResult, let last = results.last, let id = last { return .close(id) }
      return .nothing("")
    case .expect, .close: return .nothing("")
    }
  }
}
