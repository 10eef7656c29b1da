"""Bare Pico with nothing attached. Literals only; read with ast.literal_eval."""

BOARD = {
    "name": "bringup_pico",
    "role": "bringup",
    "mcu": "rp2040",
    "spi": {},
    "chips": {},
    "pwm": {},
    "outputs": {
        "led": {"pin": 25, "safe": 0},
    },
    "inputs": {},
    # VSYS / 3, measured on the module. On USB, VSYS is VBUS less a diode: 4.3 V is too little.
    "supply": {"adc_pin": 29, "divider": 3, "minimum_mv": 4300},
    "scales": {},
    "limits": {},
}
