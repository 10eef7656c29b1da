"""Coil current control against a plant: source with gain error and offset, sense amplifier, ADC."""

from array import array

from nullfield_fw.control import coil_loop as loop
from reference import Random

_NA_PER_STEP = 12.0e6 / (1 << 23)
_FULL = (1 << 23) - 1


class Plant:
    """Eight sources; `gain` and `offset_na` may be wrong, `readback` may fail."""

    def __init__(self):
        self.state = loop.new_state()
        self.state[loop.RAMP_STEP] = 20000
        self.state[loop.MISMATCH_FLOOR] = 200000
        self.state[loop.ENABLED] = 1
        self.state[loop.CURRENT_MAX] = 10000000
        self.state[loop.OFFSET_STEP] = 50000
        for channel in range(8):
            self.state[channel * loop.STRIDE + loop.LOOP_GAIN] = loop.loop_gain(2093)
            self.state[channel * loop.STRIDE + loop.LAG_SHARE] = loop.lag_share(0)
        self.gain = [1.0] * 8
        self.offset_na = [0.0] * 8
        self.sensed = [True] * 8
        self.current_na = [0.0] * 8
        self.largest_na = 0.0
        self.lag_share = 1.0
        self.adc = array("i", bytearray(4 * 160))
        self.dac = array("I", bytearray(4 * 16))
        self.row = array("i", bytearray(4 * 18))
        self._before = [32768] * 16
        self._random = Random(9)

    def target(self, channel, current_na):
        self.state[channel * loop.STRIDE + loop.TARGET] = current_na

    def word(self, channel, word):
        return self.state[channel * loop.STRIDE + word]

    def run(self, blocks, noise_steps=0):
        for _ in range(blocks):
            for channel in range(8):
                value = int(self.current_na[channel] / _NA_PER_STEP) if self.sensed[channel] else 0
                value = max(min(value, _FULL), -_FULL - 1)
                for sample in range(16):
                    noise = self._random.between(-noise_steps, noise_steps) if noise_steps else 0
                    self.adc[10 * sample + 1 + channel] = value + noise
            loop.coil_block(self.adc, self.state, self.dac, self.row)
            # What the board writes now is at the outputs one block later.
            for channel in range(8):
                coarse = self._before[channel] - 32768
                fine = self._before[8 + channel] - 32768
                volts_na = 1e7 / 32768 * (coarse + fine / 256)
                wanted = volts_na * self.gain[channel] + self.offset_na[channel]
                self.current_na[channel] += self.lag_share * (wanted - self.current_na[channel])
                self.largest_na = max(self.largest_na, abs(self.current_na[channel]))
            for number, word in enumerate(self.dac):
                assert word >> 24 == number
                assert word & 0xFF == 0
                self._before[number] = word >> 8 & 0xFFFF


def test_settles_on_the_target_within_a_few_nanoamperes():
    plant = Plant()
    wanted = (0, 1000000, -1000000, 5000000, -9999999, 123456, -1, 10000000)
    for channel, current in enumerate(wanted):
        plant.target(channel, current)
    plant.run(3000)
    for channel, current in enumerate(wanted):
        # 2e-5 of the readback's scale and two converter steps.
        allowed = 3e-5 * abs(current) + 4
        assert abs(plant.current_na[channel] - current) < allowed, (channel, plant.current_na)
        assert abs(plant.row[channel] - current) < allowed


def test_ramp_limit():
    plant = Plant()
    plant.target(2, 3000000)
    plant.state[loop.RAMP_STEP] = 1000
    before = 0
    blocks = 0
    while plant.word(2, loop.COMMAND) != 3000000:
        plant.run(1)
        step = plant.word(2, loop.COMMAND) - before
        assert 0 < step <= 1000
        assert plant.state[loop.ANY_RAMPING] == (1 if blocks < 2999 else 0)
        before += step
        blocks += 1
    assert blocks == 3000


