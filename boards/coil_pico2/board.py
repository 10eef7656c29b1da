"""Coil board on a Pico 2: eight current channels. Literals only; read with ast.literal_eval."""

BOARD = {
    "name": "coil_pico2",
    "role": "coil",
    "mcu": "rp2350",
    "coils": 8,
    "spi": {
        "slow": {"id": 0, "sck": 18, "mosi": 19, "miso": 16, "baudrate": 4000000},
    },
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
        "coil_adc": {"chip": "ads1220", "spi": "slow", "cs": 17, "mode": 1},
    },
    "pwm": {},
    "outputs": {
        "coil_enable": {"pin": 22, "safe": 0},
        "mux0": {"pin": 10, "safe": 0},
        "mux1": {"pin": 11, "safe": 0},
        "mux2": {"pin": 12, "safe": 0},
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
        # Coil voltage to the slow converter: half of its supply, and a thirty-sixth of it a volt.
        "voltage_full_scale_mv": 36000,
        "compliance_mv": 12000,
        "stage_divider_ohm": 10000,
        "stage_nominal_ohm": 10000,
        "stage_beta_k": 3435,
    },
    "limits": {
        "coil_current_max_na": 10000000,
        "stage_temperature_max_mc": 70000,
    },
}
