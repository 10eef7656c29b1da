"""Bring-up board: a bare Pico 2, nothing attached. Literals only; read with ast.literal_eval."""

BOARD = {
    "name": "bringup_pico2",
    "role": "bringup",
    "mcu": "rp2350",
    "spi": {},
    "chips": {},
    "pwm": {},
    "outputs": {
        "led": {"pin": 25, "safe": 0},
    },
    "inputs": {},
    # VSYS through the module's own divider by three.
    "supply": {"adc_pin": 29, "divider": 3, "minimum_mv": 4300},
    "scales": {},
    "limits": {},
}