def test_disturbance_gain_error_and_offset_are_trimmed_away_slowly():
    plant = Plant()
    plant.gain[0] = 1.01
    plant.offset_na[1] = 20000.0
    plant.target(0, 5000000)
    plant.target(1, 5000000)
    plant.run(300)
    early = plant.current_na[0] - 5000000
    plant.run(4000)
    assert abs(early) > 5000
    assert abs(plant.current_na[0] - 5000000) < 200
    assert abs(plant.current_na[1] - 5000000) < 200
    # Effort: the trim holds just the error.
    trim_na = plant.word(0, loop.TRIM) / loop.TRIM_PER_NA
    assert -52000 < trim_na < -48000


def test_disturbance_step_decays_with_the_loops_crossover():
    plant = Plant()
    plant.run(100)
    plant.offset_na[3] = -30000.0
    plant.run(2)
    start = plant.current_na[3]
    # g / (s (1 + s T)) with g = 2.09/s, T = 0.256 s closed: 0.455 Hz with a damping of 0.68; the step
    # has fallen to 0.26 after 0.7 s and passes zero by a few percent.
    assert start < -29000
    shares = []
    for _ in range(50):
        plant.run(100)
        shares.append(plant.current_na[3] / start)
    assert 0.24 < shares[6] < 0.29, shares[6]
    assert -0.08 < min(shares) < -0.02, min(shares)
    assert abs(shares[-1]) < 0.003


def test_the_crossover_is_at_a_third_of_a_hertz():
    """Open loop by a sine in the disturbance: what the trim does about it."""
    plant = Plant()
    from math import cos, pi, sin

    for channel, frequency in ((0, 0.3), (1, 1.0)):
        period = int(1000 / frequency)
        gains = []
        for turn in range(3):
            trim_cos = trim_sin = error_cos = error_sin = 0.0
            for n in range(period):
                angle = 2 * pi * n / period
                plant.offset_na[channel] = 20000.0 * sin(angle)
                plant.run(1)
                trim = plant.word(channel, loop.TRIM) / loop.TRIM_PER_NA
                error = -plant.row[channel]
                trim_cos += trim * cos(angle)
                trim_sin += trim * sin(angle)
                error_cos += error * cos(angle)
                error_sin += error * sin(angle)
            size = (trim_cos * trim_cos + trim_sin * trim_sin) ** 0.5
            gains.append(size / (error_cos * error_cos + error_sin * error_sin) ** 0.5)
        if frequency == 0.3:
            assert 0.97 < gains[-1] < 1.03, gains
        else:
            # An integrator alone would be at 0.3.
            assert 0.15 < gains[-1] < 0.19, gains


def test_ramps_leave_nothing_in_the_trim():
    """The loop knows the two blocks and the coil's lag."""
    plant = Plant()
    plant.lag_share = 1.0 - 2.718281828 ** (-1.0 / 1.5)
    for channel in range(8):
        plant.state[channel * loop.STRIDE + loop.LAG_SHARE] = loop.lag_share(1500)
    plant.target(0, 8000000)
    plant.run(420)
    assert abs(plant.word(0, loop.TRIM)) < 100 * loop.TRIM_PER_NA, plant.word(0, loop.TRIM)


def test_readback_noise_stays_out_of_the_current():
    plant = Plant()
    plant.target(0, 2000000)
    plant.run(3000, 75)
    values = []
    for _ in range(300):
        plant.run(1, 75)
        # Differences first: floats have 24 bits.
        values.append(plant.current_na[0] - 2000000)
    mean = sum(values) / len(values)
    assert abs(mean) < 100
    rms = (sum((v - mean) ** 2 for v in values) / len(values)) ** 0.5
    assert rms < 3.0, rms


def test_saturation_trim_is_clamped_and_flagged_and_recovers():
    plant = Plant()
    plant.target(4, 8000000)
    plant.gain[4] = 0.93  # more than the trim's 0.2 mA can mend, less than the mismatch limit
    plant.run(4000)
    assert plant.word(4, loop.TRIM) == 819200000
    assert plant.state[loop.ANY_LIMITED] == 1
    assert plant.word(4, loop.MISMATCH_BLOCKS) == 0
    plant.gain[4] = 1.0
    plant.run(6000)
    assert plant.state[loop.ANY_LIMITED] == 0
    assert abs(plant.current_na[4] - 8000000) < 400


