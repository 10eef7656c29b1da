"""Settings: limits, flags, and what flash does to them."""

import os

from nullfield_fw import wire
from nullfield_fw.settings import Setting, Settings

_ROOT = "/tmp/nullfield-settings-%d" % (id(object()) & 0xFFFFFF)


def _settings():
    return Settings(
        [
            Setting("level", "T", -12, -100, 1000, 7),
            Setting("serial", "", 0, 0, 1 << 29, 5, read_only=True),
            Setting("momentary", "s", -3, 0, 10, 1, persistent=False),
            Setting("other", "", 0, 0, 10, 2),
        ]
    )


def _folder():
    try:
        os.mkdir(_ROOT)
    except OSError:
        for name in os.listdir(_ROOT):
            os.remove(_ROOT + "/" + name)
    return _ROOT


def _body():
    with open(_ROOT + "/settings.txt", "rb") as stream:
        return stream.read()


def _store(body):
    with open(_ROOT + "/settings.txt", "wb") as stream:
        stream.write(body)


def test_limits_are_inclusive_and_a_refused_write_changes_nothing():
    settings = _settings()
    for value, error in (
        (-100, wire.ERROR_CODE_OK),
        (1000, wire.ERROR_CODE_OK),
        (-101, wire.ERROR_CODE_BELOW_MINIMUM),
        (1001, wire.ERROR_CODE_ABOVE_MAXIMUM),
        (1 << 40, wire.ERROR_CODE_ABOVE_MAXIMUM),
    ):
        settings.value[0] = 7
        assert settings.write(0, value) == error
        assert settings.value[0] == (value if error == wire.ERROR_CODE_OK else 7)


def test_read_only_and_unknown():
    settings = _settings()
    assert settings.write(1, 6) == wire.ERROR_CODE_READ_ONLY
    assert settings.value[1] == 5
    assert settings.write(4, 0) == wire.ERROR_CODE_UNKNOWN_SETTING
    assert settings.write(-1, 0) == wire.ERROR_CODE_UNKNOWN_SETTING
    try:
        settings.index("none")
        raise AssertionError
    except KeyError:
        pass


def test_a_default_outside_the_limits_is_refused():
    for minimum, maximum, default in ((0, 10, 11), (0, 10, -1), (5, 4, 5)):
        try:
            Setting("x", "", 0, minimum, maximum, default)
            raise AssertionError
        except ValueError:
            pass


def test_defaults():
    settings = _settings()
    settings.write(0, 99)
    settings.write(3, 9)
    settings.defaults()
    assert list(settings.value) == [7, 5, 1, 2]


def test_save_and_load_persistent_values_only():
    root = _folder()
    settings = _settings()
    assert settings.load(root) is False
    settings.write(0, -55)
    settings.write(2, 9)
    settings.save(root)
    again = _settings()
    assert again.load(root) is True
    assert list(again.value) == [-55, 5, 1, 2]
    assert os.listdir(root) == ["settings.txt"], "the second file is gone"


def test_saved_twice():
    root = _folder()
    settings = _settings()
    settings.save(root)
    settings.write(0, 42)
    settings.save(root)
    again = _settings()
    again.load(root)
    assert again.value[0] == 42


def test_a_damaged_file_is_refused_and_leaves_the_defaults():
    root = _folder()
    settings = _settings()
    settings.write(0, 500)
    settings.save(root)
    good = _body()
    bodies = [good[:cut] for cut in range(len(good) - 1)]
    for place in range(0, len(good) - 1):
        bodies.append(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
    bodies.append(b"\xff" * 100)
    for body in bodies:
        _store(body)
        again = _settings()
        try:
            again.load(root)
            raise AssertionError(body)
        except ValueError:
            assert list(again.value) == [7, 5, 1, 2], body


def _with_checksum(text):
    import binascii

    return text + b"#%08x\n" % binascii.crc32(text)


def test_unknown_names_and_values_outside_the_limits_are_passed_over():
    root = _folder()
    _store(_with_checksum(b"gone=3\nlevel=9999\nother=8\nserial=9\nnonsense\n=\n"))
    settings = _settings()
    assert settings.load(root) is True
    assert list(settings.value) == [7, 5, 1, 8]


def test_good_checksum_around_a_bad_number_is_damage():
    root = _folder()
    _store(_with_checksum(b"other=eight\n"))
    settings = _settings()
    try:
        settings.load(root)
        raise AssertionError
    except ValueError:
        pass


def test_save_without_a_file_system_raises_and_keeps_the_values():
    settings = _settings()
    settings.write(0, 3)
    try:
        settings.save("/no/such/place")
        raise AssertionError
    except OSError:
        assert settings.value[0] == 3
