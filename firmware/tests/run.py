"""Run the tests of one file on MicroPython: ``micropython run.py test_x.py [name ...]``.

One line a test: ``PASS name`` or ``FAIL name``, the traceback indented behind a failure. MicroPython
has no unittest; a test is a function ``test_*`` that asserts.
"""

import io
import sys


def main(arguments):
    """Run all tests of a file, or those named; the exit code counts the failures."""
    folder, _, file = arguments[0].rpartition("/")
    # The tests find vectors and board definitions by their own place.
    sys.path.insert(0, folder or ".")
    module = __import__(file[:-3])
    names = arguments[1:] or sorted(name for name in dir(module) if name.startswith("test_"))
    failures = 0
    for name in names:
        try:
            getattr(module, name)()
        except Exception as error:
            failures += 1
            print("FAIL", name)
            text = io.StringIO()
            sys.print_exception(error, text)
            for line in text.getvalue().rstrip().split("\n"):
                print("    " + line)
        else:
            print("PASS", name)
    return failures


sys.exit(1 if main(sys.argv[1:]) else 0)
