"""Design of bi-planar coils: from room and target volume to windings that a workshop can make.

`request` says what is wanted, `targets` which field, `stream_function` spans the currents of the two
planes, `solve` finds the least power that keeps the tolerance, `contours` turns it into wire,
`biot_savart`, `inductance` and `figures` say what the wire does, `drawing_*` draw it.
"""
