// A board: power, resets, and time that never runs faster than the clock on the wall.

import { PowerLost } from './flash.mjs';
import { Chip, adcCode } from './chip.mjs';
import { SpiChips } from './spi_chips.mjs';

const SLICE_INSTRUCTIONS = 20000;
// Simulated time may be ahead by this much, so that short sleeps need no timer.
const LEAD_NANOS = 2e6;

const wallNanos = () => Number(process.hrtime.bigint());

export class Board {
  /**
   * @param {object} options
   * @param {Uint32Array} options.rom
   * @param {Flash} options.flash
   * @param {UsbPort} options.usb
   * @param {Uint8Array} options.uniqueId
   * @param {(event: object) => void} options.report
   * @param {boolean} options.verbose
   */
  constructor({ rom, flash, usb, uniqueId, report, verbose }) {
    Object.assign(this, { rom, flash, usb, uniqueId, report, verbose });
    this.spiChips = new SpiChips(report);
    this.chip = null;
    this.request = null;
    this.inBootLoader = false;
    this.timer = null;
    this.adcCodes = new Map();
    this.levels = new Map();
    this.wires = new Map();
    this.watched = new Set();
    this.bootselHeld = false;
    this.cycles = 0;
    this.pastNanos = 0;
    this.powerUps = 0;
    this.resets = { watchdog: 0, software: 0 };
  }

  powerOn() {
    if (!this.chip) {
      this.powerUps++;
      this.start(null);
    }
  }

  powerOff() {
    if (this.chip) {
      this.pastNanos += this.chip.nanos;
      this.chip = null;
      this.flash.save();
    }
    this.request = null;
    this.usb.detach();
  }

  /** Start a chip; `kept` is what a reset by the watchdog leaves. */
  start(kept) {
    this.inBootLoader = false;
    this.chip = new Chip({
      rom: this.rom,
      flash: this.flash,
      uniqueId: this.uniqueId,
      watchdog: kept,
      // Not here: the instruction that asked for it is still running.
      onReset: (cause) => {
        this.request = cause;
      },
      onBootLoader: () => {
        this.inBootLoader = true;
        this.usb.detach();
        this.report({ event: 'boot_loader' });
      },
      onHalt: (code) => this.report({ event: 'halted', code, pc: this.chip.mcu.core.PC }),
      tell: (line) => this.verbose && process.stderr.write(`${line}\n`),
    });
    const { mcu } = this.chip;
    mcu.uart[0].onByte = (byte) => process.stderr.write(String.fromCharCode(byte));
    this.usb.attach(mcu);
    this.chip.bootselHeld = this.bootselHeld;
    this.spiChips.connect(mcu);
    this.adcCodes.forEach((code, channel) => {
      mcu.adc.channelValues[channel] = code;
    });
    mcu.gpio.forEach((pin, number) => {
      pin.addListener(() => this.pinChanged(number));
      if (this.levels.has(number)) {
        pin.setInputValue(this.levels.get(number));
      }
    });
    this.setPace();
    this.wake();
  }

  reset(cause) {
    const { kept } = this.chip;
    this.pastNanos += this.chip.nanos;
    this.resets[cause]++;
    this.request = null;
    this.usb.detach();
    this.flash.save();
    this.report({ event: 'reset', cause });
    this.start(kept);
  }

  // Time

  setPace() {
    this.wallStart = wallNanos();
    this.nanosStart = this.chip.nanos;
  }

  /**
   * How far simulated time may go now. Time lost while the processor was busy is not caught up: the
   * host would see its board's clock jump.
   */
  allowedNanos() {
    const allowed = this.nanosStart + (wallNanos() - this.wallStart) + LEAD_NANOS;
    const behind = allowed - LEAD_NANOS - this.chip.nanos;
    if (behind > LEAD_NANOS) {
      this.nanosStart -= behind - LEAD_NANOS;
      return this.chip.nanos + 2 * LEAD_NANOS;
    }
    return allowed;
  }

