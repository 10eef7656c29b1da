"""Start of a virtual board: what the chip's boot code and ``_boot.py`` do on a real one.

With ``NULLFIELD_IMAGE=stock`` no firmware is built in: ``main.py`` comes from the flash, or the board
ends at its prompt, as official MicroPython does.
"""

import os
import sys

import virtual_port


def run():
    """Mount the flash, run ``main.py``, then the prompt."""
    virtual_port.mount()
    stock = os.getenv("NULLFIELD_IMAGE") == "stock"
    if stock:
        sys.path.insert(0, virtual_port.root)
    try:
        import main
    except ImportError:
        if not stock:
            raise
    except Exception as error:
        # Somebody else's program: MicroPython shows what it died of, and the prompt.
        sys.print_exception(error)
    else:
        try:
            if hasattr(main, "main"):
                main.main(virtual_port.Chip())
        except KeyboardInterrupt:
            # The application was told to leave for the prompt.
            pass
    import virtual_prompt

    virtual_prompt.serve()


run()
