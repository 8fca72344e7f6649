#!/usr/bin/env python3
"""Tries vfioplan on a machine that is made up, and prints which laws hold.

  laws.py PROGRAM [WORD]     all laws, or those whose names contain a word

Needs root, /dev/fuse and namespaces; says so where it has not got them.
"""

import sys

import world
from law import LAWS, hold
import laws_command  # noqa: F401
import laws_hook  # noqa: F401
import laws_journal  # noqa: F401
import laws_libvirt  # noqa: F401


def main():
    if not world.is_inside():
        why = world.obstacle()
        return world.skip("laws on a fake /sys", why) if why else world.enter()
    only = sys.argv[2] if len(sys.argv) > 2 else ""
    failed = hold(world.World(sys.argv[1]), only)
    print(f"fake /sys: {len(LAWS)} laws, {len(failed)} broken" + "".join(
        f"\n  {name}" for name in failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
