"""The virtual instrument: boards as MicroPython processes, chips at register level, one plant.

Nothing outside this package imports it but a composition root (`nullfield.cli`).
"""
