"""Mounts the flash before anything else runs; takes the place of MicroPython's own ``_boot``.

The stock script formats the flash whenever it cannot be mounted, and a calibration that might have
been saved is gone. This one formats a new chip only: both superblocks of the file system erased.
Otherwise it leaves the flash as it is; the firmware in the image runs without a file system, too.
"""

import rp2
import vfs


def mount():
    """Mount the flash at the root; says so on the console when that fails."""
    flash = rp2.Flash()
    try:
        vfs.mount(vfs.VfsLfs2(flash, progsize=256), "/")
        return
    except OSError:
        pass
    block = bytearray(flash.ioctl(5, 0))
    erased = b"\xff" * len(block)
    for number in (0, 1):
        flash.readblocks(number, block)
        if block != erased:
            print("flash: no readable file system; left as it is")
            return
    vfs.VfsLfs2.mkfs(flash, progsize=256)
    vfs.mount(vfs.VfsLfs2(flash, progsize=256), "/")


mount()
# What is defined here would be a global of every program after it.
del mount, rp2, vfs