  wake() {
    if (this.timer) {
      clearTimeout(this.timer);
      this.timer = null;
    }
    if (!this.scheduled) {
      this.scheduled = true;
      setImmediate(() => {
        this.scheduled = false;
        this.slice();
      });
    }
  }

  slice() {
    const { chip } = this;
    if (!chip) {
      return;
    }
    const allowed = this.allowedNanos();
    try {
      this.advance(chip, allowed);
    } catch (error) {
      if (!(error instanceof PowerLost)) {
        throw error;
      }
      this.powerOff();
      this.report({ event: 'power_lost', ...this.flashCounts() });
      return;
    }
    if (this.request) {
      this.reset(this.request);
    } else if (this.spiChips.waiting) {
      // The answer wakes it.
    } else if (chip.nanos < allowed) {
      this.wake();
    } else if (!this.timer) {
      this.timer = setTimeout(() => {
        this.timer = null;
        this.wake();
      }, 1);
    }
  }

  advance(chip, allowed) {
    let left = SLICE_INSTRUCTIONS;
    const { spiChips } = this;
    while (left > 0 && chip.nanos < allowed && !this.request && !spiChips.waiting) {
      if (chip.sleeping) {
        chip.sleep(allowed);
        left -= 10;
      } else {
        const cycles = chip.run(Math.min(left, 1000), allowed, spiChips);
        this.cycles += cycles;
        left -= 1000;
      }
    }
  }

  get nanos() {
    return this.pastNanos + (this.chip ? this.chip.nanos : 0);
  }

  // What stands around the chip

  /** A chip on an SPI bus, from the next reset on. */
  attachSpi(bus, select) {
    this.spiChips.attach(bus, select);
  }

  answerSpi(value) {
    this.spiChips.answer(value);
    this.wake();
  }

  setAdc(channel, code) {
    this.adcCodes.set(channel, code);
    if (this.chip) {
      this.chip.mcu.adc.channelValues[channel] = code;
    }
  }

  setAdcVolts(channel, volts) {
    this.setAdc(channel, adcCode(volts));
  }

  setLevel(pin, level) {
    this.levels.set(pin, level);
    this.chip?.mcu.gpio[pin].setInputValue(level);
    this.wake();
  }

  pinState(pin) {
    const gpio = this.chip?.mcu.gpio[pin];
    return gpio
      ? { output: gpio.outputEnable, level: gpio.outputEnable ? gpio.outputValue : gpio.inputValue }
      : { output: false, level: false };
  }

  /** Join an output to an input; a loopback wire. */
  setWire(from, to) {
    this.wires.set(from, [...(this.wires.get(from) ?? []), to]);
    this.pinChanged(from);
  }

  setBootsel(held) {
    this.bootselHeld = held;
    if (this.chip) {
      this.chip.bootselHeld = held;
    }
  }

  pinChanged(number) {
    if (!this.chip) {
      return;
    }
    const { output, level } = this.pinState(number);
    if (output) {
      for (const to of this.wires.get(number) ?? []) {
        this.levels.set(to, level);
        this.chip.mcu.gpio[to].setInputValue(level);
      }
    }
    if (this.watched.has(number)) {
      this.report({
        event: 'pin',
        pin: number,
        output,
        level,
        nanoseconds: this.nanos,
        cycles: Math.round((this.chip.nanos * this.chip.mcu.clkSys) / 1e9),
      });
    }
  }

  flashCounts() {
    return { erases: this.flash.erases, programs: this.flash.programs };
  }

  stats() {
    return {
      powered: this.chip !== null,
      boot_loader: this.inBootLoader,
      halted: this.chip?.halted ?? false,
      cycles: this.cycles,
      simulated_nanoseconds: this.nanos,
      clock_hz: this.chip?.mcu.clkSys ?? 0,
      power_ups: this.powerUps,
      watchdog_resets: this.resets.watchdog,
      software_resets: this.resets.software,
      to_board_bytes: this.usb.toBoardBytes,
      from_board_bytes: this.usb.fromBoardBytes,
      ...this.flashCounts(),
    };
  }
}
