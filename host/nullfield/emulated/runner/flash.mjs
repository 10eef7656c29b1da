// Flash memory: sectors are erased, pages programmed, and power can be cut at any of these.

import fs from 'node:fs';

export const FLASH_BYTES = 2 * 1024 * 1024;
const SECTOR_BYTES = 4096;
const PAGE_BYTES = 256;

/** Thrown out of the running instruction when the power goes. */
export class PowerLost extends Error {}

export class Flash {
  /** @param {string | undefined} file keeps the contents across runs */
  constructor(file) {
    this.file = file;
    this.bytes = new Uint8Array(FLASH_BYTES).fill(0xff);
    this.erases = 0;
    this.programs = 0;
    this.cutAfter = null;
    if (file && fs.existsSync(file)) {
      this.bytes.set(fs.readFileSync(file).subarray(0, FLASH_BYTES));
    }
  }

  save() {
    if (this.file) {
      fs.writeFileSync(this.file, this.bytes);
    }
  }

  erase(address, count) {
    for (let at = address; at < address + count; at += SECTOR_BYTES) {
      const last = this.countDown();
      const end = at + (last ? SECTOR_BYTES / 2 : SECTOR_BYTES);
      this.bytes.fill(0xff, at, end);
      this.erases++;
      this.cutIf(last);
    }
  }

  /** Programming can clear bits, never set them. */
  program(address, data) {
    for (let at = 0; at < data.length; at += PAGE_BYTES) {
      const last = this.countDown();
      const end = Math.min(data.length, at + (last ? PAGE_BYTES / 2 : PAGE_BYTES));
      for (let i = at; i < end; i++) {
        this.bytes[address + i] &= data[i];
      }
      this.programs++;
      this.cutIf(last);
    }
  }

  /** Count an operation; true if it is the one that is left half done. */
  countDown() {
    if (this.cutAfter === null) {
      return false;
    }
    this.cutAfter--;
    return this.cutAfter <= 0;
  }

  cutIf(last) {
    if (last) {
      this.cutAfter = null;
      throw new PowerLost('power cut during a flash operation');
    }
  }
}
