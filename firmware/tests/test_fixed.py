"""Fixed-point arithmetic against big integers, rails included."""

from nullfield_fw.control.fixed import clip, muldiv
from reference import Random, signed

_MOST = (1 << 30) - 1


def _muldiv(a, b, c):
    """Round half away from zero, clip."""
    negative = (a < 0) != (b < 0)
    if c < 0:
        negative = not negative
    a, b, c = abs(a), abs(b), abs(c)
    value = min((2 * a * b + c) // (2 * c), _MOST)
    return -value if negative else value


_EDGES = (
    0,
    1,
    -1,
    2,
    3,
    -7,
    1000,
    65535,
    65536,
    -65537,
    1 << 20,
    _MOST,
    -_MOST,
    0x7FFFFFFF,
    -0x7FFFFFFF,
)


def test_muldiv_at_the_rails():
    for a in _EDGES:
        for b in _EDGES:
            for c in _EDGES:
                if c:
                    assert muldiv(a, b, c) == _muldiv(a, b, c), (a, b, c)


def test_muldiv_at_random():
    random = Random(6)
    for _ in range(4000):
        a = signed(random.bits()) >> random.between(0, 30)
        b = signed(random.bits()) >> random.between(0, 30)
        c = signed(random.bits()) >> random.between(0, 30)
        if c and -0x80000000 not in (a, b, c):
            assert muldiv(a, b, c) == _muldiv(a, b, c), (a, b, c)


def test_clip():
    assert clip(5, 10) == 5
    assert clip(11, 10) == 10
    assert clip(-11, 10) == -10
    assert clip(-10, 10) == -10
