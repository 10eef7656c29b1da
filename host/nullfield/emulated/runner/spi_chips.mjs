// Chips on the SPI buses: each byte is answered by the parent process, time stands still meanwhile.

const NOBODY = 0xff; // the line's pull-up

export class SpiChips {
  /** @param {(event: object) => void} report */
  constructor(report) {
    this.report = report;
    this.chips = [];
    this.waiting = null;
  }

  attach(bus, select) {
    this.chips.push({ bus, select, sent: [] });
  }

  /** Listen to the buses and chip selects of a new chip. */
  connect(mcu) {
    this.waiting = null;
    for (const chip of this.chips) {
      chip.sent = [];
      const pin = mcu.gpio[chip.select];
      pin.addListener(() => {
        if (chip.sent.length && !(pin.outputEnable && !pin.outputValue)) {
          this.report({ event: 'spi_end', select: chip.select, data: hex(chip.sent) });
          chip.sent = [];
        }
      });
    }
    mcu.spi.forEach((spi, bus) => {
      spi.onTransmit = (value) => {
        const chip = this.chips.find((one) => {
          const pin = mcu.gpio[one.select];
          return one.bus === bus && pin.outputEnable && !pin.outputValue;
        });
        if (!chip) {
          spi.completeTransmit(NOBODY);
          return;
        }
        chip.sent.push(value & 0xff);
        this.waiting = spi;
        this.report({ event: 'spi', select: chip.select, data: hex(chip.sent) });
      };
    });
  }

  answer(value) {
    const spi = this.waiting;
    this.waiting = null;
    spi?.completeTransmit(value);
  }
}

const hex = (bytes) => Buffer.from(bytes).toString('hex');
