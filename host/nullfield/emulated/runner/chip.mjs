// One RP2040 from its reset on. A reset makes a new one; flash and watchdog registers go over.

import { RP2040, SimulationClock } from './library.mjs';
import { FlashInterface, QspiPads, RegisterFile, RingOscillator, RomPort } from './peripherals.mjs';

const SSI = 0x18000;
const PSM = 0x40010;
const IO_QSPI = 0x40018;
const WATCHDOG = 0x40058;
const ROSC = 0x40060;
const CHIP_RESET = 0x40064;
const ROM_PORT = 0x40080;

const TIMER_RAN_OUT = 1; // in the watchdog's REASON
const SUPPLY_CHANNEL = 3;
const TEMPERATURE_CHANNEL = 4;
const ADC_REFERENCE_V = 3.3;
const SUPPLY_V = 5.0;
const TEMPERATURE_SENSOR_V = 0.706; // at 27 degrees Celsius

export const adcCode = (volts) => Math.round((volts / ADC_REFERENCE_V) * 4095);

export class Chip {
  /**
   * @param {object} options
   * @param {Uint32Array} options.rom boot ROM
   * @param {Flash} options.flash
   * @param {Uint8Array} options.uniqueId
   * @param {object | null} options.watchdog what a chip before this one kept
   * @param {(cause: string) => void} options.onReset the chip wants to be reset
   * @param {() => void} options.onBootLoader the boot ROM is in its loader
   * @param {(code: number) => void} options.onHalt the processor ran into a breakpoint
   * @param {(line: string) => void} options.tell what the emulator finds odd
   */
  constructor({ rom, flash, uniqueId, watchdog, onReset, onBootLoader, onHalt, tell }) {
    this.clock = new SimulationClock();
    this.mcu = new RP2040(this.clock);
    this.halted = false;
    const { mcu } = this;
    const quiet = () => {};
    mcu.logger = {
      debug: quiet,
      info: quiet,
      warn: (name, message) => tell(`${name}: ${message}`),
      error: (name, message) => tell(`${name}: ${message}`),
    };
    const { peripherals } = mcu;
    const flashInterface = new FlashInterface(mcu, uniqueId);
    peripherals[SSI] = flashInterface;
    peripherals[IO_QSPI] = new QspiPads(mcu, (low) => flashInterface.select(low));
    peripherals[ROSC] = new RingOscillator(mcu);
    // Bit 8: the last full reset was a power-on.
    peripherals[CHIP_RESET] = new RegisterFile(mcu, 'VREG_AND_CHIP_RESET', { 8: 1 << 8 });
    peripherals[ROM_PORT] = new RomPort(mcu, flash, onBootLoader);
    this.connectWatchdog(watchdog, onReset);
    this.bootselHeld = false;
    this.completeSio();
    this.calmUarts();
    mcu.onBreak = (code) => {
      this.halted = true;
      onHalt(code);
    };
    mcu.adc.channelValues[SUPPLY_CHANNEL] = adcCode(SUPPLY_V / 3);
    mcu.adc.channelValues[TEMPERATURE_CHANNEL] = adcCode(TEMPERATURE_SENSOR_V);
    mcu.loadBootrom(rom); // erases the flash array that it made
    mcu.flash = flash.bytes;
    mcu.flash16 = new Uint16Array(flash.bytes.buffer);
    mcu.flashView = new DataView(flash.bytes.buffer);
  }

  connectWatchdog(kept, onReset) {
    const watchdog = this.mcu.peripherals[WATCHDOG];
    this.watchdog = watchdog;
    if (kept) {
      watchdog.scratchData.set(kept.scratch);
      watchdog.reason = kept.reason;
    }
    watchdog.onWatchdogTrigger = () => {
      // At zero it would be due again at once, for ever.
      watchdog.alarm.enable = false;
      onReset(watchdog.reason === TIMER_RAN_OUT ? 'watchdog' : 'software');
    };
  }

  /** What a reset by the watchdog leaves as it is. */
  get kept() {
    return { scratch: this.watchdog.scratchData.slice(), reason: this.watchdog.reason };
  }

  /**
   * Two things that rp2040js lacks in the SIO block.
   *
   * The FIFO to core 1, which is not emulated: after its reset core 1 sends one zero, and the
   * firmware waits for that at each soft reset. Whatever is sent to it is lost.
   *
   * The level of the flash's chip select, which the BOOTSEL button pulls low.
   */
  completeSio() {
    const { sio, peripherals } = this.mcu;
    const [forceOff, core1] = [0x04, 1 << 16];
    const [fifoStatus, fifoWrite, fifoRead] = [0x50, 0x54, 0x58];
    const [valid, ready] = [1, 2];
    const [qspiInputs, chipSelect] = [0x08, 1 << 1];
    let waiting = false;
    const psm = peripherals[PSM];
    const writePsm = psm.writeUint32.bind(psm);
    psm.writeUint32 = (offset, value) => {
      if (offset === forceOff && psm.frceOff & core1 && !(value & core1)) {
        waiting = true;
      }
      writePsm(offset, value);
    };
    const readSio = sio.readUint32.bind(sio);
    sio.readUint32 = (offset) => {
      if (offset === fifoStatus) {
        return ready | (waiting ? valid : 0);
      }
      if (offset === fifoRead) {
        waiting = false;
        return 0;
      }
      if (offset === qspiInputs) {
        return this.bootselHeld ? 0 : chipSelect;
      }
      return readSio(offset);
    };
    const writeSio = sio.writeUint32.bind(sio);
    sio.writeUint32 = (offset, value) => {
      if (offset !== fifoStatus && offset !== fifoWrite) {
        writeSio(offset, value);
      }
    };
  }

  /**
   * rp2040js asserts the transmit interrupt whenever it looks at the interrupts, also right after the
   * firmware cleared it, so the handler would never return. A PL011 asserts it when its queue has
   * become empty, which is here after each byte.
   */
  calmUarts() {
    const transmit = 1 << 5;
    for (const uart of this.mcu.uart) {
      uart.checkInterrupts = () => {
        this.mcu.setInterrupt(uart.irq, Boolean(uart.interruptStatus & uart.interruptMask));
      };
      const write = uart.writeUint32.bind(uart);
      uart.writeUint32 = (offset, value) => {
        write(offset, value);
        if (offset === 0) {
          uart.interruptStatus |= transmit;
          uart.checkInterrupts();
        }
      };
    }
  }

  get nanos() {
    return this.clock.nanos;
  }

  /**
   * Run instructions until the processor sleeps, a bus waits for its answer, the time is reached or
   * the number is used up.
   * @returns {number} cycles
   */
  run(instructions, untilNanos, buses) {
    const { core } = this.mcu;
    const { clock } = this;
    const cycleNanos = 1e9 / this.mcu.clkSys;
    let cycles = 0;
    for (let i = 0; i < instructions; i++) {
      if (core.waiting || this.halted || clock.nanosCounter >= untilNanos) {
        break;
      }
      const used = core.executeInstruction();
      cycles += used;
      clock.tick(used * cycleNanos);
      if (buses.waiting) {
        break;
      }
    }
    return cycles;
  }

  get sleeping() {
    return this.mcu.core.waiting || this.halted;
  }

  /** Let time pass while the processor sleeps, up to the next thing that may wake it. */
  sleep(untilNanos) {
    const next = this.clock.nextAlarm ? this.clock.nanosToNextAlarm : Infinity;
    this.clock.tick(Math.max(0, Math.min(next, untilNanos - this.clock.nanos)));
  }
}