def test_saturation_output_beyond_the_converter_is_clipped_and_flagged():
    plant = Plant()
    plant.gain[0] = 0.99
    plant.gain[1] = 0.99
    plant.target(0, 10000000)
    plant.target(1, -10000000)
    plant.run(4000)
    assert plant.state[loop.ANY_LIMITED] == 1
    assert plant._before[0] == 65535
    assert plant._before[1] == 0
    assert plant.largest_na < 1.01e7


def test_sensor_failure_readback_stuck_at_zero_is_counted():
    plant = Plant()
    plant.sensed[5] = False
    plant.target(5, 4000000)
    plant.target(6, 4000000)
    plant.run(1000)
    assert plant.word(5, loop.MISMATCH_BLOCKS) > 200
    assert plant.word(6, loop.MISMATCH_BLOCKS) == 0
    # Meanwhile the trim did not follow what nobody can believe.
    assert abs(plant.current_na[5] - 4000000) < 60000


def test_off_means_zero_and_forgets():
    plant = Plant()
    plant.target(0, 5000000)
    plant.run(1000)
    plant.state[loop.ENABLED] = 0
    plant.run(3)
    assert plant.word(0, loop.COMMAND) == 0
    assert plant.word(0, loop.TRIM) == 0
    assert abs(plant.current_na[0]) < 2


def test_fine_converter_has_hysteresis():
    """Small changes move the fine converter only: the coarse one's glitches stay away."""
    plant = Plant()
    plant.target(0, 1000000)
    plant.run(2000)
    coarse = plant.word(0, loop.COARSE)
    for offset in range(-8000, 8001, 500):
        plant.target(0, 1000000 + offset)
        plant.run(2)
        assert plant.word(0, loop.COARSE) == coarse


def _compensate(plant, channel, offset_na, hold_blocks):
    plant.state[channel * loop.STRIDE + loop.OFFSET_TARGET] = offset_na
    plant.state[loop.HOLD_BLOCKS] = hold_blocks
    plant.state[loop.OFFSET_AGE] = 0
    plant.state[loop.STALE] = 0


def test_an_offset_is_added_by_its_own_slew_while_the_setpoint_ramps():
    plant = Plant()
    plant.target(0, 200000)
    _compensate(plant, 0, -120000, 1000)
    told = []
    for _ in range(12):
        plant.run(1)
        told.append(plant.row[9])
    assert told[:4] == [-30000, -60000, -60000, -40000]
    assert told[-1] == 80000
    plant.run(10)
    assert abs(plant.current_na[0] - 80000) < 4000


def test_stale_offsets_hold_and_then_ramp_to_zero():
    plant = Plant()
    plant.target(0, 1000000)
    plant.run(3000)
    _compensate(plant, 0, 500000, 100)
    plant.run(100)
    assert plant.row[9] == 1500000
    assert plant.state[loop.STALE] == 0
    plant.run(1)
    assert plant.state[loop.STALE] == 1
    # The ramp of the setpoints, not the slew of the offsets.
    assert plant.row[9] == 1480000
    plant.run(24)
    assert plant.row[9] == 1000000
    assert plant.word(0, loop.OFFSET) == 0


def test_setpoint_and_offset_together_stay_within_the_boards_limit():
    plant = Plant()
    plant.target(0, 9000000)
    plant.target(1, -9000000)
    plant.run(1000)
    for channel, offset in ((0, 3000000), (1, -3000000)):
        _compensate(plant, channel, offset, 1000)
    plant.run(200)
    assert plant.row[9] == 10000000
    assert plant.row[10] == -10000000
    assert plant.state[loop.ANY_LIMITED] == 1
    assert plant.largest_na < 10000100


def test_switching_off_forgets_offsets():
    plant = Plant()
    _compensate(plant, 5, 1000000, 1000)
    plant.run(100)
    plant.state[loop.ENABLED] = 0
    plant.run(2)
    assert plant.row[14] == 0
    assert abs(plant.current_na[5]) < 2
    plant.state[loop.ENABLED] = 1
    plant.run(5)
    assert plant.row[14] == 0
    assert plant.state[loop.HOLD_BLOCKS] == 0
