// Parts of the RP2040 that rp2040js has not, or not as far as the firmware needs them.

import { BasePeripheral } from './library.mjs';

/** Registers that keep what is written to them. */
export class RegisterFile extends BasePeripheral {
  constructor(chip, name, initial = {}) {
    super(chip, name);
    this.values = new Map(Object.entries(initial).map(([at, value]) => [Number(at), value]));
  }

  readUint32(offset) {
    return this.values.get(offset) ?? 0;
  }

  writeUint32(offset, value) {
    this.values.set(offset, value >>> 0);
  }
}

const ROSC_STATUS = 0x18;
const ROSC_RANDOM_BIT = 0x1c;

/** Ring oscillator: always stable; its random bit comes from a generator with a fixed seed. */
export class RingOscillator extends RegisterFile {
  constructor(chip) {
    super(chip, 'ROSC', { [ROSC_STATUS]: 0x80001000 });
    this.state = 0x2545f491;
  }

  readUint32(offset) {
    if (offset === ROSC_RANDOM_BIT) {
      this.state ^= this.state << 13;
      this.state ^= this.state >>> 17;
      this.state ^= this.state << 5;
      return this.state & 1;
    }
    return super.readUint32(offset);
  }
}

const SS_CTRL = 0x0c;
const OUTPUT_LOW = 2;

/** Pads of the flash: the firmware holds chip select low for commands of several bytes. */
export class QspiPads extends RegisterFile {
  constructor(chip, onSelect) {
    super(chip, 'IO_QSPI');
    this.onSelect = onSelect;
  }

  writeUint32(offset, value) {
    super.writeUint32(offset, value);
    if (offset === SS_CTRL) {
      this.onSelect(((value >>> 8) & 3) === OUTPUT_LOW);
    }
  }
}

const SSI_ENABLE = 0x08;
const SSI_RECEIVE_LEVEL = 0x24;
const SSI_STATUS = 0x28;
const SSI_DATA = 0x60;
const TRANSMIT_HAS_ROOM = 2;
const TRANSMIT_EMPTY = 4;
const RECEIVE_HAS_DATA = 8;

const READ_STATUS_2 = 0x35;
const READ_UNIQUE_ID = 0x4b;
const READ_JEDEC_ID = 0x9f;
const QUAD_ENABLED = 2;
const JEDEC_ID = [0xef, 0x40, 0x15]; // 2 MiB
const UNIQUE_ID_AT = 5;

/** Serial interface to the flash: commands. Reading by address needs none, it is mapped. */
export class FlashInterface extends RegisterFile {
  /** @param {Uint8Array} uniqueId the flash chip's eight bytes, which MicroPython shows */
  constructor(chip, uniqueId) {
    super(chip, 'SSI');
    this.uniqueId = uniqueId;
    this.held = false;
    this.command = [];
    this.answers = [];
  }

  select(low) {
    this.held = low;
    this.command = [];
  }

  answer() {
    const at = this.command.length - 1;
    switch (this.command[0]) {
      case READ_STATUS_2:
        return QUAD_ENABLED;
      case READ_UNIQUE_ID:
        return this.uniqueId[at - UNIQUE_ID_AT] ?? 0;
      case READ_JEDEC_ID:
        return JEDEC_ID[at - 1] ?? 0;
      default:
        return 0;
    }
  }

  readUint32(offset) {
    switch (offset) {
      case SSI_STATUS:
        return TRANSMIT_HAS_ROOM | TRANSMIT_EMPTY | (this.answers.length ? RECEIVE_HAS_DATA : 0);
      case SSI_RECEIVE_LEVEL:
        return this.answers.length;
      case SSI_DATA: {
        const value = this.answers.shift() ?? 0;
        if (!this.answers.length && !this.held) {
          this.command = []; // chip select goes up when the queue is empty
        }
        return value;
      }
      default:
        return super.readUint32(offset);
    }
  }

  writeUint32(offset, value) {
    if (offset === SSI_DATA) {
      this.command.push(value & 0xff);
      this.answers.push(this.answer());
    } else {
      if (offset === SSI_ENABLE) {
        this.answers = [];
        this.command = [];
      }
      super.writeUint32(offset, value);
    }
  }
}

const PORT_OPERATION = 0x00;
const PORT_ADDRESS = 0x04;
const PORT_SOURCE = 0x08;
const PORT_COUNT = 0x0c;
const ERASE = 1;
const PROGRAM = 2;
const BOOT_LOADER = 3;

/** Where the boot ROM stand-in hands flash operations over. */
export class RomPort extends RegisterFile {
  constructor(chip, flash, onBootLoader) {
    super(chip, 'ROM_PORT');
    this.flash = flash;
    this.onBootLoader = onBootLoader;
  }

  writeUint32(offset, value) {
    super.writeUint32(offset, value);
    if (offset !== PORT_OPERATION) {
      return;
    }
    const address = this.readUint32(PORT_ADDRESS);
    const count = this.readUint32(PORT_COUNT);
    if (value === ERASE) {
      this.flash.erase(address, count);
    } else if (value === PROGRAM) {
      const source = this.readUint32(PORT_SOURCE);
      const data = Uint8Array.from({ length: count }, (_, i) => this.rp2040.readUint8(source + i));
      this.flash.program(address, data);
    } else if (value === BOOT_LOADER) {
      this.onBootLoader();
    }
  }
}
