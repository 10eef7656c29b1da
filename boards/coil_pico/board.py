"""Coil board on a Pico: eight current channels. Literals only; read with ast.literal_eval."""

BOARD = {
    "name": "coil_pico",
    "role": "coil",
    "mcu": "rp2040",
    "coils": 8,
    "spi": {},
    "chips": {
        "adc": {
            "chip": "ads131m08",
            "stream": {"sck": 2, "cs": 3, "mosi": 4, "miso": 5, "drdy": 6},
            "mode": 1,
            "samples": 16,
        },
        "stream_dac": {
            "chip": "ltc2688",
            "stream": {"mosi": 7, "sck": 8, "cs": 9, "ldac": 13, "miso": 14},
            "mode": 0,
            "stream_channels": 16,
            "stream_samples": 1,
        },
    },
    "pwm": {},
    "outputs": {
        "coil_enable": {"pin": 22, "safe": 0},
        "led": {"pin": 25, "safe": 0},
    },
    "inputs": {
        "sync": {"pin": 28, "pull": None},
    },
    # VSYS through the module's own divider by three.
    "supply": {"adc_pin": 29, "divider": 3, "minimum_mv": 4300},
    "scales": {
        "adc_full_scale_uv": 1200000,
        "sense_full_scale_na": 12000000,
        "coarse_full_scale_na": 10000000,
        "fine_divisor": 256,
    },
    "limits": {
        "coil_current_max_na": 10000000,
    },
}
