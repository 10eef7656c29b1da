"""Sensor board on a Pico 2: four heads. Literals only; read with ast.literal_eval."""

BOARD = {
    "name": "sensor_pico2",
    "role": "sensor",
    "mcu": "rp2350",
    "heads": 4,
    "spi": {
        "slow": {"id": 1, "sck": 10, "mosi": 11, "miso": 12, "baudrate": 4000000},
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
            "stream_channels": 12,
            "stream_samples": 16,
        },
        "slow_dac": {"chip": "ltc2688", "spi": "slow", "cs": 15, "mode": 0},
        "cell_adc": {"chip": "ads1220", "spi": "slow", "cs": 16, "mode": 1},
        "laser_adc": {"chip": "ads1220", "spi": "slow", "cs": 17, "mode": 1},
    },
    "pwm": {
        "heater0": {"pin": 18, "frequency": 100000},
        "heater1": {"pin": 19, "frequency": 100000},
        "heater2": {"pin": 20, "frequency": 100000},
        "heater3": {"pin": 21, "frequency": 100000},
    },
    "outputs": {
        "laser_enable": {"pin": 22, "safe": 0},
        "heater_enable": {"pin": 26, "safe": 0},
        "led": {"pin": 25, "safe": 0},
    },
    # A cut wire must read as "open" and stop lasers and heaters: external 4.7 kOhm to ground. The
    # RP2350's own pull-downs can hold a floating pin high (erratum RP2350-E9).
    "inputs": {
        "interlock": {"pin": 27, "pull": None},
        "sync": {"pin": 28, "pull": None},
    },
    # VSYS through the module's own divider by three.
    "supply": {"adc_pin": 29, "divider": 3, "minimum_mv": 4300},
    "scales": {
        "adc_full_scale_uv": 1200000,
        "transimpedance_ohm": 20000,
        "modulation_gain": 16,
        "coil_full_scale_na": 2500000,
        "coil_constant_pt_per_ma": 100000,
        "laser_full_scale_na": 2500000,
        "tec_full_scale_ua": 1000000,
        "cancel_full_scale_na": 60000,
        "cell_reference_ohm": 4020,
        "cell_nominal_ohm": 1000,
        "laser_divider_ohm": 10000,
        "laser_nominal_ohm": 10000,
        "laser_beta_k": 3435,
        "heater_full_scale_uw": 600000,
    },
    "limits": {
        "cell_temperature_max_mc": 170000,
        "cell_setpoint_max_mc": 160000,
        "heater_power_max_uw": 600000,
        "laser_current_max_na": 2200000,
        "tec_current_max_ua": 800000,
    },
}
