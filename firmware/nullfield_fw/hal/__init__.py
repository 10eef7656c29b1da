"""The hardware behind the applications; `firmware/main.py` picks one module."""
