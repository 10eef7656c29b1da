"""Fixed-point arithmetic with a 64-bit middle, on a machine with 32-bit words."""

import micropython


@micropython.viper
def muldiv(a: int, b: int, c: int) -> int:
    """a * b / c, rounded to nearest, without a wide integer.

    c must not be 0; the quotient is clipped to +-(2**30 - 1), the range of a small integer.
    """
    negative = 0
    if a < 0:
        a = 0 - a
        negative = 1
    if b < 0:
        b = 0 - b
        negative = 1 - negative
    if c < 0:
        c = 0 - c
        negative = 1 - negative
    a_low = a & 0xFFFF
    a_high = (a >> 16) & 0xFFFF
    b_low = b & 0xFFFF
    b_high = (b >> 16) & 0xFFFF
    low = uint(a_low * b_low)
    cross1 = uint(a_low * b_high)
    cross2 = uint(a_high * b_low)
    middle = (low >> 16) + (cross1 & 0xFFFF) + (cross2 & 0xFFFF)
    lo = (low & 0xFFFF) | (middle << 16)
    rest = uint(a_high * b_high) + (cross1 >> 16) + (cross2 >> 16) + (middle >> 16)
    divisor = uint(c)
    result = uint(0)
    if rest >= divisor:
        result = uint((1 << 30) - 1)
    else:
        for _ in range(32):
            top = rest >> 31
            rest = (rest << 1) | (lo >> 31)
            lo = lo << 1
            result = result << 1
            if top or rest >= divisor:
                rest = rest - divisor
                result = result | 1
        if rest >= divisor - rest:
            result = result + 1
    out = int(result)
    if out < 0 or out > (1 << 30) - 1:
        out = (1 << 30) - 1
    if negative:
        return 0 - out
    return out


def clip(value, limit):
    """Value within +-limit."""
    if value > limit:
        return limit
    if value < -limit:
        return -limit
    return value


def length(a, b):
    """Integer square root of a^2 + b^2 by Newton's steps; a and b of 14 bits."""
    square = a * a + b * b
    root = 1 << 14
    for _ in range(20):
        after = (root + square // root) >> 1
        if after >= root:
            break
        root = after
    return root
