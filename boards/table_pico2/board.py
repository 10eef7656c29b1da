"""Table board on a Pico 2: one stepper axis. Literals only; read with ast.literal_eval."""

BOARD = {
    "name": "table_pico2",
    "role": "table",
    "mcu": "rp2350",
    "spi": {},
    "chips": {
        "driver": {
            "chip": "tmc2209",
            "uart": {"id": 1, "tx": 8, "rx": 9, "baudrate": 250000, "echo": True},
            "address": 0,
        },
    },
    "pwm": {},
    "outputs": {
        # The driver's EN pin is low-active; a pull-up holds the motor off through a reset.
        "motor_enable": {"pin": 12, "safe": 0, "active_low": True},
        "led": {"pin": 25, "safe": 0},
    },
    # Switches close to 3.3 V against an external 4.7 kOhm to ground, as the RP2350's own pull-downs
    # can hold a floating pin high (erratum RP2350-E9).
    # The emergency stop is a normally closed contact to ground: pressed, or a cut wire, reads 1.
    "inputs": {
        "home": {"pin": 13, "pull": None},
        "end": {"pin": 14, "pull": None},
        "estop": {"pin": 15, "pull": "up"},
        "hold": {"pin": 16, "pull": None},
        # Push-pull output of the driver: high while the motor has too much to push, or in trouble.
        "diag": {"pin": 17, "pull": None},
        "sync": {"pin": 28, "pull": None},
    },
    "stepper": {"step": 10, "direction": 11, "start_stop_rate": 500, "maximum_rate": 100000},
    # VSYS through the module's own divider by three.
    "supply": {"adc_pin": 29, "divider": 3, "minimum_mv": 4300},
    "scales": {
        "microsteps_per_mm": 640,
    },
    "limits": {
        "table_travel_um": 600000,
        "table_home_um": 0,
        "table_patient_um": 550000,
        "table_speed_max_um_s": 50000,
        "table_acceleration_max_um_s2": 200000,
        "run_current_32nds": 20,
    },
}
